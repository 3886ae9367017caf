"""A recording served as a floor: to a daemon that meets it, what happened happens again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.served import play, scripts
from hotdesk_daemon.core.inputs import BookingEvent, Input, StatusInput
from hotdesk_daemon.journal import Entry
from hotdesk_daemon.journal.entries import input_of
from tests.scenarios.site import site_of
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hotdesk_daemon.app.served import Script
    from hotdesk_daemon.core.ids import DeskId
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Transport


async def lived(open_site: OpenSite) -> Site:
    """Two desks on which something happened, one of them on a hybrid calendar."""
    site = await open_site("local", "hybrid")
    for flow, desk in (("F01", 0), ("F27", 0), ("F07", 1), ("F09", 1)):
        await site.play(flow, desk=desk)
    await site.advance(600)
    return site


def lasted_s(site: Site) -> float:
    """How long it went on, and a little longer: not every daemon is equally quick to read the first list."""
    return (site.clock.now() - site.clock.start).total_seconds() + 5


def read(directory: Path, *, shift_to: datetime | None = None) -> list[Script]:
    with recorded(f"sqlite:///{directory / 'journal.sqlite3'}") as recording:
        return scripts(recording, desks=(), shift_to=shift_to)


def said(directory: Path, desk: DeskId) -> list[tuple[str, dict[str, Any]]]:
    """What the devices of a desk said, without when."""
    with recorded(f"sqlite:///{directory / 'journal.sqlite3'}") as recording:
        inputs = [input_of(one.kind, one.input) for one in recording.entries(desks=[desk]) if isinstance(one, Entry)]
    told = [one for one in inputs if isinstance(one, Input) and isinstance(one, BookingEvent | StatusInput)]
    return [(type(one).__name__, attrs.asdict(one)) for one in told]


def events(heard: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(kind, fields) for kind, fields in heard if "booking_request_uuid" in fields]


async def test_a_daemon_hears_the_same_again_and_comes_to_the_same_picture(
    open_site: OpenSite, transport: Transport, tmp_path: Path
) -> None:
    first = await lived(open_site)
    await first.stop()
    served = await asyncio.to_thread(read, tmp_path)
    ended: list[DeskId] = []
    again = tmp_path / "again"

    async with site_of(
        *(script.plan for script in served), directory=again, transport=transport, begins=first.clock.start, start=False
    ) as second:
        play(second.floor, served, on_end=ended.append)
        await second.start()
        await second.advance(lasted_s(first))

    assert [first.desk_id(0), first.desk_id(1)] == ended
    for desk in range(2):
        before = events(await asyncio.to_thread(said, tmp_path, first.desk_id(desk)))
        after = events(await asyncio.to_thread(said, again, first.desk_id(desk)))
        assert before
        assert before == after
        assert [(b.state, b.start, b.duration_min) for b in first.bookings(desk)] == [
            (b.state, b.start, b.duration_min) for b in second.bookings(desk)
        ]
        assert [d.personalized for d in first.state(desk).devices.values()] == [
            d.personalized for d in second.state(desk).devices.values()
        ]


@over_socket
async def test_commands_are_answered_and_do_nothing(open_site: OpenSite, transport: Transport, tmp_path: Path) -> None:
    first = await open_site("local")
    await first.book()
    await first.advance(60)
    await first.stop()
    served = await asyncio.to_thread(read, tmp_path)

    async with site_of(
        served[0].plan, directory=tmp_path / "again", transport=transport, begins=first.clock.start, start=False
    ) as second:
        play(second.floor, served, on_end=lambda _: None)
        await second.start()
        await second.advance(120)
        await second.delete(second.booking().booking_id)
        await second.advance(5)

        assert ["Bookings Delete"] == [path for path, _ in second.sent()]
        assert ["created"] == [booking.state for booking in second.bookings()]
        assert 0 == second.effects("deleted")


@over_socket
async def test_everything_is_moved_to_another_day(open_site: OpenSite, transport: Transport, tmp_path: Path) -> None:
    first = await open_site("local")
    await first.play("F03")
    await first.stop()
    later = first.clock.start + timedelta(days=200)
    served = await asyncio.to_thread(read, tmp_path, shift_to=later)

    async with site_of(
        served[0].plan, directory=tmp_path / "again", transport=transport, begins=later, start=False
    ) as second:
        play(second.floor, served, on_end=lambda _: None)
        await second.start()
        await second.advance(lasted_s(first))

        [before], [after] = first.bookings(), second.bookings()
        assert (before.duration_min, before.state) == (after.duration_min, after.state)
        assert timedelta(days=200) == after.start - before.start


@over_socket
@pytest.mark.timeout(40)
async def test_simulate_serves_a_journal_until_it_is_stopped(open_site: OpenSite, tmp_path: Path) -> None:
    first = await open_site("local")
    await first.play("F01")
    await first.stop()
    words = ["simulate", "--journal", str(tmp_path / "journal.sqlite3"), "--config", str(_config(tmp_path))]

    def run() -> tuple[str, str, int]:
        with subprocess.Popen(
            [sys.executable, "-m", "hotdesk_daemon", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            head = process.stdout.readline()
            talk = "".join(iter(process.stderr.readline, "Ctrl-C ends it.\n")) + process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            return head + process.stdout.read(), talk, process.wait(timeout=10)

    shown, talk, code = await asyncio.to_thread(run)

    assert 0 == code
    assert f'id = "{first.desk_id()}"' in shown
    assert "begins to say what was recorded" in talk


def test_what_holds_no_device_is_refused(tmp_path: Path) -> None:
    capture = tmp_path / "empty.jsonl"
    header = {
        "type": "header", "format": "hotdesk-capture", "version": 1, "written_at": "2026-05-04T08:00:00Z",
        "software": "0.1.0", "origin": "journal", "redacted": True, "steps": True,
    }  # fmt: skip
    capture.write_text(json.dumps(header) + '\n{"type":"end","inputs":0}\n')
    command = [sys.executable, "-m", "hotdesk_daemon", "simulate", "--from", str(capture)]

    done = subprocess.run(
        [*command, "--config", str(_config(tmp_path))], capture_output=True, text=True, timeout=10, check=False
    )

    assert 78 == done.returncode
    assert "no device in this capture" in done.stderr


def _config(directory: Path) -> Path:
    path = directory / "hotdesk.toml"
    path.write_text(f'[daemon]\nstate_dir = "{directory}"\n[simulator]\nenabled = true\n')
    return path
