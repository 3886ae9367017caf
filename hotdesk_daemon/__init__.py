"""
Keeps the true state of Webex hot desks, and changes it reliably.

The package is a house of rooms: ``core`` decides, the rooms around it do. See ``docs/architecture.md``.
"""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("hotdesk-daemon")
