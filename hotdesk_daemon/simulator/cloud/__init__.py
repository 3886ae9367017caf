"""
The Webex cloud as a workspace integration meets it, in front of a simulated floor.

Commands that come by REST reach the floor's devices, and what these say goes out by queue and webhook. It lives by the
floor's clock.
"""

from __future__ import annotations

from .organisation import CloudOrganisation
from .server import SimulatedCloud

__all__ = ["CloudOrganisation", "SimulatedCloud"]
