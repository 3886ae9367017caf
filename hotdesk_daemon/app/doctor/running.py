"""The daemon beside us, if there is one: its ports, what it says of itself, and what it writes."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import attrs

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, skipped, warned
from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.journal.damage import damaged_files
from hotdesk_daemon.journal.dialect import file_of, parse_url
from hotdesk_daemon.journal.reading import reading
from hotdesk_daemon.ops.settings import Events

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.ops.settings import Settings

#: An answer on this machine; a daemon under load takes a part of it.
_ANSWER_S: Final = 5.0
#: Addresses to listen on that are none to call.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on here
_MOST_BYTES: Final = 1 << 20
#: What a list may take beyond its interval, jitter and a device that is slow included.
_SLACK: Final = timedelta(minutes=5)


@attrs.frozen(kw_only=True)
class Beside:
    """Whether a daemon of ours answers at the configured port, and what there is to say of it."""

    runs: bool
    findings: tuple[Finding, ...]


def address_of(settings: Settings) -> tuple[str, int]:
    """Where the daemon's door is to be called."""
    http = settings.http
    return _EVERYWHERE.get(http.host, http.host), http.port


def url_of(settings: Settings) -> str:
    """The door as a URL."""
    host, port = address_of(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def look_at_running(settings: Settings) -> Beside:
    """Ask who listens at the daemon's port; nothing is taken, not even for a moment."""
    http = settings.http
    if http.port == 0:
        text = "the daemon takes any free port, so it is not known here"
        return Beside(runs=False, findings=(fine("machine.port", "http.port", text),))
    subject = f"{http.host} port {http.port}"
    host, port = address_of(settings)
    if not await _listens(host, port):
        found = await asyncio.to_thread(_port_of_ours, http.host, subject)
        return Beside(runs=False, findings=(found, *await _webhook_port(settings)))
    try:
        ready = await _readiness(url_of(settings))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        text = "something listens there that does not answer as a hotdesk daemon"
        return Beside(runs=False, findings=(failed("machine.port", subject, text),))
    reasons = tuple(failed("machine.ready", subject, reason) for reason in ready)
    said = reasons or (fine("machine.ready", subject, "the daemon is ready"),)
    return Beside(runs=True, findings=(fine("machine.port", subject, "our daemon answers there"), *said))


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _readiness(url: str) -> list[str]:
    """
    Why the daemon at *url* is not ready.

    Raises:
        ValueError: it does not speak as ours does.
        OSError, aiohttp.ClientError, TimeoutError: it does not answer.
    """
    async with asyncio.timeout(_ANSWER_S), aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
        body = json.loads(await answer.content.read(_MOST_BYTES))
    match body:
        case {"ready": bool(), "reasons": list(reasons)}:
            return [str(reason) for reason in reasons]
        case _:
            raise ValueError("no readiness")


def _port_of_ours(host: str, subject: str) -> Finding:
    """Nobody listens; whether we could is a matter of the address, which any other port shows."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError as exc:
        return failed("machine.port", subject, f"{host} is no address of this machine: {exc.strerror or exc}")
    return fine("machine.port", subject, "is free: no daemon runs")


async def _webhook_port(settings: Settings) -> tuple[Finding, ...]:
    door = settings.webhook
    if all(one.events is Events.QUEUE for one in settings.organisations) or door.port == 0:
        return ()
    subject = f"{door.host} port {door.port}"
    if await _listens(_EVERYWHERE.get(door.host, door.host), door.port):
        return (failed("machine.webhook_port", subject, "is taken by another program, and no daemon runs"),)
    return (fine("machine.webhook_port", subject, "is free"),)


# --- what it writes --------------------------------------------------------------------------------------------------


def look_at_journal(settings: Settings, *, runs: bool, now: datetime) -> list[Finding]:
    """Open the journal as any reader does, beside whoever writes it. Blocks."""
    name = "machine.journal"
    try:
        path = file_of(parse_url(settings.journal_url))
    except HotdeskError as exc:
        return [failed(name, settings.journal_url, str(exc), remedy="mend journal.url")]
    subject = str(path or settings.journal_url)
    if path is not None and not path.exists():
        return [fine(name, subject, "is not there yet: the daemon begins a new one"), *_damaged(path)]
    try:
        with reading(settings.journal_url) as journal:
            newest, newest_at = journal.end()
    except ConfigError as exc:
        remedy = "name the right file in journal.path; one of another version is for the version that wrote it"
        return [failed(name, subject, str(exc), remedy=remedy)]
    except (HotdeskError, OSError) as exc:
        return [failed(name, subject, str(exc))]
    held = f", held by process {holder}" if path is not None and (holder := _holder(path)) is not None else ""
    found = [fine(name, subject, f"opens, with {newest} records{held}"), *_damaged(path)]
    if runs and settings.simulator.enabled:
        found.append(skipped("machine.journal_age", subject, "a simulated site has a time of its own"))
    elif runs and newest_at is not None:
        found.append(_age(settings, subject, newest_at, now=now))
    return found


def _damaged(path: Path | None) -> list[Finding]:
    aside = [] if path is None else damaged_files(path)
    if not aside:
        return []
    text = f"{len(aside)} damaged so far, put aside: what only it held is missing, such as desks' maintenance"
    remedy = "look into it with journal verify --journal FILE, and delete it when nobody wants it any more"
    return [warned("machine.journal", str(aside[-1]), text, remedy=remedy)]


def _age(settings: Settings, subject: str, newest_at: datetime, *, now: datetime) -> Finding:
    intervals = [settings.sync.interval_s, *(one.sync_interval_s for one in settings.organisations)]
    limit = 2 * timedelta(seconds=max(intervals)) + _SLACK
    age = now - newest_at
    text = f"the newest record is of {newest_at:%Y-%m-%d %H:%M:%S} UTC"
    if age > limit:
        return warned("machine.journal_age", subject, f"{text}, {age // timedelta(minutes=1)} minutes ago")
    return fine("machine.journal_age", subject, text)


def _holder(database: Path) -> int | None:
    """The process that has the journal open for writing, by what it wrote beside it; no lock is tried."""
    try:
        with database.with_name(f"{database.name}.lock").open("rb") as file:
            written = file.read(32).strip()
    except OSError:
        return None
    pid = int(written) if written.isdigit() else 0
    return pid if pid and Path(f"/proc/{pid}").exists() else None
