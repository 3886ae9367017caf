"""The HTTP door: API, live stream, operations page."""

from __future__ import annotations

from hotdesk_daemon.api.calls import Streams
from hotdesk_daemon.api.server import Listening, serve
from hotdesk_daemon.api.site import Asked, CommandView, Lost, SafetyView, Site, StreamItem, Switches
from hotdesk_daemon.api.watchers import Watchers

__all__ = [
    "Asked",
    "CommandView",
    "Listening",
    "Lost",
    "SafetyView",
    "Site",
    "StreamItem",
    "Streams",
    "Switches",
    "Watchers",
    "serve",
]
