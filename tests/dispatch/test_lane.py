"""What happens to a command between being wanted and being sent, and between two attempts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import CommandId
from tests.dispatch.doubles import DESK, DEVICE, LIMIT_S, Desks, a_command, make_desks, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.core.ids import DeviceId

C1, C2, C3 = (CommandId(f"c{n}") for n in (1, 2, 3))


class ClosedGate:
    """A limiter that gives nobody a turn until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self.opened = asyncio.Event()

    @asynccontextmanager
    async def slot(self, device: DeviceId, *, urgent: bool = False) -> AsyncIterator[None]:
        self.waiting += 1
        await self.opened.wait()
        yield


def hold_commits(desks: Desks) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the ledger stand still over a sending; the events say that it does, and let it go on."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await go_on.wait()

    desks.record.on_sending = hold
    return reached, go_on


async def let_others_go(turns: int = 20) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


# --- while the ledger records a sending ------------------------------------------------------------------------------


async def test_a_command_whose_deadline_passes_while_it_is_recorded_is_not_sent() -> None:
    async with running() as desks:
        reached, go_on = hold_commits(desks)
        desks.dispatcher.submit(DESK, a_command(1, deadline_s=900))
        await asyncio.wait_for(reached.wait(), LIMIT_S)
        desks.clock.passed_s = 7200
        go_on.set()
        await desks.record.answers(1)

        message = "the deadline passed before the command could be sent"
        assert [
            ("sending", C1, DEVICE, 1),
            ("not done", C1, message),
            ("answered", C1, "gave up", None, message),
        ] == desks.record.happened


async def test_a_command_withdrawn_while_it_is_recorded_is_not_sent_and_the_record_says_so() -> None:
    async with running() as desks:
        reached, go_on = hold_commits(desks)
        desks.dispatcher.submit(DESK, a_command(1))
        desks.dispatcher.submit(DESK, a_command(2))
        await asyncio.wait_for(reached.wait(), LIMIT_S)

        assert desks.dispatcher.withdraw(C1)
        go_on.set()
        await desks.record.answers(1)
        assert [(DEVICE, "u2")] == desks.record.all("call")
        assert [(C1, "withdrawn before it was sent")] == desks.record.all("not done")
        assert [C2] == [entry[0] for entry in desks.record.all("answered")]


async def test_a_command_withdrawn_while_its_second_attempt_is_recorded_is_taken_back() -> None:
    async with running() as desks:
        desks.record.script = [TransientError("not ready")]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("not done"))
        reached, go_on = hold_commits(desks)
        await asyncio.wait_for(reached.wait(), LIMIT_S)

        assert desks.dispatcher.withdraw(C1)
        go_on.set()
        await desks.record.until(lambda: len(desks.record.all("not done")) == 2)
        assert 1 == len(desks.record.all("call"))


# --- between two attempts --------------------------------------------------------------------------------------------


async def test_a_stop_during_the_wait_for_a_retry_finds_recorded_that_nothing_was_done() -> None:
    async with running() as desks:
        desks.clock.held = True
        desks.record.script = [TransientError("not ready")]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("not done"))
        await let_others_go()

        assert [C1] == [left.command.command_id for left in await desks.dispatcher.drain(LIMIT_S)]
        assert ["sending", "call", "not done"] == [entry[0] for entry in desks.record.happened]


async def test_a_stop_during_an_attempt_that_does_nothing_records_so() -> None:
    async with running() as desks:
        gate = asyncio.Event()
        desks.record.fails_after = (gate, TransientError("not ready"))
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))
        drain = asyncio.create_task(desks.dispatcher.drain(timeout_s=900))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(drain, LIMIT_S)

        assert [(C1, "not ready")] == desks.record.all("not done")


async def test_a_command_withdrawn_during_an_attempt_that_does_nothing_waits_for_no_other() -> None:
    async with running() as desks:
        desks.clock.held = True
        gate = asyncio.Event()
        desks.record.fails_after = (gate, TransientError("not ready"))
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))

        assert not desks.dispatcher.withdraw(C1)
        gate.set()
        await desks.record.until(lambda: desks.record.all("not done"))
        await let_others_go()
        assert ((), []) == (desks.dispatcher.held(DESK), desks.clock.slept)


# --- withdrawing -----------------------------------------------------------------------------------------------------


async def test_what_the_ledger_no_longer_wants_is_not_sent_and_the_next_goes_on() -> None:
    async with running() as desks:
        desks.record.unwanted = {C1}
        desks.dispatcher.submit(DESK, a_command(1))
        desks.dispatcher.submit(DESK, a_command(2))
        await desks.record.answers(1)

        assert [C2] == [entry[0] for entry in desks.record.all("answered")]
        assert [(DEVICE, "u2")] == desks.record.all("call")


async def test_a_waiting_command_can_be_withdrawn() -> None:
    async with running() as desks:
        gate = asyncio.Event()
        desks.record.script = [gate]
        for number in (1, 2, 3):
            desks.dispatcher.submit(DESK, a_command(number))
        await desks.record.until(lambda: desks.record.all("call"))

        assert desks.dispatcher.withdraw(C2)
        assert (C1, C3) == desks.dispatcher.held(DESK)
        gate.set()
        await desks.record.answers(2)
        assert ["u1", "u3"] == [uuid for _, uuid in desks.record.all("call")]


async def test_a_command_that_waits_for_its_retry_can_be_withdrawn_and_the_next_goes_on() -> None:
    async with running() as desks:
        desks.clock.held = True
        desks.record.script = [TransientError("not ready")]
        desks.dispatcher.submit(DESK, a_command(1))
        desks.dispatcher.submit(DESK, a_command(2))
        await desks.record.until(lambda: desks.record.all("call"))
        for _ in range(20):
            await asyncio.sleep(0)

        assert desks.dispatcher.withdraw(C1)
        await desks.record.answers(1)
        assert [C2] == [entry[0] for entry in desks.record.all("answered")]


async def test_the_only_command_of_a_desk_without_a_device_can_be_withdrawn() -> None:
    async with running() as desks:
        desks.clock.held = True
        await desks.record.connect(DESK, None)
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.waiting_live)

        assert desks.dispatcher.withdraw(C1)
        assert [] == desks.dispatcher.leftovers()
        await desks.record.connect(DESK, DEVICE)
        desks.dispatcher.submit(DESK, a_command(2))
        await desks.record.answers(1)
        assert [(DEVICE, "u2")] == desks.record.all("call")


async def test_a_command_that_is_under_way_cannot_be_withdrawn() -> None:
    async with running() as desks:
        gate = asyncio.Event()
        desks.record.script = [gate]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))

        assert not desks.dispatcher.withdraw(C1)
        assert not desks.dispatcher.withdraw(C2)
        gate.set()
        await desks.record.answers(1)


# --- handed in again -------------------------------------------------------------------------------------------------


async def test_a_command_handed_in_again_after_it_was_withdrawn_waiting_for_its_turn_is_sent() -> None:
    gate = ClosedGate()
    async with running(make_desks(limiter=gate)) as desks:
        desks.dispatcher.submit(DESK, a_command(1))
        await let_others_go()
        assert 1 == gate.waiting

        assert desks.dispatcher.withdraw(C1)
        desks.dispatcher.submit(DESK, a_command(1))
        gate.opened.set()
        await desks.record.answers(1)
        assert [(DEVICE, "u1")] == desks.record.all("call")


async def test_the_newest_of_a_command_handed_in_twice_is_the_one_withdrawn() -> None:
    gate = ClosedGate()
    async with running(make_desks(limiter=gate)) as desks:
        desks.dispatcher.submit(DESK, a_command(1))
        await let_others_go()
        desks.dispatcher.withdraw(C1)
        desks.dispatcher.submit(DESK, a_command(1))

        assert desks.dispatcher.withdraw(C1)
        desks.dispatcher.submit(DESK, a_command(2))
        gate.opened.set()
        await desks.record.answers(1)
        assert [(DEVICE, "u2")] == desks.record.all("call")


async def test_what_follows_a_withdrawn_command_into_the_same_wait_can_be_withdrawn_and_stopped_too() -> None:
    async with running() as desks:
        desks.clock.held = True
        await desks.record.connect(DESK, None)
        for number in (1, 2, 3):
            desks.dispatcher.submit(DESK, a_command(number))
        await desks.record.until(lambda: desks.record.waiting_live == 1)
        desks.dispatcher.withdraw(C1)
        await desks.record.until(lambda: desks.record.waiting_live == 2)
        await let_others_go()

        assert desks.dispatcher.withdraw(C2)
        assert (C3,) == desks.dispatcher.held(DESK)
        await desks.record.until(lambda: desks.record.waiting_live == 3)
        await let_others_go()
        left = await asyncio.wait_for(desks.dispatcher.drain(900), LIMIT_S)
        assert [C3] == [leftover.command.command_id for leftover in left]
