"""
The vendor's Python client against a simulated device; see ``meeting.py`` for who starts it, and with what.

What a well-behaved caller cannot cause (a frame that is no JSON) is sent through the client's own ``send``, with a
future put where the client looks for the answer's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import xows

WAIT_S: Final = 10.0
EVENTS: Final = ["Event", "Bookings"]
PERSONALIZED: Final = ["Status", "Webex", "DevicePersonalization", "Personalized"]
VOLUME: Final = ["Status", "Audio", "Volume"]

Check = Callable[[], Awaitable[None]]


class Feedback:
    """Everything a subscription brings, and waiting for what is wanted of it."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def __call__(self, params: dict[str, Any], _id: int) -> None:
        self._items.put_nowait(params)

    async def first(self, *path: str, **wanted: object) -> Any:
        """The first thing at *path* that holds *wanted*."""
        async with asyncio.timeout(WAIT_S):
            while True:
                node: Any = await self._items.get()
                for name in path:
                    node = node.get(name) if isinstance(node, dict) else None
                if node is not None and all(node.get(name) == value for name, value in wanted.items()):
                    return node


class Meeting:
    """The checks, in order; later ones build on what earlier ones booked."""

    def __init__(self, places: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self._places = places
        self._http = http
        self._url = places["local"]["url"]
        self._device = places["local"]["id"]

    def checks(self) -> dict[str, Check]:
        errors = {
            "meets -32700 for a frame that is no JSON": (xows.ParseError, self._send_garbage),
            "meets -32600 for a frame that is no request": (xows.InvalidRequest, self._send_no_request),
            "meets -32601 for an unknown method": (xows.MethodNotFound, lambda c: c.api_call("xNonsense")),
            "meets -32601 for an unknown command": (xows.MethodNotFound, lambda c: c.xCommand(["Desk", "Fly"])),
            "meets -32602 for a missing Path": (xows.InvalidParameter, lambda c: c.api_call("xGet")),
            "meets -32603 when the device is out of order": (xows.InternalError, self._ask_broken_device),
            "meets -31998 when subscriptions are used up": (xows.SubscriberCountExceeded, self._subscribe_too_often),
            "meets 1 for a bad argument, with its cause": (xows.CommandError, self._book_too_long),
        }
        return {
            "authenticates by Basic header": self._connects,
            "is refused with 403 when the password is wrong": self._wrong_password,
            "tells 401, 502 and 503 apart": self._refused_upgrades,
            "reads a status, a subtree and a query": self._reads,
            "sets a configuration and hears of it": self._sets,
            "receives BookingCreated when somebody books at the desk": self._hears_booking,
            "receives Personalized, first as it is, then as it becomes": self._hears_sign_in,
            "books, hears BookingCreated and lists the booking": lambda: self._books("local"),
            "books on a hybrid desk, and hears BookingCreated later": lambda: self._books("hybrid"),
            "unsubscribes": self._unsubscribes,
            **{name: self._expecting(*expected) for name, expected in errors.items()},
            "meets -31999 when the role is too small": self._small_role,
            "meets -31997 while the device starts": self._starting,
            "is told of the end": self._end,
        }

    # --- connecting --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _client(self, user: str = "admin", *, kind: str = "local") -> AsyncIterator[Any]:
        async with xows.XoWSClient(self._places[kind]["url"], user, self._places["users"][user]) as client:
            yield client

    async def _connects(self) -> None:
        async with self._client() as client:
            assert isinstance(await client.xGet(VOLUME), int)

    async def _wrong_password(self) -> None:
        error = await self._error(xows.AuthenticationFailure, password="wrong")
        assert error.args[1] == 403

    async def _refused_upgrades(self) -> None:
        expected = {401: xows.HTTPNotEnabledError, 502: ConnectionError, 503: xows.RateLimitError}
        if self._url.startswith("wss:"):
            expected[401] = xows.NotEnabledError
        for status, kind in expected.items():
            await self._trick(f"upgrade_{status}", times=1)
            await self._error(kind, password=self._places["users"]["admin"])

    async def _error(self, kind: type[Exception], *, password: str) -> Exception:
        client = xows.XoWSClient(self._url, "admin", password)
        try:
            await client.connect()
        except kind as exc:
            return exc
        await client.disconnect()
        raise AssertionError(f"no {kind.__name__}")

    # --- values and feedback -----------------------------------------------------------------------------------------

    async def _reads(self) -> None:
        async with self._client() as client:
            assert "DevicePersonalization" in await client.xGet(["Status", "Webex"])
            found = await client.xQuery(["Status", "**", "Version"])
            assert found["Status"]["SystemUnit"]["Software"]["Version"]

    async def _sets(self) -> None:
        name, path = f"Desk {uuid.uuid4()}", ["Configuration", "SystemUnit", "Name"]
        async with self._client() as client:
            heard = Feedback()
            await client.subscribe(path, heard)
            assert await client.xSet(path, name) is True
            assert await client.xGet(path) == name
            await heard.first("Configuration", "SystemUnit", Name=name)

    async def _hears_booking(self) -> None:
        async with self._client() as client:
            heard = Feedback()
            await client.subscribe(EVENTS, heard)
            request = await self._person("book", duration_min=30, email="person1@example.com")
            created = await heard.first("Event", "Bookings", "BookingCreated", BookingRequestUUID=request)
            assert created["Duration"] == 30
            assert created["MeetingId"]
            listed = await client.xCommand(["Bookings", "List"])
            assert created["MeetingId"] in {row["MeetingId"] for row in listed["Booking"]}

    async def _hears_sign_in(self) -> None:
        await self._person("sign_out")
        async with self._client() as client:
            heard = Feedback()
            await client.subscribe(PERSONALIZED, heard, notify_current_value=True)
            await heard.first("Status", "Webex", "DevicePersonalization", Personalized="False")
            await self._person("sign_in", email="person2@example.com")
            await heard.first("Status", "Webex", "DevicePersonalization", Personalized="True")
            await self._person("sign_out")
            await heard.first("Status", "Webex", "DevicePersonalization", Personalized="False")

    async def _books(self, kind: str) -> None:
        request = str(uuid.uuid4())
        async with self._client(kind=kind) as client:
            heard = Feedback()
            await client.subscribe(EVENTS, heard)
            reply = await client.xCommand(["Bookings", "Book"], **_booking(request, minutes=60))
            assert reply == {"status": "OK"}
            created = await heard.first("Event", "Bookings", "BookingCreated", BookingRequestUUID=request)
            listed = await client.xCommand(["Bookings", "List"])
            assert listed["status"] == "OK"
            row = next(row for row in listed["Booking"] if row["MeetingId"] == created["MeetingId"])
            assert (row["Title"], row["Id"]) == ("Desk", created["Id"])

    async def _unsubscribes(self) -> None:
        async with self._client() as client:
            number = await client.subscribe(EVENTS, Feedback())
            assert await client.unsubscribe(number) is True

    # --- errors ------------------------------------------------------------------------------------------------------

    def _expecting(self, kind: type[Exception], ask: Callable[[Any], Awaitable[Any]]) -> Check:
        async def check() -> None:
            async with self._client() as client:
                await _expect(kind, ask(client))
                assert isinstance(await client.xGet(VOLUME), int), "the connection is of no use afterwards"

        return check

    @staticmethod
    async def _send_garbage(client: Any) -> None:
        await _answer_to(client, None, "{this is no JSON")

    @staticmethod
    async def _send_no_request(client: Any) -> None:
        await _answer_to(client, 4711, {"id": 4711, "method": "xGet"})

    async def _ask_broken_device(self, client: Any) -> None:
        await self._trick("command_error", times=1, command="xGet", code=-32603)
        await client.xGet(VOLUME)

    async def _subscribe_too_often(self, client: Any) -> None:
        await self._trick("subscription_limit", limit=1)
        try:
            await client.subscribe(EVENTS, Feedback())
            # Not `subscribe`: its callback raises beside the error that it returns.
            await client.api_call("xFeedback/Subscribe", Query=EVENTS)
        finally:
            await self._mend("subscription_limit")

    @staticmethod
    async def _book_too_long(client: Any) -> None:
        try:
            await client.xCommand(["Bookings", "Book"], **_booking(str(uuid.uuid4()), minutes=1441))
        except xows.CommandError as exc:
            if exc.args == ('Bad usage: Bad argument to parameter "Duration".', {"Cause": 27}):
                raise
            raise AssertionError(f"said {exc.args}") from exc

    async def _small_role(self) -> None:
        async with self._client("clerk") as client:
            assert isinstance(await client.xGet(VOLUME), int)
            await _expect(xows.PermissionDenied, client.xCommand(["Webex", "Registration", "Logout"]))

    async def _starting(self) -> None:
        await self._trick("reboot", seconds=3.0)
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    async with self._client() as client:
                        await _expect(xows.NotReady, client.xGet(VOLUME))
                        break
                except ConnectionError:  # 502: down
                    await asyncio.sleep(0.05)
            while True:
                try:
                    async with self._client() as client:
                        assert isinstance(await client.xGet(VOLUME), int)
                        return
                except xows.NotReady:
                    await asyncio.sleep(0.05)

    async def _end(self) -> None:
        async with self._client() as client, asyncio.timeout(WAIT_S):
            await client.xGet(VOLUME)
            await self._trick("cut")
            await client.wait_until_closed()

    # --- the floor's control door ------------------------------------------------------------------------------------

    async def _trick(self, fault: str, *, times: int | None = None, **options: object) -> None:
        order = {"device": self._device, "times": times, "options": options}
        await self._control("PUT", f"/faults/{fault}", order)

    async def _mend(self, fault: str) -> None:
        await self._control("DELETE", f"/faults/{fault}?device={self._device}", {})

    async def _person(self, act: str, **details: object) -> Any:
        return (await self._control("POST", f"/devices/{self._device}/people/{act}", details))["result"]

    async def _control(self, method: str, path: str, body: dict[str, Any]) -> Any:
        async with self._http.request(method, self._places["control"] + path, json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer


def _booking(request: str, *, minutes: int) -> dict[str, Any]:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=4)
    return {
        "BookingRequestUUID": request,
        "Title": "Desk",
        "StartTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Duration": minutes,
        "OrganizerEmail": "person3@example.com",
        "OrganizerName": "Person",
    }


async def _expect(kind: type[Exception], asked: Awaitable[Any]) -> None:
    try:
        async with asyncio.timeout(WAIT_S):
            answer = await asked
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}, but {answer}")


async def _answer_to(client: Any, request_id: int | None, frame: object) -> None:
    waiter = asyncio.get_running_loop().create_future()
    client._pending[request_id] = waiter  # noqa: SLF001 - where the client looks for it
    await client.send(frame)
    await waiter


async def main(places: dict[str, Any]) -> int:
    failed = 0
    async with aiohttp.ClientSession() as http:
        for name, check in Meeting(places, http).checks().items():
            try:
                await check()
            except Exception as exc:  # noqa: BLE001 - whatever goes wrong is this check's result
                failed += 1
                print(f"FAIL xows {places['scheme']}: {name}: {exc!r}", flush=True)  # noqa: T201
            else:
                print(f"PASS xows {places['scheme']}: {name}", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(json.loads(sys.argv[1]))))
