"""
The RoomOS vocabulary: frames, notifications, lists, commands and what each release knows, as `core` types.

Dicts of the wire stop here. Facts: the RoomOS xAPI schema files 9.15.17.4 to 26.4.1, JSON-RPC 2.0.
"""

from __future__ import annotations

from hotdesk_daemon.xapi.bookings import parse_get, parse_list
from hotdesk_daemon.xapi.capabilities import Capabilities, capabilities_of
from hotdesk_daemon.xapi.frames import ErrorCode, Failure, Notification, Reply, Request, parse_frame
from hotdesk_daemon.xapi.notifications import MIRRORED_STATUS_PATHS, SUBSCRIPTIONS, parse_feedback
from hotdesk_daemon.xapi.releases import Release, release_of
from hotdesk_daemon.xapi.rendering import Rendered, render_command, render_get, render_list
from hotdesk_daemon.xapi.statuses import parse_status
from hotdesk_daemon.xapi.times import parse_instant, render_instant
from hotdesk_daemon.xapi.valuespaces import COMMANDS, CommandSpec, ParamSpec, Violation, violations

__all__ = [
    "COMMANDS",
    "MIRRORED_STATUS_PATHS",
    "SUBSCRIPTIONS",
    "Capabilities",
    "CommandSpec",
    "ErrorCode",
    "Failure",
    "Notification",
    "ParamSpec",
    "Release",
    "Rendered",
    "Reply",
    "Request",
    "Violation",
    "capabilities_of",
    "parse_feedback",
    "parse_frame",
    "parse_get",
    "parse_instant",
    "parse_list",
    "parse_status",
    "release_of",
    "render_command",
    "render_get",
    "render_instant",
    "render_list",
    "violations",
]
