"""Real days, redacted: no person, title or secret is left, and the same comes of them."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.captures.redaction import Redactor
from hotdesk_daemon.journal import Entry, codec
from hotdesk_daemon.simulator import DeskPlan, plan_floor
from tests.captures.recordings import replayed
from tests.scenarios.rules import rule

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site

KEY: Final = b"a key of more than sixteen bytes"
#: In addresses, names, titles, causes and messages of everybody who says something in these days.
CANARY: Final = "quirinus"
PERSON: Final = f"{CANARY}.zax@example.com"


def entries(path: Path) -> list[Entry]:
    with recorded(f"sqlite:///{path / 'journal.sqlite3'}") as recording:
        return [item for item in recording.entries() if isinstance(item, Entry)]


def redacted(found: list[Entry]) -> list[Entry]:
    redactor = Redactor(key=KEY)
    return [redactor.entry(entry) for entry in found]


def bytes_of(found: list[Entry]) -> bytes:
    return b"\n".join(
        part if isinstance(part, bytes) else str(part).encode()
        for entry in found
        for part in (entry.desk_id, entry.source, entry.raw, entry.input, entry.reasons, entry.commands, entry.refusal)
    ).lower()


def kinds_of(found: list[Entry]) -> set[str]:
    return {entry.kind for entry in found}


async def lived(site: Site) -> None:
    """People called after the canary book, edit and fail at a desk of each calendar; answers are lost."""
    local, hybrid = site.station(0), site.station(1)
    backend: Any = site.floor.desks[1].backend
    hybrid.faults.enable("lost")
    hybrid.faults.enable("cut_after", command="Bookings Book", times=1)
    await site.book(desk=1, title=f"Salary of {CANARY}", organizer={"email": PERSON, "name": f"{CANARY.title()} Zax"})
    await site.advance(5)
    await site.until(site.is_live)
    await site.advance(400)
    hybrid.faults.clear()
    backend.create(PERSON, site.at(240), 30, title=f"Farewell of {CANARY}")
    backend.decline_next(cause=f"{CANARY.title()} Yax is on leave")
    hybrid.people.book(30, f"Desk of {CANARY}", PERSON, start=site.at(300))
    local.people.book(30, f"Desk of {CANARY}", PERSON, start=site.at(200))
    local.people.sign_in(PERSON)
    await site.advance(60)
    local.faults.enable("command_error", command="Bookings Delete", times=1, message=f"Not for {CANARY.title()} Yax")
    booked = await site.book(desk=0, begins_in_min=400, title=f"Board and {CANARY}", organizer={"email": PERSON})
    await site.advance(30)
    await site.edit(booked["id"], title=f"Board without {CANARY}")
    await site.delete(booked["id"])
    value = {"Deleted": {"Id": "webex-1", "Cause": CANARY.title(), CANARY: f"{CANARY}%40x.org"}}
    frame = {"jsonrpc": "2.0", "method": "xFeedback/Event", "params": {"Event": {"Bookings": value}}}
    for listener in [*local.listeners]:
        listener.inject(json.dumps(frame).encode())
        listener.inject(json.dumps({**frame, "params": CANARY}).encode())
        listener.inject(f"{CANARY} is no JSON".encode())
    await site.advance(600)
    await site.stop()


async def test_nobody_of_a_day_is_left_and_the_same_comes_of_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", "hybrid", policy=rule("maximum duration", max_min=60))
    await lived(site)
    states = [site.state(desk) for desk in range(2)]
    before = await asyncio.to_thread(entries, tmp_path)
    after = redacted(before)
    found = replayed(*after)

    assert CANARY.encode() in bytes_of(before)
    assert CANARY.encode() not in bytes_of(after)
    assert [None, None] == [one.divergence for one in found]
    assert ["same", "same"] == [one.verdict for one in found]
    assert [codec.digest_desk(Redactor(key=KEY).state(state)) for state in states] == [
        codec.digest_desk(one.state) for one in found
    ]
    assert {"BookAsked", "EditAsked", "BookingsListed", "BookingFailed", "CommandAnswered"} <= kinds_of(after)
    # The lost booking was found again by its time, title and organizer alone.
    assert ("Bookings Book", "done") in [
        (command.command.path, command.state.value)
        for entry in after
        if entry.commands is not None
        for command in codec.decode_commands(entry.commands)
        if entry.kind == "BookingsListed"
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("transport", "seed"), [("socket", 1), ("socket", 2), ("queue", 2), ("webhook", 1)], indirect=["transport"]
)
async def test_ordinary_days_say_the_same_in_the_same_words(open_site: OpenSite, tmp_path: Path, seed: int) -> None:
    """What the daemon itself says in reasons stays readable: nothing of it is taken for somebody else's."""
    rng = random.Random(seed)
    site = await open_site(*plan_floor(5, seed=seed, companion=0.3), seed=seed, living=True, sync_s=900.0)
    for _ in range(8):
        for desk in site.floor.desks:
            device = rng.choice(desk.stations).device
            device.faults.clear()
            if name := rng.choice(("duplicate", "late", "reorder", "lost", "cut", "reboot", "")):
                device.faults.enable(name)
        await site.advance(900)
    await site.stop()
    before = await asyncio.to_thread(entries, tmp_path)
    after = redacted(before)

    def said(found: list[Replayed]) -> list[str]:
        return [one.digests.steps for one in found]

    plain, clean = replayed(*before), replayed(*after)

    assert {"same"} == {one.verdict for one in clean}
    assert said(plain) == said(clean)
    assert [one.reasons for one in before] == [one.reasons for one in after]
    assert b"example.com" not in bytes_of(after).replace(b"person-", b"@").replace(b"@example.com", b"")


async def test_a_floor_of_every_release_is_redacted_without_a_new_word(open_site: OpenSite, tmp_path: Path) -> None:
    """Every status and event of a simulated device is known, so that captures of it can be read."""
    site = await open_site(DeskPlan(workspace="Desk 1", kind="hybrid", releases=("RoomOS 11.23.1", "RoomOS 26.4.1")))
    await site.play("F17")
    await site.play("F28")
    await site.advance(60)
    await site.stop()
    after = redacted(await asyncio.to_thread(entries, tmp_path))

    assert [] == [entry.raw for entry in after if b'"key-' in (entry.raw or b"")]
