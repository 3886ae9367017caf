"""Where a replay stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.app.replaying.breaks import Breaks
from hotdesk_daemon.core.inputs import Start
from hotdesk_daemon.journal import Entry
from tests.app.replaying.histories import History, morning, opened, write_journal
from tests.core.story import M2, A

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdesk_daemon.core.desk import Desk

REJECTED = 24


class Spoilt:
    """A recording that diverges at the rejection and has an unreadable input behind it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self, **which: object) -> Iterator[Entry | Desk]:
        with opened(self._path) as recording:
            for entry in recording.entries():
                assert isinstance(entry, Entry)
                if entry.seq == REJECTED:
                    yield msgspec.structs.replace(entry, refusal="too late")
                elif entry.seq == REJECTED + 1:
                    yield msgspec.structs.replace(entry, kind="TeleportAsked")
                else:
                    yield entry


def surprising() -> History:
    history = morning()
    history.feed(Start(device=A, meeting_id=M2))
    return history


@pytest.mark.parametrize(
    ("patterns", "met", "seq"),
    [
        (["booking.rejected"], "booking.rejected", REJECTED),
        (["booking.re[jq]*", "nothing.*"], "booking.requested", 6),
        (["PeopleCount"], "PeopleCount", 10),
        (["Bookings Delete"], "Bookings Delete", REJECTED),
        (["desk.surprise"], "desk.surprise", 34),
        (["desk.divergence"], "desk.divergence", REJECTED),
        (["desk.unreadable"], "desk.unreadable", REJECTED + 1),
        (["nothing.*"], None, None),
    ],
)
def test_it_stops_at_the_first_step_that_has_the_name(
    tmp_path: Path, patterns: list[str], met: str | None, seq: int | None
) -> None:
    journal = write_journal(tmp_path / "journal.sqlite3", surprising().records)
    replay, breaks = Replay(Spoilt(journal)), Breaks(patterns)  # type: ignore[arg-type]  # all that a replay needs
    stops = (
        (name, taken.entry.seq)
        for taken in replay.steps()
        if (name := breaks.met(taken, has_diverged=replay.has_diverged(taken.entry.desk_id)))
    )

    assert (met, seq) == next(stops, (None, None))


def test_a_desk_diverges_once(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "journal.sqlite3", surprising().records)
    replay, breaks = Replay(Spoilt(journal)), Breaks(["desk.divergence"])  # type: ignore[arg-type]  # as above
    names = [breaks.met(taken, has_diverged=replay.has_diverged(taken.entry.desk_id)) for taken in replay.steps()]

    assert 1 == sum(name is not None for name in names)
