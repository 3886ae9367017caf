from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, ProtocolError, RefusedError, TransientError
from hotdesk_daemon.transport.cloud import Budget, CloudRest, ForbiddenError, PauseError
from hotdesk_daemon.transport.cloud.rest import NAMES_AT_ONCE
from tests.transport.cloud.answering import (
    ARGUMENTS,
    Api,
    Asked,
    Cut,
    Reply,
    reply,
)

# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_command_is_posted_and_its_result_given(api: Api) -> None:
    api.cloud.says(reply({"deviceId": "device-1", "result": {"Id": "8"}}))

    assert {"Id": "8"} == await api.command()

    [asked] = api.cloud.asked
    assert ("POST", "/v1/xapi/command/Bookings.Book") == (asked.method, asked.path)
    assert {"deviceId": "device-1", "arguments": ARGUMENTS} == json.loads(asked.body)


@pytest.mark.parametrize("answer", [Reply(200), Reply(204), reply({}), reply({"deviceId": "device-1"})])
async def test_a_command_may_have_no_result(api: Api, answer: Reply) -> None:
    api.cloud.says(answer)

    assert {} == await api.command()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(400), RefusedError),
        (Reply(403), ForbiddenError),
        (Reply(404), TransientError),
        (Reply(408), LostAnswerError),
        (Reply(410), TransientError),
        (Reply(429), PauseError),
        (Reply(504), LostAnswerError),
        (Cut.UNANSWERED, LostAnswerError),
        (Cut.HALF, LostAnswerError),
        (Reply(200, b"[]"), LostAnswerError),
        (Reply(200, b"null"), LostAnswerError),
        (Reply(200, b"<html>"), LostAnswerError),
    ],
)
async def test_a_command_without_a_good_answer_says_what_was_done(
    api: Api, answer: Reply | Cut, error: type[HotdeskError]
) -> None:
    api.cloud.says(answer)

    with pytest.raises(HotdeskError) as caught:
        await api.command()

    assert error is type(caught.value)
    assert 1 == len(api.cloud.asked)


async def test_a_command_is_not_sent_within_a_pause(api: Api) -> None:
    api.caller.budget.hold(60.0)

    with pytest.raises(TransientError, match=r"Bookings\.Book was not sent") as caught:
        await api.command()

    assert (PauseError, 60.0) == (type(caught.value), caught.value.retry_after_s)
    assert [] == api.cloud.asked


async def test_commands_and_statuses_are_made_in_the_callers_slot(api: Api) -> None:
    api.cloud.says(reply({"result": {}}))
    budget = Budget(rate_per_s=100, concurrency=1, mono=api.caller.clock.mono, sleep=api.caller.clock.sleep)
    api.rest = CloudRest(http=api.caller.http, budget=budget, base_url=f"{api.cloud.url}/v1")

    async with budget.slot():
        await api.command()
        await api.status(*(f"Word{number}" for number in range(11)))
        await api.bookings()

    assert 4 == len(api.cloud.asked)


async def test_a_list_is_the_result_of_its_command(api: Api) -> None:
    api.cloud.says(reply({"result": {"Booking": [{"Id": "1"}]}}))

    assert {"Booking": [{"Id": "1"}]} == await api.bookings()

    [asked] = api.cloud.asked
    assert ("POST", "/v1/xapi/command/Bookings.List") == (asked.method, asked.path)
    assert {"deviceId": "device-1", "arguments": {"Days": 1}} == json.loads(asked.body)


async def test_a_list_and_further_statuses_wait_for_the_end_of_a_pause(api: Api) -> None:
    def answer(asked: Asked) -> Reply:
        api.caller.budget.hold(30.0)  # called for by another request
        return reply({"result": {}})

    api.cloud.decides = answer

    await api.status(*(f"Word{number}" for number in range(11)))
    await api.bookings()

    assert 3 == len(api.cloud.asked)
    assert 60.0 == pytest.approx(api.caller.clock.passed_s, abs=0.1)
    assert 60.0 <= api.caller.clock.passed_s


# --- statuses --------------------------------------------------------------------------------------------------------


async def test_statuses_are_asked_for_by_name_and_given_as_one_tree(api: Api) -> None:
    names = [f"Group.Word{number}" for number in range(2 * NAMES_AT_ONCE + 1)]

    def answer(asked: Asked) -> Reply:
        words = asked.query["name"].split(",")
        return reply({"result": {"Group": {word.partition(".")[2]: 1 for word in words}, "List": [len(words)]}})

    api.cloud.decides = answer

    tree = await api.status(*names)

    assert {"Group": {f"Word{number}": 1 for number in range(21)}, "List": [1]} == tree
    assert [10, 10, 1] == [len(asked.query["name"].split(",")) for asked in api.cloud.asked]
    assert {("GET", "/v1/xapi/status", "device-1")} == {
        (asked.method, asked.path, asked.query["deviceId"]) for asked in api.cloud.asked
    }


@pytest.mark.parametrize("result", [{}, {"result": {}}, {"result": None}, {"result": []}, {"result": "none"}])
async def test_what_is_absent_is_left_out(api: Api, result: object) -> None:
    api.cloud.says(reply(result))

    assert {} == await api.status("Standby.State")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(404), TransientError),
        (Reply(503), TransientError),
        (Reply(403), ForbiddenError),
        (Reply(200, b"[]"), LostAnswerError),
        (Reply(200, b"{"), LostAnswerError),
        (Cut.HALF, LostAnswerError),
    ],
)
async def test_a_part_that_cannot_be_read_fails_the_whole(
    api: Api, answer: Reply | Cut, error: type[HotdeskError]
) -> None:
    api.cloud.says(reply({"result": {"A": 1}}), answer)

    with pytest.raises(HotdeskError) as caught:
        await api.status(*(f"Word{number}" for number in range(11)))

    assert error is type(caught.value)


# --- the installation ------------------------------------------------------------------------------------------------


async def test_the_installation_is_changed_at_its_address(api: Api) -> None:
    api.cloud.says(reply({"id": "1", "changed": True}))
    body = {"provisioningState": "completed"}

    assert {"id": "1", "changed": True} == await api.rest.patch_app(f"{api.cloud.url}/region/apps/1", body)

    assert [("PATCH", "/region/apps/1")] == [(asked.method, asked.path) for asked in api.cloud.asked]
    assert body == json.loads(api.cloud.asked[0].body)


async def test_an_installation_that_is_no_object_breaks_the_protocol(api: Api) -> None:
    api.cloud.says(reply([1]))

    with pytest.raises(ProtocolError, match="no object"):
        await api.rest.patch_app(f"{api.cloud.url}/app", {})


async def test_what_concerns_the_installation_goes_before_listings_and_waits_for_pauses(api: Api) -> None:
    api.cloud.says(reply({"items": []}))
    api.caller.budget.hold(30.0)
    listing = asyncio.create_task(api.items())
    await asyncio.sleep(0)

    await asyncio.gather(listing, api.rest.patch_app(f"{api.cloud.url}/app", {}))

    assert ["/app", "/v1/devices"] == api.cloud.paths()
    assert 30.0 <= api.caller.clock.passed_s


# --- listings --------------------------------------------------------------------------------------------------------


def paged(api: Api, pages: int, *, start: str = "start") -> None:
    """A listing of so many pages, one item on each."""

    def answer(asked: Asked) -> Reply:
        number = int(asked.query.get(start, "0"))
        following = f"<{api.cloud.url}{asked.path}?max=100&{start}={number + 1}>"
        links = f'<{api.cloud.url}{asked.path}>; rel="first", {following}; title="more"; rel="next"'
        headers = (("Link", links),) if number + 1 < pages else ()
        return Reply(200, json.dumps({"items": [number]}).encode(), headers)

    api.cloud.decides = answer


@pytest.mark.parametrize("pages", [1, 2, 120, 499, 500])
async def test_a_listing_is_read_to_its_last_page(api: Api, pages: int) -> None:
    paged(api, pages)

    assert list(range(pages)) == await api.items(tag="hotdesk")

    first, *others = api.cloud.asked
    assert {"max": "100", "tag": "hotdesk"} == first.query
    assert [{"max": "100", "start": str(number)} for number in range(1, pages)] == [one.query for one in others]


async def test_a_listing_that_does_not_end_is_given_up(api: Api) -> None:
    paged(api, 501)

    with pytest.raises(ProtocolError, match="more than 500 pages"):
        await api.items()

    assert 500 == len(api.cloud.asked)


@pytest.mark.parametrize("length", [1, 3])
async def test_pages_that_go_in_a_circle_are_given_up(api: Api, length: int) -> None:
    def answer(asked: Asked) -> Reply:
        number = int(asked.query.get("start", "0"))
        return api.links(f"{api.cloud.url}/v1/devices?start={(number + 1) % length}")

    api.cloud.decides = answer

    with pytest.raises(ProtocolError):
        await api.items()

    assert 500 >= len(api.cloud.asked)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(403), ForbiddenError),
        (Reply(404), RefusedError),
        (Reply(429), TransientError),
        (Reply(500), TransientError),
        (Cut.HALF, TransientError),
        (Reply(200, b"<html>"), TransientError),
        (Reply(200), ProtocolError),
        (reply({"items": None}), ProtocolError),
        (reply({"items": {}}), ProtocolError),
        (reply([1]), ProtocolError),
    ],
)
async def test_a_page_that_fails_fails_the_listing(api: Api, answer: Reply | Cut, error: type[HotdeskError]) -> None:
    api.cloud.says(api.links("?start=1"), answer)

    with pytest.raises(error):
        await api.items()


async def test_every_page_waits_for_its_turn(api: Api) -> None:
    def answer(asked: Asked) -> Reply:
        api.caller.budget.hold(10.0)
        return api.links("?start=1") if len(api.cloud.asked) < 4 else reply({"items": []})

    api.cloud.decides = answer

    await api.items()

    assert 30.0 == pytest.approx(api.caller.clock.passed_s, abs=0.1)
    assert 30.0 <= api.caller.clock.passed_s


async def test_a_reader_that_rests_between_items_holds_nobody_up(api: Api) -> None:
    api.cloud.says(reply({"items": [1, 2]}))
    listing: Any = api.rest.items("devices", {})

    assert 1 == await anext(listing)
    for _ in range(2_000):  # more than are let in at once
        async with api.caller.budget.slot():
            pass

    assert 2 == await anext(listing)
    await listing.aclose()


async def test_after_a_move_the_new_place_is_asked(api: Api) -> None:
    api.cloud.says(reply({"result": {}}))
    api.rest.base_url = f"{api.cloud.url}/v2"

    await api.command()

    assert ["/v2/xapi/command/Bookings.Book"] == api.cloud.paths()
