"""
What a comparison says is what comes of it: days lived under one policy, asked about another, and lived under that.

The simulated people are the same in both lives: what they set out to do is drawn whatever becomes of their bookings. So
whatever the comparison calls certain has to have happened in the second life, at the same moment; and what happened
there and was not foretold has to lie in a time of which it said that nothing can be known.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.whatif import Outcome, Tally, compare, grouping
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import codec
from hotdesk_daemon.ops.settings import DeskRules, PolicySettings, policy_of
from hotdesk_daemon.simulator import DeskPlan
from tests.scenarios.site import site_of
from tests.scenarios.transports import TRANSPORTS

if TYPE_CHECKING:
    import io
    from pathlib import Path

#: How many days are lived; `make what-if` lives a month.
DAYS: Final = int(os.environ.get("HOTDESK_WHAT_IF_DAYS", "2"))
SEED: Final = int(os.environ.get("HOTDESK_WHAT_IF_SEED", "1"))
#: Both calendars, desks of one device and of two, and a release that tells of no moves.
PLANS: Final = (
    DeskPlan(workspace="Desk 1"),
    DeskPlan(workspace="Desk 2", kind="hybrid", releases=("26.4.1", "26.4.1")),
    DeskPlan(workspace="Desk 3", releases=("11.23.1",)),
    DeskPlan(workspace="Desk 4", kind="hybrid", backend_delay_s=12.0),
)


class Rejection(NamedTuple):
    """Times that the rules refused: when, whether of a booking or a move, from when and for how many minutes."""

    at: datetime
    subject: str
    start: datetime
    minutes: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


Rejections = Mapping[DeskId, set[Rejection]]


def at_most(minutes: int | None) -> PolicySettings:
    return PolicySettings(max_duration_s=None if minutes is None else minutes * 60.0)


async def lived(directory: Path, policy: PolicySettings) -> str:
    """Live days under *policy*; give the journal of them."""
    await asyncio.to_thread(directory.mkdir)
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {"seed": SEED, "living": True, "sync_s": 7 * 86_400.0}
        site = await stack.enter_async_context(
            site_of(*PLANS, directory=directory, transport=TRANSPORTS["socket"], policy=policy, **options)
        )
        for _ in range(DAYS):
            await site.advance(86_400)
    return f"sqlite:///{directory / 'journal.sqlite3'}"


def rejected(url: str) -> Rejections:
    """All that the daemon rejected in a life, by its own words in its journal."""
    found: dict[DeskId, set[Rejection]] = {}
    states: dict[DeskId, Desk] = {}
    with recorded(url) as recording:
        for entry in recording.entries():
            assert not isinstance(entry, Desk)
            before = states.get(entry.desk_id, Desk(desk_id=entry.desk_id))
            step = decide(before, codec.decode_input(entry.kind, entry.input), now=entry.at)
            states[entry.desk_id] = step.desk
            for reason in codec.decode_reasons(entry.reasons or b"[]"):
                if reason.code == "booking.rejected" and reason.booking_id is not None:
                    booking = step.desk.bookings[reason.booking_id]
                    subject = "booking" if booking.accepted_start is None else "move"
                    one = Rejection(entry.at, subject, booking.start, booking.duration_min)
                    found.setdefault(entry.desk_id, set()).add(one)
    return found


def asked(url: str, policy: PolicySettings) -> Tally:
    """What would have been otherwise under *policy*."""
    rules = DeskRules(policy=policy_of(policy), stage=None, origin="policy")
    with recorded(url) as recording:
        return compare(recording, lambda _: rules, groups_of=grouping("calendar", tags={}), limit=100_000)


def certain(tally: Tally, desk: DeskId) -> set[Rejection]:
    """What certainly is rejected instead of accepted, or the other way round."""
    found = [one for one in tally.differences if one.desk == desk and one.is_certain]
    assert all(Outcome.ACCEPTED in (one.was, one.would_be) for one in found)
    return {Rejection(one.at, one.subject.value, one.start, one.duration_min) for one in found}


def first_consequence(tally: Tally, desk: DeskId) -> datetime:
    found = (one.at for one in tally.differences if one.desk == desk and not one.is_certain)
    return next(found, datetime.max.replace(tzinfo=UTC))


def new_before(end: datetime, rejections: set[Rejection]) -> set[Rejection]:
    """Those of new bookings, as far as that moment."""
    return {one for one in rejections if one.at < end and one.subject == "booking"}


def is_unknowable(tally: Tally, desk: DeskId, one: Rejection) -> bool:
    return any(name == desk and one.start < span.end and span.start < one.end for name, span in tally.spans)


@pytest.mark.timeout(60 + 30 * DAYS)
@pytest.mark.parametrize(("minutes", "other"), [(None, 60), (60, 120)])
async def test_what_is_certain_comes_when_the_other_policy_is_lived(
    tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, minutes: int | None, other: int
) -> None:
    # Nobody touches the switches by hand; looked for every second, they would be most of what happens in a month.
    monkeypatch.setattr("hotdesk_daemon.app.safety.LOOK_EVERY_S", 3600.0)
    first = await lived(tmp_path / "first", at_most(minutes))
    second = await lived(tmp_path / "second", at_most(other))
    was, real, tally = await asyncio.to_thread(
        lambda: (rejected(first), rejected(second), asked(first, at_most(other)))
    )

    assert [f"desk-{number}" for number in range(1, len(PLANS) + 1)] == [one.desk for one in tally.desks]
    assert {"same"} == {one.replayed.verdict for one in tally.desks}
    for desk in (one.desk for one in tally.desks):
        came, told = real.get(desk, set()) ^ was.get(desk, set()), certain(tally, desk)
        end = first_consequence(tally, desk)
        assert new_before(end, came) == new_before(end, told)
        assert set() == told - came, "certain, and did not come"
        assert [] == [one for one in sorted(came - told) if not is_unknowable(tally, desk, one)], "came unforeseen"
    assert DAYS * len(PLANS) < sum(len(certain(tally, one.desk)) for one in tally.desks)
