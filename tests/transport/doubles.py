"""A device that follows a script over a real socket, and what a link needs around it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import attrs
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.transport import (
    BackoffSettings,
    ConnectGate,
    DeviceLink,
    Endpoint,
    FleetGate,
    SslContexts,
    Steps,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

LIMIT_S = 4.0
#: The unit of the few time limits that are real.
TICK_S = 0.1
DEVICE = DeviceId("dev-1")
VERSION_PATH = ["Status", "SystemUnit", "Software", "Version"]
TIMEOUT_PATH = ["Configuration", "Bookings", "AdhocBooking", "BookingTimeout"]
UPTIME_PATH = ["Status", "SystemUnit", "Uptime"]
BOOKING_EVENTS = ["Event", "Bookings"]
SYNC_REQUIRED = {"Id": 0, "Event": {"Bookings": {"SyncRequired": {}}}}


class Noted:
    """Something that changes; tests wait for what they want to see."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(holds)


class RecordingSink(Noted):
    """Keeps the news in order; ``hold`` lets a test block it."""

    def __init__(self) -> None:
        super().__init__()
        self.news: list[tuple[Any, ...]] = []
        self.hold = asyncio.Event()
        self.hold.set()

    def kinds(self) -> list[str]:
        return [entry[0] for entry in self.news]

    def all(self, kind: str) -> list[tuple[Any, ...]]:
        return [entry[1:] for entry in self.news if entry[0] == kind]

    async def _add(self, *entry: object) -> None:
        self.news.append(entry)
        await self.note()
        await self.hold.wait()

    async def link_up(self, device: DeviceId, *, software: str | None, booking_timeout_s: int | None) -> None:
        await self._add("up", software, booking_timeout_s)

    async def link_down(self, device: DeviceId, *, cause: str) -> None:
        await self._add("down", cause)

    async def received(self, device: DeviceId, frame: bytes, params: bytes, at_mono: float) -> None:
        assert json.loads(params) == json.loads(frame)["params"]
        await self._add("received", json.loads(params))

    async def undecodable(self, device: DeviceId, frame: bytes, error: str) -> None:
        await self._add("undecodable", frame, error)


class Waits(Noted):
    """A sleep that lasts until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._permits = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.note()
        await self._permits.acquire()

    async def begun(self, count: int) -> None:
        await self.until(lambda: len(self.asked) >= count)

    def end_one(self) -> None:
        self._permits.release()


@attrs.define(eq=False)
class ScriptedDevice:
    """
    Answers as a device would; a test changes single answers.

    ``results`` and ``errors`` are by path (xGet, xFeedback/Subscribe) or method; ``mute`` answers nothing.
    """

    requests: list[dict[str, Any]] = attrs.field(factory=list)
    sockets: list[ServerConnection] = attrs.field(factory=list)
    upgrades: list[Mapping[str, str]] = attrs.field(factory=list)
    results: dict[str, Any] = attrs.field(factory=dict)
    errors: dict[str, tuple[int, str]] = attrs.field(factory=dict)
    held: set[str] = attrs.field(factory=set)
    refuse_with: int | None = None
    refuse_headers: dict[str, str] = attrs.field(factory=dict)
    mute: bool = False
    on_request: Callable[[ServerConnection, dict[str, Any]], Awaitable[None]] | None = None
    noted: Noted = attrs.field(factory=Noted)
    url: str = ""

    def upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        self.upgrades.append(dict(request.headers.raw_items()))
        if self.refuse_with is None:
            return None
        response = connection.respond(self.refuse_with, "no")
        for name, value in self.refuse_headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        return response

    async def talk(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        await self.noted.note()
        try:
            async for text in socket:
                request = json.loads(text)
                self.requests.append(request)
                await self.noted.note()
                if self.on_request is not None:
                    await self.on_request(socket, request)
                if not self.mute and not self.held & set(keys_of(request)):
                    await self.answer(socket, request)
        except ConnectionClosed:
            pass
        await self.noted.note()

    async def answer(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        frame: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        for key in keys_of(request):
            if key in self.errors:
                code, message = self.errors[key]
                frame["error"] = {"code": code, "message": message}
                break
            if key in self.results:
                frame["result"] = self.results[key]
                break
        else:
            frame["result"] = {"Id": len(self.requests)} if "Query" in request["params"] else {"status": "OK"}
        await socket.send(json.dumps(frame))

    async def notify(self, params: object = SYNC_REQUIRED, *, method: str = "xFeedback/Event") -> None:
        await self.sockets[-1].send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def asked(self, key: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if key in keys_of(request)]


def keys_of(request: dict[str, Any]) -> tuple[str, ...]:
    path = request["params"].get("Path") or request["params"].get("Query") or []
    return (" ".join(map(str, path)), request["method"])


def _echo_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return offered[0] if offered else None


@asynccontextmanager
async def a_device(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedDevice]:
    device = ScriptedDevice()
    device.results[" ".join(VERSION_PATH)] = "RoomOS 26.4.1 0123abc"
    device.results[" ".join(TIMEOUT_PATH)] = 60
    async with serve(
        device.talk,
        "127.0.0.1",
        0,
        process_request=device.upgrade,
        select_subprotocol=_echo_subprotocol,
        compression=None,
        ssl=tls,
        close_timeout=TICK_S,
        ping_interval=None,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        device.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ws"
        yield device


class Longest(random.Random):
    """Draws the upper end, so that a wait shows its ceiling."""

    def uniform(self, a: float, b: float) -> float:
        return b


#: Waits that a test can recognise: each pace has its own.
PLAIN_STEPS = BackoffSettings(
    short=Steps(least_s=1, first_s=1, cap_s=1),
    normal=Steps(least_s=2, first_s=2, cap_s=2),
    long=Steps(least_s=4, first_s=4, cap_s=4),
    slow=Steps(least_s=8, first_s=8, cap_s=8),
)


@attrs.define(eq=False)
class RunningLink:
    """A link with everything around it recorded; used as a context it runs."""

    link: DeviceLink
    sink: RecordingSink
    waits: Waits
    task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.link.run(), name="link under test")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def up(self, times: int = 1) -> None:
        await self.sink.until(lambda: self.sink.kinds().count("up") >= times)

    async def down(self, times: int = 1) -> None:
        await self.sink.until(lambda: self.sink.kinds().count("down") >= times)

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled() and (error := self.task.exception()) is not None:
            raise error


def an_endpoint(url: str, **settings: Any) -> Endpoint:
    defaults: dict[str, Any] = {
        "device": DEVICE,
        "desk": DeskId("desk-1"),
        "username": "admin",
        "password": lambda: "s3cret/?>",
        "backoff": PLAIN_STEPS,
        "request_timeout_s": LIMIT_S,
    }
    return Endpoint(url=url, **(defaults | settings))


def a_link(url: str, *, gate: ConnectGate | None = None, clock: Any = None, **settings: Any) -> RunningLink:
    sink, waits = RecordingSink(), Waits()
    link = DeviceLink(
        an_endpoint(url, **settings),
        sink=sink,
        gate=gate if gate is not None else FleetGate(per_s=10_000, at_once=100),
        rng=Longest(),
        ssl_contexts=SslContexts(),
        sleep=waits,
        log=structlog.get_logger(),
        **({} if clock is None else {"clock": clock}),
    )
    return RunningLink(link=link, sink=sink, waits=waits)


@attrs.frozen(kw_only=True)
class Identity:
    """A self-signed certificate as files, and its fingerprint."""

    certificate: Path
    key: Path
    fingerprint: str


def make_identity(folder: Path) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk.example.com")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    identity = Identity(
        certificate=folder / "certificate.pem",
        key=folder / "key.pem",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    identity.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return identity
