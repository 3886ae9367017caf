"""The command line: one module per verb."""

from __future__ import annotations

from hotdesk_daemon.cli.program import main

__all__ = ["main"]
