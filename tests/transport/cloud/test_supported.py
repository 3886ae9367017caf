from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, ProtocolError, RefusedError, TransientError
from hotdesk_daemon.transport.cloud import Supported, read_supported, supported_url
from hotdesk_daemon.xapi.cloud import WANTED_EVENTS, WANTED_STATUSES
from tests.transport.cloud.answering import AnsweringCloud, Cut, Reply, a_caller, an_answering_cloud, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator.cloud import SimulatedCloud


@pytest_asyncio.fixture
async def answering() -> AsyncIterator[AnsweringCloud]:
    async with an_answering_cloud() as cloud:
        yield cloud


def lacks(path: str, *patterns: str) -> bool:
    """Whether a status and an event of this name are not pushed, which must be the same."""
    supported = Supported(statuses=frozenset(patterns), events=frozenset(patterns))
    missing = supported.missing(statuses=[path], events=[path])
    assert missing in ((), (path, path))
    return missing != ()


# --- what is covered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("Standby.State", "Standby.State"),
        ("Standby.State", "Standby.*"),
        ("Bookings.Availability.Status", "Bookings.*"),
        ("Bookings.Availability.Status", "Bookings.*.Status"),
        ("Bookings.Availability.Status", "Bookings.Avail*.Status"),
        ("Bookings.Availability.Status", "*.*.Status"),
        ("Bookings.Availability.Status", "*"),
        (
            "Conference.Presentation.LocalInstance[*].SendingMode",
            "Conference.Presentation.LocalInstance[*].SendingMode",
        ),
        (
            "Conference.Presentation.LocalInstance[3].SendingMode",
            "Conference.Presentation.LocalInstance[*].SendingMode",
        ),
        ("Conference.Presentation.LocalInstance[3]", "Conference.Presentation.LocalInstance[*]"),
        ("Conference.Presentation.LocalInstance[*].SendingMode", "Conference.*"),
    ],
)
def test_a_pattern_covers_what_it_stands_for(path: str, pattern: str) -> None:
    assert not lacks(path, "Other.Thing", pattern)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("Standby.State", "Standby"),
        ("Standby.State", "standby.state"),
        ("Standby.State", "Standby.Stat"),
        ("Standby.State", "Standby.States"),
        ("Standby.State", "StandbyxState"),
        ("Standby.State", "Standby.State.*"),
        ("Standby.State", "Stand.*"),
        ("Standby.State", ""),
        ("Standby", "Standby.*"),
        ("Bookings.Availability.Status", "*.Status"),
        ("Bookings.Availability.Status", "Bookings.*.*.Status"),
        ("Conference.Presentation.LocalInstance[3].SendingMode", "Conference.Presentation.LocalInstance.SendingMode"),
        ("Conference.Presentation.LocalInstance[].SendingMode", "Conference.Presentation.LocalInstance[*].SendingMode"),
        ("Standby.State", "(.*"),
        ("Standby.State", "[*"),
    ],
)
def test_a_pattern_covers_nothing_else(path: str, pattern: str) -> None:
    assert lacks(path, pattern)


def test_nothing_covers_anything_when_nothing_is_pushed() -> None:
    assert lacks("Standby.State")


def test_what_is_missing_is_told_in_the_order_of_the_wishes() -> None:
    supported = Supported(statuses=frozenset({"A.*"}), events=frozenset({"B.*"}))

    assert ("D.x", "B.x", "C.y", "A.y") == supported.missing(
        statuses=["D.x", "A.x", "B.x"], events=["C.y", "B.y", "A.y"]
    )


# --- how it is asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "app_url", ["https://xapi.example.com:8443/region/apps/1?a=b#c", "https://xapi.example.com:8443"]
)
def test_the_list_is_asked_for_in_the_region_of_the_installation(app_url: str) -> None:
    assert "https://xapi.example.com:8443/xapi/api/apps/supportedSubscriptions" == supported_url(app_url)


async def test_the_list_is_read(answering: AnsweringCloud) -> None:
    answering.says(reply({"supportedStatuses": ["A.B", "A.B", "C.*"], "supportedEvents": [], "other": 1}))

    async with a_caller(answering.url) as caller:
        supported = await read_supported(caller.http, supported_url(f"{answering.url}/region/apps/1"))

    assert Supported(statuses=frozenset({"A.B", "C.*"}), events=frozenset()) == supported
    assert [("/xapi/api/apps/supportedSubscriptions", "token-1")] == [(one.path, one.token) for one in answering.asked]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(403), RefusedError),
        (Reply(404), RefusedError),
        (Reply(503), TransientError),
        (Cut.HALF, LostAnswerError),
        (Reply(200), ProtocolError),
        (Reply(200, b"<html>"), ProtocolError),
        (Reply(200, b"\xff"), ProtocolError),
        (Reply(200, b"[" * 100_000), ProtocolError),
        (reply([]), ProtocolError),
        (reply({"supportedStatuses": []}), ProtocolError),
        (reply({"supportedStatuses": None, "supportedEvents": []}), ProtocolError),
        (reply({"supportedStatuses": [1], "supportedEvents": []}), ProtocolError),
    ],
)
async def test_a_list_that_cannot_be_had_is_an_error(
    answering: AnsweringCloud, answer: Reply | Cut, error: type[HotdeskError]
) -> None:
    answering.says(answer)

    async with a_caller(answering.url) as caller:
        with pytest.raises(error):
            await read_supported(caller.http, supported_url(answering.url))


@pytest.mark.parametrize("is_reduced", [False, True])
async def test_the_simulated_cloud_tells_what_it_pushes(cloud: SimulatedCloud, *, is_reduced: bool) -> None:
    if is_reduced:
        cloud.organisations[0].faults.enable("cloud_reduced")

    async with a_caller(cloud.url) as caller:
        supported = await read_supported(caller.http, cloud.supported_url)

    assert is_reduced == bool(supported.missing(statuses=WANTED_STATUSES, events=WANTED_EVENTS))
