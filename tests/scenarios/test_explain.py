"""Why a desk is as it is: every move of everything has its chain, and each chain begins with a root cause."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.app.explain import Explanation, explain
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import BookingId, DeskId
from hotdesk_daemon.journal.reading import reading
from tests.scenarios.rules import RULES, rule

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site

FLOWS = ("F01", "F03", "F04", "F06", "F11", "F13", "F16", "F23", "F27", "F32")


async def explained(
    path: Path, desk: str = "desk-1", *, at: datetime | None = None, booking: str | None = None
) -> Explanation:
    url = f"sqlite:///{path / 'journal.sqlite3'}"
    only = BookingId(booking) if booking is not None else None
    return await asyncio.to_thread(explain, url, DeskId(desk), at=at, booking=only)


def roots(path: Path, seqs: set[int]) -> set[int]:
    """Which of these inputs of the desk no earlier one led to."""
    with reading(f"sqlite:///{path / 'journal.sqlite3'}") as journal:
        records = [journal.record(DeskId("desk-1"), seq) for seq in seqs]
    return {record.seq for record in records if record is not None and record.cause_seq is None}


def held(site: Site) -> dict[tuple[str, str], str]:
    """The states of what the daemon holds, as an explanation names them."""
    state = site.state()
    return {
        **{("booking", str(one.booking_id)): one.state.value for one in state.bookings.values()},
        **{("link", str(one.device_id)): one.link.value for one in state.devices.values()},
        **{("sign-in", str(one.device_id)): one.sign_in.value for one in state.devices.values()},
    }


@pytest.mark.parametrize("flow", FLOWS)
async def test_every_move_has_a_root_cause(open_site: OpenSite, tmp_path: Path, flow: str) -> None:
    site = await open_site("local")
    await site.play(flow)
    await site.advance(60)
    found = await explained(tmp_path)

    states = {(thing.life, thing.name): thing.state for thing in found.things}
    assert held(site) == {key: state for key, state in states.items() if key in held(site)}
    begun = {move.causes[0].seq for thing in found.things for move in thing.moves}
    assert begun == await asyncio.to_thread(roots, tmp_path, begun)
    for thing in found.things:
        assert thing.state == thing.moves[-1].after
        for move in thing.moves:
            assert move.causes[-1].code
            assert [cause.seq for cause in move.causes] == sorted(cause.seq for cause in move.causes)


@pytest.mark.parametrize("name", [next(iter(RULES))])
async def test_a_rejection_leads_from_the_request_over_the_rule_to_the_answer(
    open_site: OpenSite, tmp_path: Path, name: str
) -> None:
    site = await open_site("local", policy=rule(name, max_min=20))
    await site.play("F06")
    await site.advance(60)
    found = await explained(tmp_path, booking=str(site.bookings()[0].booking_id))

    booking = next(thing for thing in found.things if thing.life == "booking")
    assert "deleted" == booking.state
    codes = [cause.code for move in booking.moves for cause in move.causes]
    assert "booking.requested" in codes
    command = next(thing for thing in found.things if thing.life == "command")
    assert "done" == command.state
    assert command.moves[0].causes[0].kind in ("BookingRequested", "BookingCreated")  # what the rule was asked of


async def test_an_earlier_moment_is_explained_by_what_was_known_then(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    asked = await site.book(begins_in_min=60)
    await site.advance(10)
    then = site.clock.now()
    await site.advance(3 * 3600)
    earlier, now = await explained(tmp_path, at=then), await explained(tmp_path)

    def state_of(explanation: Explanation) -> str:
        return next(
            thing.state for thing in explanation.things if thing.name == asked["id"] and thing.life == "booking"
        )

    assert ("created", "ended") == (state_of(earlier), state_of(now))
    assert earlier.at <= then
    with pytest.raises(ConfigError, match="until then"):
        await explained(tmp_path, at=then - timedelta(days=1))
    with pytest.raises(ConfigError, match="nothing of a desk"):
        await explained(tmp_path, "nobody")


async def test_the_command_line_tells_the_same(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.play("F03")
    await site.stop()
    words = [
        sys.executable,
        "-m",
        "hotdesk_daemon",
        "explain",
        "desk-1",
        "--journal",
        str(tmp_path / "journal.sqlite3"),
    ]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*words, *more], capture_output=True, text=True, timeout=10, check=False)

    text, shown = await asyncio.to_thread(run), await asyncio.to_thread(run, "--format", "json", "--all")

    assert (0, 0) == (text.returncode, shown.returncode)
    assert "booking.started" in text.stdout
    told = json.loads(shown.stdout)
    found = await explained(tmp_path)
    assert [thing.name for thing in found.things] == [thing["name"] for thing in told["things"]]
    assert (2, 2) == (
        (await asyncio.to_thread(run, "--at", "noon")).returncode,
        run("--since", "2026-05-04").returncode,
    )
