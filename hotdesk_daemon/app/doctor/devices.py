"""
One visit to one device: as the daemon connects, and then some questions.

A visit is one more client that leaves again. Nothing is set, nothing is booked; the one command that would need the
role Admin lacks its required parameter, so it does nothing either way.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs
from cryptography import x509

from hotdesk_daemon.app.doctor.clocks import Skew
from hotdesk_daemon.app.doctor.facts import WANTED, Facts, Value, judge_facts
from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, skipped, warned
from hotdesk_daemon.app.endpoints import endpoint_of
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.ops.settings import DeskSettings, DeviceSettings, SocketSettings
from hotdesk_daemon.transport import SslContexts
from hotdesk_daemon.transport.opening import open_socket
from hotdesk_daemon.transport.session import Session
from hotdesk_daemon.transport.setbacks import Setback, SetbackError, SetbackKind
from hotdesk_daemon.xapi.capabilities import release_of
from hotdesk_daemon.xapi.frames import ErrorCode, Failure, Reply
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS
from hotdesk_daemon.xapi.rendering import render_list
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.asyncio.client import ClientConnection

    from hotdesk_daemon.transport import Endpoint
    from hotdesk_daemon.xapi.releases import Release

#: The whole of a visit, and its parts; a device that is slower than this has a finding of its own.
VISIT_S: Final = 15.0
_OPEN_S: Final = 8.0
_ANSWER_S: Final = 6.0
_SOON: Final = timedelta(days=30)
#: Admin only, and it does nothing without ``FeedbackSlot``, which is required (RoomOS xAPI schema 26.4.1).
_PROBE: Final = "xCommand/HttpFeedback/Deregister"
_SOFTWARE: Final = ("Status", "SystemUnit", "Software", "Version")

#: OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
_HAS_EXPIRED: Final = 10
_CHECKS: Final = {
    SetbackKind.NETWORK: "device.reachable",
    SetbackKind.CREDENTIALS: "device.credentials",
    SetbackKind.CERTIFICATE: "device.certificate",
    SetbackKind.CLEARTEXT_OFF: "device.service",
    SetbackKind.SERVICE_OFF: "device.service",
    SetbackKind.CROWDED: "device.connections",
    SetbackKind.BOOTING: "device.ready",
    SetbackKind.NOT_READY: "device.ready",
}
#: What passes by itself.
_PASSING: Final = frozenset({SetbackKind.BOOTING, SetbackKind.NOT_READY})


@attrs.define(kw_only=True)
class Visit:
    """
    A device to visit, and what came of it.

    ``runs`` says that a daemon has its own session there, so that only one subscription is tried. ``stopped`` is what
    ended it before everything was looked at.
    """

    desk: DeskSettings
    device: DeviceSettings
    sockets: SocketSettings
    contexts: SslContexts
    now: Callable[[], datetime]
    runs: bool
    found: list[Finding] = attrs.field(factory=list)
    stopped: Finding | None = None
    skew: Skew | None = None

    @property
    def subject(self) -> str:
        """Desk and device, as people name them."""
        return f"{self.desk.id}/{self.device.id}"

    async def make(self) -> None:
        """Go there and come back, in time whatever happens."""
        try:
            async with asyncio.timeout(VISIT_S):
                await self._go()
        except TimeoutError:
            self.stopped = failed("device.answers", self.subject, f"the visit was not over within {VISIT_S:g} s")
        except SetbackError as exc:
            self.stopped = _not_opened(self.subject, exc)
        except ConfigError as exc:  # the authorities' file
            self.stopped = failed("device.certificate", self.subject, str(exc))
        except HotdeskError as exc:
            self.stopped = failed("device.answers", self.subject, quoted(str(exc)))

    async def _go(self) -> None:
        endpoint = attrs.evolve(
            endpoint_of(self.sockets, self.desk, self.device),
            open_timeout_s=_OPEN_S,
            request_timeout_s=min(_ANSWER_S, self.sockets.request_timeout_s),
        )
        self.found.append(_exposure(self.subject, endpoint))
        context = await asyncio.to_thread(self.contexts.context, endpoint.tls) if endpoint.is_secure else None
        socket = await open_socket(endpoint, context=context)
        async with _session(socket, endpoint) as session:
            self.found.append(fine("device.reachable", self.subject, "answers"))
            self.found.append(fine("device.credentials", self.subject, "user and password are taken"))
            self.found.extend(_certificate(self.subject, socket, endpoint, now=datetime.now(UTC)))
            await self._question(session)

    async def _question(self, session: Session) -> None:
        software = await _value(session, _SOFTWARE)
        release = release_of(software) if isinstance(software, str) else None
        self.found.append(await _role(session, self.subject, username=self.device.username))
        self.found.append(await _subscriptions(session, self.subject, at_most=1 if self.runs else len(SUBSCRIPTIONS)))
        self.found.append(await _bookings(session, self.subject, release))
        values = {path: await _value(session, path) for path in WANTED}
        self.found.extend(judge_facts(self.subject, Facts(release=release, values=values)))
        await self._clock(session)

    async def _clock(self, session: Session) -> None:
        before = self.now()
        told = await _value(session, ("Status", "Time", "SystemTime"))
        after = self.now()
        moment = _moment(told)
        if moment is None:
            self.found.append(skipped("device.clock", self.subject, "the device does not tell its time"))
            return
        # It was read at some time between question and answer: half of that is nobody's mistake.
        middle, slack_s = before + (after - before) / 2, (after - before).total_seconds() / 2
        ahead_s = (moment - middle).total_seconds()
        ahead_s = 0.0 if abs(ahead_s) <= slack_s else ahead_s
        self.skew = Skew(name="device.clock", subject=self.subject, ahead_s=ahead_s)


# --- the connection --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _session(socket: ClientConnection, endpoint: Endpoint) -> AsyncIterator[Session]:
    """A session that is read, and ends with the context."""
    session = Session(socket, endpoint=endpoint)
    reader = asyncio.create_task(_read(session), name=f"doctor {endpoint.device}")
    try:
        yield session
    finally:
        reader.cancel()
        await asyncio.wait({reader})
        await session.end()


async def _read(session: Session) -> None:
    """Deliver answers until the connection ends; then nobody is left waiting."""
    with suppress(SetbackError):
        while True:
            session.sort(await session.receive())
    await session.end()


def _not_opened(subject: str, exc: SetbackError) -> Finding:
    setback = exc.setback
    name, remedy = _CHECKS.get(setback.kind, "device.answers"), None
    if isinstance(exc.__cause__, ssl.SSLError):  # a handshake that fails is a network's trouble to a link
        name = "device.certificate"
    if isinstance(exc.__cause__, ssl.SSLCertVerificationError) and exc.__cause__.verify_code == _HAS_EXPIRED:
        remedy = "renew it on the device; pinned (fingerprint_sha256) it is taken as it is"
    return (warned if setback.kind in _PASSING else failed)(name, subject, quoted(setback.cause), remedy=remedy)


def _exposure(subject: str, endpoint: Endpoint) -> Finding:
    if not endpoint.is_exposed:
        return fine("device.verification", subject, "credentials are protected")
    how = "the certificate is not checked" if endpoint.is_secure else "the password crosses the network in clear text"
    return warned("device.verification", subject, how)


def _certificate(subject: str, socket: ClientConnection, endpoint: Endpoint, *, now: datetime) -> Iterator[Finding]:
    if not endpoint.is_secure:
        return
    tls = socket.transport.get_extra_info("ssl_object")
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    if endpoint.tls.is_open:
        yield skipped("device.certificate", subject, "is not checked, as configured")
    else:
        yield fine("device.certificate", subject, "is trusted")
    try:
        expires = x509.load_der_x509_certificate(der or b"").not_valid_after_utc
    except ValueError:
        yield skipped("device.certificate_expiry", subject, "the certificate cannot be read")
        return
    text = f"the certificate {'expired' if expires <= now else 'expires'} on {expires:%Y-%m-%d}"
    if expires - now <= _SOON:
        yield warned("device.certificate_expiry", subject, text)
    else:
        yield fine("device.certificate_expiry", subject, text)


# --- questions -------------------------------------------------------------------------------------------------------


async def _value(session: Session, path: tuple[str, ...]) -> Value:
    """What stands at *path*; None where it is not, or not for this user."""
    answer = await session.exchange("xGet", {"Path": list(path)})
    if isinstance(answer, Failure) and answer.code == ErrorCode.NOT_READY:
        raise SetbackError(Setback(kind=SetbackKind.NOT_READY, cause="the device is not ready, it is still starting"))
    found = answer.value() if isinstance(answer, Reply) else None
    return found if isinstance(found, str | int) else None


async def _role(session: Session, subject: str, *, username: str) -> Finding:
    answer = await session.exchange(_PROBE, {})
    if isinstance(answer, Failure) and answer.code == ErrorCode.PERMISSION_DENIED:
        text = f'the user "{username}" has not the role Admin: nobody can be signed out'
        return failed("device.role", subject, text, named=(f'"{username}"',))
    if isinstance(answer, Failure) and answer.code == ErrorCode.METHOD_NOT_FOUND:
        return skipped("device.role", subject, "the device does not know the command that would tell")
    return fine("device.role", subject, "is Admin")


async def _subscriptions(session: Session, subject: str, *, at_most: int) -> Finding:
    """Subscribe as the daemon does; what is held ends with the session."""
    name = "device.subscriptions"
    for held, path in enumerate(SUBSCRIPTIONS[:at_most]):
        answer = await session.exchange("xFeedback/Subscribe", {"Query": list(path)})
        if not isinstance(answer, Failure):
            continue
        if answer.code == ErrorCode.SUBSCRIBER_COUNT_EXCEEDED:
            text = f"there is room for {held} of {len(SUBSCRIPTIONS)} subscriptions: another client holds too many"
            return failed(name, subject, text)
        if path[0] == "Event":
            text = f"booking events are refused: {quoted(answer.message or answer.name)}"
            return failed(name, subject, text, remedy="give the user the role Admin, and upgrade RoomOS")
    return fine(name, subject, "there is room for subscriptions")


async def _bookings(session: Session, subject: str, release: Release | None) -> Finding:
    rendered = render_list(release)
    answer = await session.exchange(rendered.method, rendered.params)
    if isinstance(answer, Failure):
        return failed("device.bookings", subject, f"Bookings List is refused: {quoted(answer.message or answer.name)}")
    answer.value()  # else it is no JSON, which the visit tells
    return fine("device.bookings", subject, "Bookings List answers")


def _moment(told: Value) -> datetime | None:
    if not isinstance(told, str):
        return None
    try:
        return parse_instant(told)
    except HotdeskError:
        return None
