"""What the cloud's pauses do to whoever asks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import PauseError
from hotdesk_daemon.transport.cloud.http import retry_after_s
from tests.transport.cloud.answering import NOW, AnsweringCloud, Caller, Reply, a_caller, an_answering_cloud, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[AnsweringCloud]:
    async with an_answering_cloud() as cloud:
        yield cloud


@pytest_asyncio.fixture
async def caller(cloud: AnsweringCloud) -> AsyncIterator[Caller]:
    async with a_caller(cloud.url) as caller:
        yield caller


PAUSES: list[tuple[str | None, float | None]] = [
    (None, None),
    ("0", 0.0),
    (" 120 ", 120.0),
    ("000000000000120", 120.0),
    ("999999999999999999999", 86_400.0),
    ("9" * 5_000, 86_400.0),
    ("Mon, 04 May 2026 08:01:30 GMT", 90.0),
    ("Mon, 04 May 2026 10:01:30 +0200", 90.0),
    ("Mon, 04 May 2026 08:01:30", 90.0),
    ("Mon, 04 May 2026 07:00:00 GMT", 0.0),
    ("Thu, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ("soon", None),
    ("", None),
    ("-5", None),
    ("1.5", None),
    ("²", None),
    ("Mon, 99 May 2026 08:01:30 GMT", None),
    ("Mon, 04 May 99999999999999999999 08:00:00 GMT", None),
    ("Mon, 04 May 2026 99999999999999999999:00:00 GMT", None),
    ("Mon, 04 May 2026 08:00:00 +99999999999999999999", None),
    ("Mon, 04 May 2026 08:00:00 +9999", None),
]


@pytest.mark.parametrize(("said", "pause_s"), PAUSES)
def test_a_pause_is_read_as_seconds_or_as_a_date(said: str | None, pause_s: float | None) -> None:
    assert pause_s == retry_after_s({} if said is None else {"Retry-After": said}, now=NOW)


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(days=1)])
def test_a_date_is_meant_by_the_clock_of_who_says_it(ahead: timedelta) -> None:
    headers = {"Retry-After": "Mon, 04 May 2026 08:01:30 GMT", "Date": "Mon, 04 May 2026 08:00:00 GMT"}

    assert 90.0 == retry_after_s(headers, now=NOW + ahead)


DATE_PARTS = ["Mon,", "04", "May", "2026", "08:01:30", "08.01", "GMT", "+0200", "-", "9" * 20, "é", ",", ":", " ", ""]


@given(st.text() | st.lists(st.sampled_from(DATE_PARTS), max_size=7).map(" ".join))
def test_whatever_is_said_is_a_pause_of_a_day_at_most_or_none(said: str) -> None:
    pause_s = retry_after_s({"Retry-After": said, "Date": said[::-1]}, now=NOW)

    assert pause_s is None or 0.0 <= pause_s <= 86_400.0


@pytest.mark.parametrize(("said", "pause_s"), [pause for pause in PAUSES if len(pause[0] or "") < 5_000])
async def test_429_holds_everybody_back_for_as_long_as_it_says(
    cloud: AnsweringCloud, caller: Caller, said: str | None, pause_s: float | None
) -> None:
    cloud.says(Reply(429, headers=() if said is None else (("Retry-After", said),)))

    with pytest.raises(TransientError) as caught:
        await caller.order()

    expected_s = 10.0 if pause_s is None else pause_s
    assert (expected_s, expected_s) == (caught.value.retry_after_s, caller.budget.held_s())
    assert 1 == caller.http.throttled


async def test_of_many_who_wait_nobody_asks_before_the_end_of_the_pause(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(429, headers=(("Retry-After", "30"),)), Reply())
    sent_s: list[float] = []

    async def ask(*, urgent: bool) -> None:
        async with caller.budget.slot(urgent=urgent):
            sent_s.append(caller.clock.passed_s)
            await caller.ask()

    with pytest.raises(TransientError):
        await ask(urgent=False)
    await asyncio.gather(*(ask(urgent=number % 3 == 0) for number in range(50)))

    assert (51, 51) == (len(cloud.asked), len(sent_s))
    assert [] == [at_s for at_s in sent_s[1:] if at_s < 30.0]


@pytest.mark.parametrize("status", [423, 500, 503])
async def test_other_answers_tell_their_pause_to_who_asked(cloud: AnsweringCloud, caller: Caller, status: int) -> None:
    cloud.says(Reply(status, headers=(("Retry-After", "30"),)), Reply(status))

    with pytest.raises(TransientError) as named:
        await caller.ask()
    with pytest.raises(TransientError) as unnamed:
        await caller.ask()

    assert (30.0, None) == (named.value.retry_after_s, unnamed.value.retry_after_s)
    assert (0.0, 0) == (caller.budget.held_s(), caller.http.throttled)


async def test_a_pause_is_logged_with_its_tracking_id(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(reply({}, status=429, TrackingID="THEIRS_1", Retry_After="30"))

    with capture_logs() as lines, pytest.raises(TransientError):
        await caller.ask()

    assert [(30.0, "THEIRS_1")] == [
        (line["pause_s"], line["tracking_id"]) for line in lines if line["event"] == "cloud.retry_after"
    ]


# --- the second try --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carried_out", [False, True])
async def test_after_401_nothing_is_sent_again_within_a_pause(
    cloud: AnsweringCloud, caller: Caller, monkeypatch: pytest.MonkeyPatch, *, carried_out: bool
) -> None:
    cloud.says(Reply(401), reply({}))
    renewed = caller.tokens.renewed

    async def renewed_within_a_pause(rejected: str) -> str:
        caller.budget.hold(30.0)  # called for by another request
        return await renewed(rejected)

    monkeypatch.setattr(caller.tokens, "renewed", renewed_within_a_pause)

    with pytest.raises(TransientError, match=r"POST /v1/thing was not sent again") as caught:
        await caller.ask("POST", carried_out=carried_out)

    assert (PauseError, 30.0) == (type(caught.value), caught.value.retry_after_s)
    assert ["token-1"] == cloud.tokens()
