"""A bundle says how things are, and nothing of persons, titles and secrets."""

from __future__ import annotations

import asyncio
import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import pytest
import zstandard

from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.app.diagnosis import MANIFEST, Bundle, gather, write_bundle
from hotdesk_daemon.app.diagnosis.scrubbing import Scrubber
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.ops.clocks import SystemClock
from hotdesk_daemon.ops.settings import HttpSettings, Secret
from hotdesk_daemon.simulator import DeskPlan, User
from hotdesk_daemon.transport.cloud import InstallationStore
from tests.app.doctor.sites import QUEUE, ROOMY, Looked, a_site

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.transport.cloud import Installation

pytestmark = pytest.mark.may_block(reason="the test writes and reads files")

#: Whatever of this stands in a bundle has got past us.
CANARY: Final = "Qzwx7"
PASSWORD: Final = f"pass-{CANARY}-word"
USER: Final = f"jane.{CANARY}"
LOG: Final = f"""\
2026-05-04T08:00:00+0000 hotdesk-daemon[7]: {{"event": "desk.fresh", "desk_id": "desk-1", "title": "{CANARY} leaves"}}
2026-05-04T08:00:01+0000 hotdesk-daemon[7]: told jane.{CANARY}@example.com about it
2026-05-04T08:00:02+0000 hotdesk-daemon[7]: Authorization: Bearer {CANARY}-abcdefghijklmnop
2026-05-04T08:00:03+0000 hotdesk-daemon[7]: password={CANARY}-12345 was refused
2026-05-04T08:00:04+0000 hotdesk-daemon[7]: jwt eyJhbGciOiJIUzI1NiJ9.{CANARY}abcdefg.{CANARY}
"""


def _unpack(path: Path) -> dict[str, bytes]:
    """Every file by its name; a packed one unpacked, too."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            assert 0o600 == member.mode
            content = file.read()
            if member.name.endswith(".zst"):
                content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
            found[member.name.partition("/")[2]] = content
    return found


def _document(files: dict[str, bytes], name: str) -> Any:
    return json.loads(files[name])


def _fake_journalctl(directory: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = directory / "bin" / "journalctl"
    program.parent.mkdir()
    (directory / "log").write_text(text)
    program.write_text(f"#!/bin/sh\nexec cat {directory / 'log'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def _plant(site: Looked) -> None:
    """Put persons, titles and secrets wherever people and devices may put them."""
    site.change_device(username=USER, password=Secret(PASSWORD, origin="from env:PW"))
    site.device.users = (User(name=USER, password=PASSWORD, roles=frozenset({"User"})),)
    (site.settings.daemon.state_dir / "halt").write_text(f"{CANARY} asked for it\n")

    def change(found: Installation | None) -> Installation | None:
        return found and attrs.evolve(found, refresh_token=f"refresh-{CANARY}", organisation_name=f"{CANARY} Ltd")

    name = f"{site.settings.organisations[0].id}.json"
    InstallationStore(site.settings.daemon.state_dir / "organisations" / name).change(change)


async def _diagnosed(tmp_path: Path, settings: Any) -> tuple[Bundle, dict[str, bytes]]:
    bundle = await gather(settings, last_s=3600.0, around=ROOMY)
    path = tmp_path / "bundle.tar.gz"
    write_bundle(bundle, path)
    assert 0o600 == path.stat().st_mode & 0o777
    return bundle, _unpack(path)


@pytest.mark.timeout(40)
async def test_no_byte_of_a_bundle_is_of_a_person_or_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_journalctl(tmp_path, LOG, monkeypatch)
    cloud = attrs.evolve(QUEUE, sockets=True)
    async with a_site(
        tmp_path, DeskPlan(workspace=f"{CANARY} corner"), DeskPlan(workspace="Desk 2"), cloud=cloud
    ) as site:
        first, second = site.settings.desks
        site.change_desks(attrs.evolve(first, id="desk-1"), second)
        daemon = Daemon(site.settings, SystemClock())
        running = asyncio.create_task(daemon.run())
        try:
            await asyncio.wait_for(daemon.ready.wait(), 4)
            port = int(daemon.url.rpartition(":")[2])
            await _until_live(daemon)
            await _book(daemon)
            _plant(site)
            site.device.faults.enable("reboot", seconds=60.0)
            said = f"this is for Jane {CANARY}"
            site.floor.desks[1].device.faults.enable("command_error", command="Bookings List", message=said)
            settings = attrs.evolve(site.settings, http=HttpSettings(port=port, token=Secret(f"token-{CANARY}")))
            bundle, files = await _diagnosed(tmp_path, settings)
        finally:
            daemon.stop.set()
            await asyncio.wait_for(running, 8)

    state = [path.read_bytes() for path in settings.daemon.state_dir.rglob("*") if path.is_file()]
    assert 3 <= sum(1 for content in state if CANARY.encode() in content)  # it was there to be found
    assert [] == [(part.name, part.trouble) for part in bundle.missing]
    assert {} == {
        name: _around(content) for name, content in files.items() if CANARY.lower().encode() in content.lower()
    }
    assert {MANIFEST, *(part.name for part in bundle.parts)} == {*files}
    assert {*files} - {MANIFEST} == {*_document(files, MANIFEST)["files"]}
    assert "<secret, from env:PW>" == _document(files, "configuration.json")["desk"][0]["device"][0]["password"]
    told = {one["name"]: one["text"] for one in _document(files, "doctor.json") if one["level"] == "warning"}
    assert "sending is stopped: <name>" == told["machine.halt"]
    assert "<name>" in told["organisation.connected"]
    assert ["desk-1", "desk-2"] == [desk["id"] for desk in _document(files, "desks.json")]
    assert 0 < _document(files, "journal.json")["records"]
    assert b"desk.fresh" in files["log.txt"]
    assert files["capture.jsonl.zst"].startswith(b'{"')
    assert b"hotdesk_" in files["metrics.txt"]


def _around(content: bytes) -> bytes:
    at = content.lower().index(CANARY.lower().encode())
    return content[max(0, at - 80) : at + 80]


async def _until_live(daemon: Daemon) -> None:
    async with asyncio.timeout(6):
        while not daemon.fleet.readiness().ready:  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0)


async def _book(daemon: Daemon) -> None:
    """Have the daemon hold a booking with a title and an organizer, and a command that says them."""
    start = (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0)
    body = {"start": start.isoformat(), "duration_min": 30, "title": f"{CANARY} leaves us"}
    body["organizer"] = {"email": f"jane.{CANARY}@example.com", "name": f"Jane {CANARY}"}
    headers = {"Authorization": f"Bearer {daemon.token}"}
    async with (
        aiohttp.ClientSession(daemon.url, headers=headers) as session,
        session.post("/api/v1/desks/desk-1/bookings", json=body) as answer,
    ):
        assert 202 == answer.status, await answer.text()


async def test_what_cannot_be_had_is_noted_and_nothing_else_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with a_site(tmp_path) as site:
        settings = attrs.evolve(site.settings, http=HttpSettings(port=1))
        bundle, files = await _diagnosed(tmp_path, settings)

    missing = {"readyz.json", "safety.json", "metrics.txt", "desks.json", "journal.json", "parked.json"}
    missing |= {"capture.jsonl.zst", "log.txt"}
    assert missing == {part.name for part in bundle.missing}
    assert missing == {*_document(files, MANIFEST)["missing"]}
    assert all(part.trouble for part in bundle.missing)


def test_a_file_that_is_there_is_not_written_over_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_text("dear to somebody")
    bundle = Bundle(parts=())
    with pytest.raises(ConfigError, match="is there already"):
        write_bundle(bundle, path)
    kept = path.read_text()
    write_bundle(bundle, path, replace=True)

    assert "dear to somebody" == kept
    assert ["bundle.tar.gz"] == [file.name for file in tmp_path.iterdir()]
    assert {MANIFEST} == {*_unpack(path)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("told person@example.com", "told <address>"),
        ("Bearer abcdefghij", "<hidden>"),
        ("at https://jane:hush@host/x", "at https://<hidden>@host/x"),
        ("a" * 20 + "1" * 20, "<hidden>"),
        ("5b1c9a52-32f0-4a2e-9f0a-0d6a5f0b7c11", "5b1c9a52-32f0-4a2e-9f0a-0d6a5f0b7c11"),
        ("RoomOS 26.4.1 is Admin's", "RoomOS 26.4.1 is Admin's"),
        ("the hush-hush word", "the <hidden> word"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out_and_nothing_else(text: str, expected: str) -> None:
    assert expected == Scrubber(secrets=["hush-hush"], names=["Admin", "admin"]).text(text)
