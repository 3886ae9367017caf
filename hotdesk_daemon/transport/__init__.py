"""Devices at the other end of a socket: connecting, speaking JSON-RPC, reconnecting."""

from hotdesk_daemon.transport.backoff import Backoff, BackoffSettings, Pace, Steps
from hotdesk_daemon.transport.certificates import FingerprintError, SslContexts, Tls, parse_fingerprint
from hotdesk_daemon.transport.endpoint import Endpoint
from hotdesk_daemon.transport.gate import ConnectGate, FleetGate
from hotdesk_daemon.transport.link import DeviceLink, LinkCounters
from hotdesk_daemon.transport.setbacks import Setback, SetbackKind
from hotdesk_daemon.transport.sink import Sink

__all__ = [
    "Backoff",
    "BackoffSettings",
    "ConnectGate",
    "DeviceLink",
    "Endpoint",
    "FingerprintError",
    "FleetGate",
    "LinkCounters",
    "Pace",
    "Setback",
    "SetbackKind",
    "Sink",
    "SslContexts",
    "Steps",
    "Tls",
    "parse_fingerprint",
]
