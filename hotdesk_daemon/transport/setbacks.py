"""
Why a link is not up, in words and as a pace.

Everything that a connect or a session can end with becomes a `Setback` here: this is the boundary at which the
exceptions of sockets, TLS and WebSockets are translated. No text carries what a peer or a secret wrote, except
an error message with which a device answered us.
"""

from __future__ import annotations

import email.utils
import socket
import ssl
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.frames import CloseCode

from hotdesk_daemon.core.errors import HotdeskError, TransientError
from hotdesk_daemon.transport.backoff import Pace
from hotdesk_daemon.transport.certificates import FingerprintError

if TYPE_CHECKING:
    from websockets.http11 import Response

    from hotdesk_daemon.transport.endpoint import Endpoint


class SetbackKind(StrEnum):
    """The closed set of reasons, fit for a metric's label."""

    NETWORK = "network"
    BOOTING = "booting"
    CROWDED = "too many connections"
    CREDENTIALS = "credentials refused"
    CLEARTEXT_OFF = "clear text off"
    SERVICE_OFF = "service off"
    CERTIFICATE = "certificate refused"
    NOT_READY = "not ready"
    SUBSCRIPTIONS = "subscriptions used up"
    EVENTS_REFUSED = "events refused"
    NO_ANSWER = "no answer"
    SILENT = "silent"
    TOO_BIG = "frame too big"
    FLOOD = "flood"
    CUT = "connection lost"
    CLOSED = "closed by us"
    MISTAKE = "mistake of ours"


_PACES = {
    SetbackKind.BOOTING: Pace.SHORT,
    SetbackKind.NOT_READY: Pace.SHORT,
    SetbackKind.CROWDED: Pace.LONG,
    SetbackKind.SERVICE_OFF: Pace.LONG,
    SetbackKind.MISTAKE: Pace.LONG,
    SetbackKind.CREDENTIALS: Pace.SLOW,
    SetbackKind.CLEARTEXT_OFF: Pace.SLOW,
    SetbackKind.CERTIFICATE: Pace.SLOW,
    SetbackKind.SUBSCRIPTIONS: Pace.SLOW,
    SetbackKind.EVENTS_REFUSED: Pace.SLOW,
}


@attrs.frozen(kw_only=True)
class Setback:
    """One reason: ``cause`` is for people, ``retry_after_s`` what the device asked for."""

    kind: SetbackKind
    cause: str
    retry_after_s: float | None = None

    @property
    def pace(self) -> Pace:
        """How soon to try again."""
        return _PACES.get(self.kind, Pace.NORMAL)


class SetbackError(TransientError):
    """Carries a setback to whoever runs the link; it never leaves this package."""

    def __init__(self, setback: Setback) -> None:
        super().__init__(setback.cause, retry_after_s=setback.retry_after_s)
        self.setback = setback


def diagnose_opening(exc: Exception, endpoint: Endpoint) -> Setback:
    """
    Say why no connection came about.

    Order matters: a certificate's refusal and a time-out are both operating system errors too.
    """
    if isinstance(exc, InvalidStatus):
        return _diagnose_status(exc.response, endpoint)
    kind = SetbackKind.NETWORK
    match exc:
        case FingerprintError():
            kind, cause = SetbackKind.CERTIFICATE, str(exc)
        case ssl.SSLCertVerificationError():
            kind, cause = SetbackKind.CERTIFICATE, f"the certificate is refused: {exc.verify_message}"
        case HotdeskError():
            kind, cause = SetbackKind.CREDENTIALS, f"the password cannot be had: {exc}"
        case TimeoutError():
            cause = f"no connection within {endpoint.open_timeout_s:g} s"
        case OSError() | UnicodeError() | InvalidMessage() | EOFError():
            cause = _network_cause(exc)
        case ValueError():
            cause = "nothing can be connected to by this URL"
        case _:
            kind, cause = SetbackKind.SERVICE_OFF, "the host does not answer as a WebSocket service"
    return Setback(kind=kind, cause=cause)


def _network_cause(exc: Exception) -> str:
    match exc:
        case socket.gaierror() | UnicodeError():
            return "the host name cannot be resolved"
        case ConnectionRefusedError():
            return "the connection is refused"
        case ssl.SSLError():
            return f"the TLS handshake failed: {exc.reason or 'no reason given'}"
        case OSError():
            return f"the connection failed: {exc.strerror or 'lost during the handshake'}"
        case _:
            return "the connection was cut during the upgrade"


def diagnose_closing(closed: ConnectionClosed) -> Setback:
    """Say why a session that stood has ended."""
    if closed.sent is not None and not closed.rcvd_then_sent:
        if closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
            return Setback(kind=SetbackKind.TOO_BIG, cause=f"frame too big: {closed.sent.reason}")
        if closed.sent.code == CloseCode.PROTOCOL_ERROR:
            return Setback(kind=SetbackKind.CUT, cause="the device broke the WebSocket protocol")
    if closed.rcvd is not None:
        return Setback(kind=SetbackKind.CUT, cause=f"closed by the device with code {closed.rcvd.code}")
    return Setback(kind=SetbackKind.CUT, cause="the connection was lost")


def _diagnose_status(response: Response, endpoint: Endpoint) -> Setback:
    """
    Read a refused upgrade as a device means it.

    401 in clear text says that HTTP is not enabled, 403 (or 401 elsewhere) that user or password are wrong, 502 that
    the web server runs and the service behind it does not yet, 503 that we connect too often. See docs/protocol.md.
    """
    match response.status_code:
        case HTTPStatus.UNAUTHORIZED if not endpoint.is_secure:
            return Setback(
                kind=SetbackKind.CLEARTEXT_OFF,
                cause="HTTP is not enabled on the device (401 in clear text): use wss:// or enable HTTP",
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN as status:
            return Setback(kind=SetbackKind.CREDENTIALS, cause=f"user or password are refused ({status})")
        case HTTPStatus.BAD_GATEWAY:
            return Setback(kind=SetbackKind.BOOTING, cause="the device is booting (502)")
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return Setback(
                kind=SetbackKind.CROWDED,
                cause="the device takes no more connections for now (503)",
                retry_after_s=_retry_after_s(response),
            )
        case status:
            return Setback(
                kind=SetbackKind.SERVICE_OFF,
                cause=f"the WebSocket service is off (HTTP {status}): see NetworkServices Websocket",
            )


def _retry_after_s(response: Response) -> float | None:
    """
    Read ``Retry-After`` (RFC 9110 section 10.2.3): seconds, or a date taken relative to the answer's own ``Date``.

    So a device whose clock is hours off is understood all the same.
    """
    text = _header(response, "Retry-After")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
        said = email.utils.parsedate_to_datetime(_header(response, "Date"))
        return max(0.0, (until - said).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: one with, one without a zone
        return None


def _header(response: Response, name: str) -> str:
    """The first of this name: ``get`` raises when there are two."""
    return next((value.strip() for value in response.headers.get_all(name)), "")
