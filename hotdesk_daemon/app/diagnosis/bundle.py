"""
The bundle: each part gathered by itself, scrubbed, and written down with what it is.

What cannot be had is noted in the manifest and ends nothing: a bundle is wanted when things do not work.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import tarfile
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs

from hotdesk_daemon.api.routes import API
from hotdesk_daemon.app.diagnosis import parts
from hotdesk_daemon.app.diagnosis.beside import DoorOfDaemon
from hotdesk_daemon.app.diagnosis.scrubbing import Scrubber
from hotdesk_daemon.app.diagnosis.settings import effective, usernames
from hotdesk_daemon.app.doctor import Doctor, Finding, Surroundings
from hotdesk_daemon.app.doctor.machine import secrets_of
from hotdesk_daemon.app.doctor.running import url_of
from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.ops.guard import scrub
from hotdesk_daemon.ops.settings import stored_http_token
from hotdesk_daemon.transport.cloud import InstallationStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from hotdesk_daemon.ops.settings import Settings

#: Where the manifest is; it is the first file.
MANIFEST: Final = "manifest.json"
_NAMED: Final = "<name>"
#: Why sending stands still was typed by somebody, unless it is what the breaker writes.
_OWN_REASON: Final = "the rules would hit"


@attrs.frozen(kw_only=True)
class Gathered:
    """One file of the bundle; ``content`` is None where it could not be had, and ``trouble`` says why."""

    name: str
    what: str
    content: bytes | None = None
    trouble: str = ""


@attrs.frozen(kw_only=True)
class Bundle:
    """What is in a bundle, in order."""

    parts: tuple[Gathered, ...]

    @property
    def missing(self) -> tuple[Gathered, ...]:
        """What could not be had."""
        return tuple(part for part in self.parts if part.content is None)


class _Gathering:
    """How parts are gathered: one after the other, each on its own."""

    def __init__(self, settings: Settings, *, last_s: float, url: str | None, around: Surroundings | None) -> None:
        self._settings = settings
        self._last_s = last_s
        self._url = url or (url_of(settings) if settings.http.port else None)
        self._around = around
        self._scrubber = Scrubber()

    async def gather(self) -> Bundle:
        settings, last_s = self._settings, self._last_s
        known = await asyncio.to_thread(lambda: list(_known_secrets(settings)))
        self._scrubber = Scrubber(secrets=known, names=usernames(settings))
        async with aiohttp.ClientSession() as session:
            door = DoorOfDaemon(self._url, session=session) if self._url is not None else None
            wanted: tuple[tuple[str, str, Callable[[], Awaitable[bytes]]], ...] = (
                ("version.json", "versions of the program, Python and libraries", self._local(parts.versions)),
                ("configuration.json", "every setting as it counts", self._local(lambda: effective(settings))),
                ("machine.json", "disk, limits, load, state directory", self._local(lambda: parts.machine(settings))),
                ("doctor.json", "the doctor's findings", self._doctor),
                ("readyz.json", "the running daemon's readiness", lambda: self._asked(door, "/readyz")),
                ("safety.json", "what keeps commands from leaving", lambda: self._asked(door, f"{API}/safety")),
                ("metrics.txt", "the running daemon's metrics", lambda: self._metrics(door)),
                ("desks.json", "every desk, without persons", lambda: self._desks(door)),
                ("journal.json", "numbers of the journal", self._local(lambda: parts.journal_numbers(settings))),
                ("parked.json", "commands that wait for a person", self._local(lambda: parts.parked(settings))),
                (
                    "capture.jsonl.zst",
                    "the newest history, redacted: see docs/captures.md; hotdesk-daemon explain and replay read it",
                    lambda: asyncio.to_thread(parts.capture, settings, last_s=last_s),
                ),
                ("log.txt", "what the unit wrote to the system's journal", self._log),
            )
            found = [await _one(name, what, how) for name, what, how in wanted]
        return Bundle(parts=tuple(found))

    # --- each part ---------------------------------------------------------------------------------------------------

    def _local(self, make: Callable[[], Any]) -> Callable[[], Awaitable[bytes]]:
        async def gather() -> bytes:
            return self._document(await asyncio.to_thread(make))

        return gather

    async def _doctor(self) -> bytes:
        found = await Doctor(self._settings, around=self._around).examine()
        return self._document([_finding(one) for one in found])

    async def _asked(self, door: DoorOfDaemon | None, path: str) -> bytes:
        found = await _there(door).document(path)
        if isinstance(found, dict):
            for switch in ("halted", "breaker_open"):
                if isinstance(found.get(switch), str) and not found[switch].startswith(_OWN_REASON):
                    found[switch] = _NAMED
        return self._document(found)

    async def _metrics(self, door: DoorOfDaemon | None) -> bytes:
        return self._scrubber.text(await _there(door).text("/metrics")).encode()

    async def _desks(self, door: DoorOfDaemon | None) -> bytes:
        return self._document([scrub(desk) async for desk in _there(door).desks()])

    async def _log(self) -> bytes:
        text = await asyncio.to_thread(lambda: parts.unit_log(last_s=self._last_s))
        return self._scrubber.log(text).encode()

    def _document(self, value: Any) -> bytes:  # noqa: ANN401 - as JSON has it
        return json.dumps(self._scrubber.document(value), indent=1, ensure_ascii=False).encode()


async def gather(
    settings: Settings, *, last_s: float, url: str | None = None, around: Surroundings | None = None
) -> Bundle:
    """
    Everything that a ticket needs of the site that *settings* describe.

    *last_s* is how far capture and log go back; *url* the daemon's door where the configuration does not tell.
    """
    return await _Gathering(settings, last_s=last_s, url=url, around=around).gather()


def write_bundle(bundle: Bundle, path: Path, *, replace: bool = False) -> None:
    """
    Write *bundle* to *path*, for its owner only: there, whole, when all is written. Blocks.

    Raises:
        ConfigError: there is a file already, or it cannot be written there.
    """
    if not replace and path.exists():
        raise ConfigError(f"{path}: is there already; choose another --output, or --force")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            _pack(bundle, file, stem=path.name.removesuffix(".tar.gz"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _pack(bundle: Bundle, file: Any, *, stem: str) -> None:  # noqa: ANN401 - a binary file
    now = datetime.now(UTC)
    manifest = {
        "written_at": now.isoformat(),
        "files": {part.name: part.what for part in bundle.parts if part.content is not None},
        "missing": {part.name: part.trouble for part in bundle.missing},
    }
    files = [(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())]
    files += [(part.name, part.content) for part in bundle.parts if part.content is not None]
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in files:
            about = tarfile.TarInfo(f"{stem}/{name}")
            about.size, about.mode, about.mtime = len(content), 0o600, int(now.timestamp())
            tar.addfile(about, io.BytesIO(content))


async def _one(name: str, what: str, how: Callable[[], Awaitable[bytes]]) -> Gathered:
    try:
        return Gathered(name=name, what=what, content=await how())
    except (HotdeskError, OSError) as exc:
        return Gathered(name=name, what=what, trouble=Scrubber().text(str(exc)))


def _there(door: DoorOfDaemon | None) -> DoorOfDaemon:
    if door is None:
        raise ConfigError("http.port is 0, so the daemon's port is not known here; give --url")
    return door


def _finding(one: Finding) -> dict[str, str]:
    """A finding without the names that people chose."""
    text = one.text
    for name in sorted(one.named, key=len, reverse=True):
        text = text.replace(name, _NAMED)
    return {
        "name": one.name,
        "level": one.level.value,
        "subject": one.subject,
        "text": text,
        "remedy": one.remedy,
    }


def _known_secrets(settings: Settings) -> Iterator[str]:
    """Every secret's value that can be read: none of them may stand anywhere."""
    yield from (secret.reveal() for secret in secrets_of(settings))
    token = stored_http_token(settings.daemon.state_dir)
    if token is not None:
        yield token.reveal()
    for organisation in settings.organisations:
        store = InstallationStore(settings.daemon.state_dir / "organisations" / f"{organisation.id}.json")
        with suppress(ConfigError):
            installation = store.load()
            if installation is not None:
                yield from filter(None, (installation.refresh_token, installation.access_token))
