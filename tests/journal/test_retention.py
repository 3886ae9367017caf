"""The time that retention goes by: it follows a clock that goes, and doubts one that leaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.journal.retention import Retention, TrustedTime, advance
from hotdesk_daemon.journal.schema import to_micros
from tests.journal.values import T0, record

if TYPE_CHECKING:
    from pathlib import Path

HOUR: Final = 3600.0
STEPS: Final = [timedelta(hours=1, minutes=1), timedelta(days=1), timedelta(days=3650)]
KEEP: Final = Retention(
    records=timedelta(days=90), raw=timedelta(days=14), commands=timedelta(days=180), size_bytes=1 << 30
)


def hours(trusted: TrustedTime, count: int, *, now: datetime) -> TrustedTime:
    """The trusted time after so many hours of running with a clock that goes."""
    for number in range(1, count + 1):
        trusted = trusted.after(HOUR, now=now + timedelta(hours=number))
    return trusted


def test_it_follows_a_clock_that_goes() -> None:
    assert TrustedTime(T0 + timedelta(hours=100)) == hours(TrustedTime(T0), 100, now=T0)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_leaps_ahead_is_not_believed_for_a_day_of_running(step: timedelta) -> None:
    trusted = hours(TrustedTime(T0), 23, now=T0 + step)

    assert T0 + timedelta(hours=23) == trusted.at
    assert trusted.is_doubtful


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_leaps_ahead_and_back_again_takes_nothing(step: timedelta) -> None:
    trusted = hours(TrustedTime(T0), 20, now=T0 + step)
    back = trusted.after(HOUR, now=T0 + timedelta(hours=21))

    assert TrustedTime(T0 + timedelta(hours=21)) == back


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_stands_where_it_leapt_to_is_believed(step: timedelta) -> None:
    assert TrustedTime(T0 + step + timedelta(hours=24)) == hours(TrustedTime(T0), 24, now=T0 + step)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_it_follows_a_clock_back_at_once(step: timedelta) -> None:
    assert TrustedTime(T0 - step) == TrustedTime(T0).after(HOUR, now=T0 - step)


def test_nothing_is_too_old_before_1970() -> None:
    now = datetime.fromisoformat("1970-02-01T00:00:00+00:00")

    assert (0, 0) == (KEEP.horizons(now).records, KEEP.horizons(now).commands)


def test_states_at_which_history_may_be_cut_are_a_day_apart_or_closer_where_little_is_kept() -> None:
    short = Retention(records=timedelta(days=1), raw=timedelta(days=1), commands=timedelta(days=1), size_bytes=None)

    assert (timedelta(days=1), timedelta(hours=1)) == (KEEP.mark_every, short.mark_every)


async def test_it_lasts_over_restarts_and_a_doubt_with_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    leapt = T0 + timedelta(days=365)
    found = []
    for number in range(25):
        async with SqlJournal.open(url, clock=lambda: T0) as journal:
            if not number:
                await journal.append([record(1)])
            now = leapt + timedelta(hours=number)
            found.append(await journal.do(lambda held, now=now: advance(held, HOUR, now=now)))  # type: ignore[misc]  # bound now

    assert [True] * 23 + [False, False] == [trusted.is_doubtful for trusted in found]
    assert leapt + timedelta(hours=24) == found[-1].at


async def test_a_journal_that_knows_no_trusted_time_begins_with_its_newest_record(tmp_path: Path) -> None:
    async with SqlJournal.open(f"sqlite:///{tmp_path}/journal.db", clock=lambda: T0) as journal:
        empty = await journal.do(lambda held: advance(held, 0.0, now=T0))
        assert TrustedTime(T0) == empty

    async with SqlJournal.open(f"sqlite:///{tmp_path}/other.db", clock=lambda: T0) as journal:
        await journal.append([record(1)])
        later = T0 + timedelta(days=30)
        trusted = await journal.do(lambda held: advance(held, 1.0, now=later))

        assert trusted.is_doubtful
        assert record(1).at + timedelta(seconds=1) == trusted.at
        assert to_micros(trusted.at) < to_micros(later)
