"""Hearing an organisation's messages: what counts as taken, what comes again while it is not durable yet."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest

from hotdesk_daemon.app.organisations.hearing import Hearing, Member
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import StandbyState
from hotdesk_daemon.simulator.cloud.ids import public_id
from hotdesk_daemon.transport.cloud import Seen
from tests.transport.cloud.answering import PassingClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.app.ways import Ways

LIMIT_S = 4.0
UUID = "11111111-1111-1111-1111-111111111111"
DEVICE, DESK = DeviceId("device"), DeskId("desk")


def event(number: int, key: str = "Bookings.SyncRequired", *, device: str = UUID) -> bytes:
    told = {"type": "events", "deviceId": public_id("DEVICE", device), "n": number}
    return json.dumps({**told, "events": [{"key": key, "value": {}}]}).encode()


ACTION = b'{"type": "action", "jwt": "a.b.c"}'


class Mailbox:
    """The desks: what is put in, each with what tells that it is durable; ``has_room`` lets a test keep it waiting."""

    def __init__(self) -> None:
        self.workers: dict[DeskId, object] = {}
        self.told_of: list[tuple[bytes, asyncio.Future[Any]]] = []
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.came = asyncio.Event()

    async def told(self, device: DeviceId, inputs: tuple[object, ...], *, raw: bytes) -> asyncio.Future[Any]:
        assert (DEVICE, 1) == (device, len(inputs))
        self.came.set()
        await self.has_room.wait()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.told_of.append((raw, done))
        return done

    def commit(self) -> None:
        for _, done in self.told_of:
            if not done.done():
                done.set_result(None)

    def raws(self) -> list[bytes]:
        return [raw for raw, _ in self.told_of]


@attrs.define(eq=False)
class Ears:
    """Counts; what cannot be kept is raised."""

    kinds: list[str] = attrs.field(factory=list)
    actions: list[str] = attrs.field(factory=list)
    strangers: list[str] = attrs.field(factory=list)
    is_disk_full: bool = False

    async def acted(self, token: str) -> None:
        self.actions.append(token)

    def met_denial(self, device: DeviceId, error: str) -> None:
        raise AssertionError(device, error)

    def met_restart(self) -> None:
        pass

    def met_stranger(self, uuid: str) -> None:
        self.strangers.append(uuid)

    async def met_garbage(self, raw: bytes, error: str) -> None:
        if self.is_disk_full:
            raise TransientError(f"cannot be kept: {error}")
        self.kinds.append(f"garbage of {len(raw)} bytes")

    def counted(self, kind: str) -> None:
        self.kinds.append(kind)


@attrs.define(eq=False)
class HeardWays:
    """A device that the cloud is heard of, or not; notes the sessions that began."""

    hears_cloud: bool = True
    sessions: list[str] = attrs.field(factory=list)

    async def cloud_up(self, *, software: str | None) -> None:
        self.sessions.append(f"up {software}")

    async def cloud_down(self, *, cause: str) -> None:
        self.sessions.append(f"down {cause}")

    async def cloud_renewed(self) -> None:
        self.sessions.append("renewed")


@attrs.define(eq=False)
class Room:
    hearing: Hearing
    mailbox: Mailbox
    ears: Ears
    ways: HeardWays
    clock: PassingClock


@pytest.fixture
def room() -> Room:
    clock, mailbox, ears, ways = PassingClock(), Mailbox(), Ears(), HeardWays()
    hearing = Hearing(
        fleet=cast("Fleet", mailbox),
        seen=Seen(mono=clock.mono),
        ears=ears,
        mono=clock.mono,
        now=clock.now,
        now_mono=clock.mono,
    )
    member = Member(uuid=UUID, device=DEVICE, desk=DESK, ways=cast("Ways", ways), software="1", awaits_directory=False)
    hearing.members[UUID] = member
    return Room(hearing, mailbox, ears, ways, clock)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def taking(room: Room, *raws: bytes) -> asyncio.Task[None]:
    return asyncio.create_task(room.hearing.take(raws), name="a delivery")


async def ended(*tasks: asyncio.Task[None]) -> list[str]:
    """How each delivery ended: nothing is raised where it counts as taken."""
    async with asyncio.timeout(LIMIT_S):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(result).__name__ if result is not None else "taken" for result in results]


# --- durable or not --------------------------------------------------------------------------------------------------


async def test_a_delivery_is_taken_when_everything_in_it_is_durable(room: Room) -> None:
    delivery = taking(room, event(1), ACTION, b"garbage", event(2))
    await settle()
    assert not delivery.done()
    room.mailbox.told_of[0][1].set_result(None)
    await settle()
    assert not delivery.done()
    room.mailbox.commit()

    assert ["taken"] == await ended(delivery)
    assert [event(1), event(2)] == room.mailbox.raws()
    assert ["a.b.c"] == room.ears.actions


async def test_what_comes_again_before_it_is_durable_waits_for_the_same(room: Room) -> None:
    deliveries = [taking(room, event(1)) for _ in range(3)]
    await settle()
    assert [False] * 3 == [delivery.done() for delivery in deliveries]
    room.mailbox.commit()

    assert ["taken"] * 3 == await ended(*deliveries)
    assert [event(1)] == room.mailbox.raws()
    assert 2 == room.ears.kinds.count("duplicate")


async def test_who_gives_up_waiting_for_the_journal_does_not_have_it_written_twice(room: Room) -> None:
    first = taking(room, event(1))
    await settle()
    first.cancel()
    await asyncio.wait([first])
    again = taking(room, event(1))
    await settle()
    assert not again.done()
    room.mailbox.commit()

    assert ["taken"] == await ended(again)
    assert [event(1)] == room.mailbox.raws()


async def test_who_gives_up_before_a_mailbox_had_room_is_heard_when_it_comes_again(room: Room) -> None:
    """
    And whoever relied on the first to be heard is not told that it was.
    """
    room.mailbox.has_room.clear()
    first = taking(room, event(1))
    await room.mailbox.came.wait()
    second = taking(room, event(1))
    await settle()
    first.cancel()
    assert ["TransientError"] == await ended(second)

    room.mailbox.has_room.set()
    third = taking(room, event(1))
    await settle()
    room.mailbox.commit()
    assert ["taken"] == await ended(third)
    assert [event(1)] == room.mailbox.raws()


async def test_of_a_delivery_that_cannot_be_kept_the_rest_is_heard_once(room: Room) -> None:
    room.ears.is_disk_full = True
    for _ in range(5):
        assert ["TransientError"] == await ended(taking(room, event(1), b"garbage", event(2)))
    room.ears.is_disk_full = False
    last = taking(room, event(1), b"garbage", event(2))
    await settle()
    room.mailbox.commit()

    assert ["taken"] == await ended(last)
    assert [event(1), event(2)] == room.mailbox.raws()


# --- whom it concerns ------------------------------------------------------------------------------------------------


async def test_a_stranger_is_told_of_once(room: Room) -> None:
    other = "22222222-2222-2222-2222-222222222222"
    assert ["taken"] == await ended(taking(room, event(1, device=other), event(2, device=other)))

    assert ([other], 2) == (room.ears.strangers, room.ears.kinds.count("stranger"))


async def test_while_the_socket_tells_the_same_the_cloud_is_not_news(room: Room) -> None:
    room.ways.hears_cloud = False

    assert ["taken"] == await ended(taking(room, event(1)))
    assert [] == room.mailbox.raws()


def away(member: Member) -> None:
    member.is_connected = False


def refused(member: Member) -> None:
    member.forbidden_mono = 1_000.0


def unknown(member: Member) -> None:
    member.awaits_directory, member.software = True, None


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (away, "the device is not connected to the cloud"),
        (refused, "the cloud refuses access to this device"),
        (unknown, "the directory was not read yet"),
    ],
)
async def test_a_device_is_reached_while_the_stream_stands_and_nothing_is_against_it(
    room: Room, how: Callable[[Member], None], why: str
) -> None:
    await room.hearing.rise()
    how(room.hearing.members[UUID])
    await room.hearing.rise()
    await room.hearing.fall("gone")

    assert ["up 1", f"down {why}", "down gone"] == room.ways.sessions


def standby(second: int, *, hour: int = 7) -> bytes:
    at = f"2026-05-04T{hour:02}:00:{second:02}Z"
    told = {"type": "status", "deviceId": public_id("DEVICE", UUID), "timestamp": at}
    return json.dumps({**told, "changes": {"updated": {"Standby.State": "Off"}}}).encode()


async def is_heard(room: Room, raw: bytes) -> bool:
    """Whether what is told reaches the desk."""
    before = len(room.mailbox.raws())
    delivery = taking(room, raw)
    await settle()
    room.mailbox.commit()
    assert ["taken"] == await ended(delivery)
    return len(room.mailbox.raws()) > before


def is_shown(room: Room, asked_mono: float) -> bool:
    """Whether what was read then reaches the desk."""
    found = (StandbyState(device=DEVICE, value="Standby"),)
    return found == room.hearing.read(public_id("DEVICE", UUID), found, asked_mono=asked_mono)


@pytest.mark.parametrize("hour", [7, 3], ids=["right", "four hours late"])
async def test_what_is_older_than_a_reading_is_overtaken_whatever_the_clock_it_was_said_by(
    room: Room, hour: int
) -> None:
    """
    The first message comes at once, which tells what that clock shows now.
    """
    assert await is_heard(room, standby(0, hour=hour))
    await room.clock.sleep(10)
    assert is_shown(room, room.hearing.asking())
    await room.clock.sleep(10)

    assert [False, True] == [await is_heard(room, standby(second, hour=hour)) for second in (9, 11)]
    assert 1 == room.ears.kinds.count("overtaken")


async def test_a_reading_that_took_long_is_overtaken_by_what_was_said_meanwhile(room: Room) -> None:
    assert await is_heard(room, standby(0))
    asked_mono = room.hearing.asking()
    await room.clock.sleep(10)
    assert await is_heard(room, standby(10))

    assert [False, True] == [is_shown(room, asked_mono), is_shown(room, room.hearing.asking())]


async def test_a_clock_that_is_set_back_is_believed_again_after_a_reading(room: Room) -> None:
    member = room.hearing.members[UUID]
    assert await is_heard(room, standby(30))
    for is_believed in (False, True):
        assert is_shown(room, room.hearing.asking())
        await room.clock.sleep(10)
        member.told_at.clear()  # as with a new session
        assert is_believed == await is_heard(room, standby(20 if is_believed else 10))


async def test_after_a_gap_every_device_is_looked_at_and_nothing_counts_as_overtaken(room: Room) -> None:
    await room.hearing.rise()
    assert [True, False] == [await is_heard(room, standby(30)), await is_heard(room, standby(20))]
    await room.hearing.renew()

    assert await is_heard(room, standby(25))
    assert ["up 1", "up 1", "renewed"] == room.ways.sessions
