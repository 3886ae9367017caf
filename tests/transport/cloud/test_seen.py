from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.transport.cloud import Seen
from hotdesk_daemon.transport.cloud.seen import KEPT, KEPT_S
from tests.transport.cloud.answering import PassingClock

#: Never runs: futures belong to one.
LOOP = asyncio.new_event_loop()


def is_new(seen: Seen, raw: bytes) -> bool:
    """Whether *raw* is; from now on it is not."""
    if seen.find(raw) is not None:
        return False
    seen.note(raw, asyncio.Future(loop=LOOP))
    return True


@pytest.mark.parametrize(("canonical", "known"), [(True, True), (False, False)])
def test_how_json_is_written_counts_unless_told_otherwise(*, canonical: bool, known: bool) -> None:
    seen = Seen(mono=PassingClock().mono, canonical=canonical)
    is_new(seen, b'{"a": 1, "b": [2]}')

    assert known != is_new(seen, b'{"b":[2],"a":1}')
    assert is_new(seen, b'{"b":[2],"a":2}')
    assert is_new(seen, b"{")


def test_a_message_is_new_once() -> None:
    seen = Seen(mono=PassingClock().mono)

    assert [True, False, False] == [is_new(seen, b"one") for _ in range(3)]
    assert 1 == len(seen)


@pytest.mark.parametrize("other", [b"one ", b"onf", b"", b"On", b"one\x00"])
def test_what_differs_at_all_is_another_message(other: bytes) -> None:
    seen = Seen(mono=PassingClock().mono)
    is_new(seen, b"one")

    assert is_new(seen, other)


def test_what_could_not_be_dealt_with_is_new_again() -> None:
    seen = Seen(mono=PassingClock().mono)
    is_new(seen, b"one")

    seen.forget(b"one")
    seen.forget(b"never heard of")

    assert [True, False] == [is_new(seen, b"one") for _ in range(2)]


async def test_a_message_is_known_for_a_time_from_its_first_coming() -> None:
    clock = PassingClock()
    seen = Seen(mono=clock.mono)
    is_new(seen, b"one")

    await clock.sleep(KEPT_S)
    assert not is_new(seen, b"one")  # and that prolongs nothing
    await clock.sleep(1.0)

    assert is_new(seen, b"one")
    assert 1 == len(seen)


def test_of_too_many_the_oldest_are_forgotten() -> None:
    seen = Seen(mono=PassingClock().mono, kept=3)
    for number in range(5):
        is_new(seen, b"%d" % number)

    assert 3 == len(seen)
    assert [b"4", b"3", b"2"] == [raw for raw in (b"4", b"3", b"2") if not is_new(seen, raw)]
    assert is_new(seen, b"0")


async def test_a_flood_stays_within_its_bounds_and_age_frees_it() -> None:
    clock = PassingClock()
    seen = Seen(mono=clock.mono)
    for number in range(KEPT + 1_000):
        is_new(seen, b"%d" % number)
    assert KEPT == len(seen)

    await clock.sleep(KEPT_S + 1.0)
    is_new(seen, b"one")

    assert 1 == len(seen)


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=30))
def test_within_its_bounds_it_knows_exactly_what_came(raws: list[bytes]) -> None:
    seen = Seen(mono=PassingClock().mono)

    assert [raw not in raws[:number] for number, raw in enumerate(raws)] == [is_new(seen, raw) for raw in raws]
