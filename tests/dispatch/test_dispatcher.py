from __future__ import annotations

import asyncio

import pytest

from hotdesk_daemon.core.errors import LostAnswerError, ProtocolError, RefusedError, TransientError
from hotdesk_daemon.core.ids import CommandId, DeviceId
from hotdesk_daemon.dispatch import Leftover, RetrySettings
from tests.dispatch.doubles import DESK, DEVICE, LIMIT_S, OTHER_DESK, a_command, make_desks, running

C1, C2, C3 = (CommandId(f"c{n}") for n in (1, 2, 3))


# --- order -----------------------------------------------------------------------------------------------------------


async def test_every_sending_is_recorded_before_and_every_answer_after_the_call() -> None:
    async with running() as desks:
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert [
            ("sending", C1, DEVICE, 1),
            ("call", DEVICE, "u1"),
            ("answered", C1, "accepted", None, ""),
        ] == desks.record.happened


async def test_the_commands_of_a_desk_go_in_order_each_after_the_answer_to_the_last() -> None:
    async with running() as desks:
        gate = asyncio.Event()
        desks.record.script = [gate]
        for number in (1, 2, 3):
            desks.dispatcher.submit(DESK, a_command(number))
        await desks.record.until(lambda: desks.record.all("call"))
        for _ in range(20):
            await asyncio.sleep(0)

        assert [(DEVICE, "u1")] == desks.record.all("call")
        assert (C1, C2, C3) == desks.dispatcher.held(DESK)
        gate.set()
        await desks.record.answers(3)
        assert ["sending", "call", "answered"] * 3 == [entry[0] for entry in desks.record.happened]
        assert ["u1", "u2", "u3"] == [uuid for _, uuid in desks.record.all("call")]


async def test_a_desk_that_waits_holds_up_no_other() -> None:
    async with running() as desks:
        desks.record.script = [asyncio.Event()]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))
        desks.dispatcher.submit(OTHER_DESK, a_command(2))
        await desks.record.answers(1)

        assert [C2] == [entry[0] for entry in desks.record.all("answered")]


async def test_commands_handed_in_before_it_runs_are_sent_when_it_does() -> None:
    desks = make_desks()
    desks.dispatcher.submit(DESK, a_command(1))
    desks.dispatcher.submit(OTHER_DESK, a_command(2))
    async with running(desks):
        await desks.record.answers(2)

    assert [] == desks.dispatcher.leftovers()


async def test_a_desk_has_a_worker_only_while_it_has_something_to_send() -> None:
    async with running() as desks:
        before = asyncio.all_tasks()
        gate = asyncio.Event()
        desks.record.script = [gate]
        desks.dispatcher.submit(DESK, a_command(1))

        assert [f"dispatch desk={DESK}"] == [task.get_name() for task in asyncio.all_tasks() - before]
        gate.set()
        await desks.record.answers(1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert before == asyncio.all_tasks()
        assert () == desks.dispatcher.held(DESK)


async def test_a_command_handed_in_twice_is_sent_once() -> None:
    async with running() as desks:
        gate = asyncio.Event()
        desks.record.script = [gate]
        for number in (1, 1, 2, 2):
            desks.dispatcher.submit(DESK, a_command(number))

        assert (C1, C2) == desks.dispatcher.held(DESK)
        gate.set()
        await desks.record.answers(2)
        assert 2 == len(desks.record.all("call"))


async def test_a_command_handed_in_again_while_its_answer_is_recorded_is_a_new_attempt() -> None:
    async with running() as desks:
        again = [a_command(1, attempts=1)]
        desks.record.on_answered = lambda _: desks.dispatcher.submit(DESK, again.pop()) if again else None
        desks.record.script = [LostAnswerError("cut")]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(2)

        assert [(C1, DEVICE, 1), (C1, DEVICE, 2)] == desks.record.all("sending")
        assert ["unknown", "accepted"] == [entry[1] for entry in desks.record.all("answered")]


# --- outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (RefusedError("no such booking", code=1), ("refused", 1, "no such booking")),
        (LostAnswerError("cut"), ("unknown", None, "cut")),
        (ProtocolError("no JSON"), ("unknown", None, "no JSON")),
    ],
    ids=["refused", "lost", "nonsense"],
)
async def test_what_cannot_be_retried_from_here_is_answered_at_once(
    error: Exception, answer: tuple[object, ...]
) -> None:
    async with running() as desks:
        desks.record.script = [error]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert [(C1, *answer)] == desks.record.all("answered")
        assert 1 == len(desks.record.all("call"))


async def test_a_transient_failure_is_tried_again_each_attempt_recorded_before_it() -> None:
    async with running() as desks:
        desks.record.script = [TransientError("not ready"), TransientError("not ready")]
        desks.dispatcher.submit(DESK, a_command(1, attempts=4))
        await desks.record.answers(1)

        tries = ["sending", "call", "not done"] * 2 + ["sending", "call", "answered"]
        assert tries == [entry[0] for entry in desks.record.happened]
        assert [5, 6, 7] == [attempt for _, _, attempt in desks.record.all("sending")]
        assert [(C1, "accepted", None, "")] == desks.record.all("answered")
        assert [1, 2] == desks.clock.slept


async def test_every_retry_is_told_before_its_wait() -> None:
    async with running() as desks:
        desks.record.script = [TransientError("not ready"), TransientError("busy", retry_after_s=7)]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        told = [(r.desk, r.command_id, r.attempt, r.wait_s, r.waited_s, r.cause) for r in desks.retries]
        assert [(DESK, C1, 1, 1.0, 0.0, "not ready"), (DESK, C1, 2, 7.0, 1.0, "busy")] == told


@pytest.mark.parametrize("retry_after_s", [0.0, 100.0])
async def test_a_time_named_by_the_other_side_beats_our_own(retry_after_s: float) -> None:
    async with running() as desks:
        desks.record.script = [TransientError("busy", retry_after_s=retry_after_s)]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert [retry_after_s] == desks.clock.slept


async def test_attempts_are_limited() -> None:
    async with running(make_desks(retry=RetrySettings(max_attempts=3))) as desks:
        desks.record.script = [TransientError("not ready")] * 9
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert 3 == len(desks.record.all("call"))
        assert [(C1, "gave up", None, "not ready")] == desks.record.all("answered")


async def test_no_attempt_begins_at_or_after_the_deadline() -> None:
    async with running() as desks:
        desks.record.script = [TransientError("not ready")] * 9
        desks.dispatcher.submit(DESK, a_command(1, deadline_s=7))  # waits 1, 2, and 4 would end at the deadline
        await desks.record.answers(1)

        assert [1, 2] == desks.clock.slept
        assert ["gave up"] == [entry[1] for entry in desks.record.all("answered")]


async def test_a_retry_after_the_deadline_is_not_waited_for() -> None:
    async with running() as desks:
        desks.record.script = [TransientError("busy", retry_after_s=1e12)]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert [] == desks.clock.slept
        assert ["gave up"] == [entry[1] for entry in desks.record.all("answered")]


async def test_a_command_past_its_deadline_is_not_sent() -> None:
    async with running() as desks:
        desks.dispatcher.submit(DESK, a_command(1, deadline_s=-1))
        await desks.record.answers(1)

        assert [(C1, "gave up")] == [entry[:2] for entry in desks.record.all("answered")]
        assert [] == desks.record.all("sending")


async def test_a_mistake_of_ours_ends_the_dispatcher() -> None:
    desks = make_desks()
    desks.record.script = [ZeroDivisionError("mistake")]
    desks.dispatcher.submit(DESK, a_command(1))

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(desks.dispatcher.run(), LIMIT_S)

    assert caught.group_contains(ZeroDivisionError)


# --- no device -------------------------------------------------------------------------------------------------------


async def test_without_a_live_device_nothing_is_recorded_as_sending_until_there_is_one() -> None:
    async with running() as desks:
        desks.clock.held = True
        await desks.record.connect(DESK, None)
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.waiting_live)

        assert [] == desks.record.happened
        await desks.record.connect(DESK, DeviceId("dev-2"))
        await desks.record.answers(1)
        assert [(C1, DeviceId("dev-2"), 1)] == desks.record.all("sending")


async def test_a_command_that_no_device_could_take_before_its_deadline_is_given_up() -> None:
    async with running() as desks:
        await desks.record.connect(DESK, None)
        desks.dispatcher.submit(DESK, a_command(1))
        desks.dispatcher.submit(DESK, a_command(2, deadline_s=1_000))
        await desks.record.answers(2)

        assert [900, 100] == desks.clock.slept
        assert ["gave up", "gave up"] == [entry[1] for entry in desks.record.all("answered")]
        assert [] == desks.record.all("sending")


async def test_a_command_for_one_device_waits_for_it_until_its_deadline_while_another_is_live() -> None:
    async with running(make_desks(retry=RetrySettings(max_attempts=2))) as desks:
        desks.record.other_device_live = True
        await desks.record.connect(DESK, None)
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.answers(1)

        assert ["gave up"] == [entry[1] for entry in desks.record.all("answered")]
        assert 840 < desks.clock.passed_s < 900


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_draining_sends_what_can_go_and_leaves_what_must_wait() -> None:
    desks = make_desks()
    async with running(desks):
        desks.clock.held = True
        gate = asyncio.Event()
        desks.record.script = [gate]
        await desks.record.connect(OTHER_DESK, None)
        desks.dispatcher.submit(DESK, a_command(1))
        desks.dispatcher.submit(DESK, a_command(2))
        desks.dispatcher.submit(OTHER_DESK, a_command(3))
        await desks.record.until(lambda: desks.record.all("call") and desks.record.waiting_live)
        drain = asyncio.create_task(desks.dispatcher.drain(timeout_s=900))
        await asyncio.sleep(0)
        gate.set()

        assert [Leftover(desk=OTHER_DESK, command=a_command(3))] == await asyncio.wait_for(drain, LIMIT_S)
        assert [C1, C2] == [entry[0] for entry in desks.record.all("answered")]
        assert desks.task is not None
        await asyncio.wait_for(desks.task, LIMIT_S)


async def test_a_failure_while_draining_is_not_tried_again() -> None:
    async with running() as desks:
        desks.clock.held = True
        gate = asyncio.Event()
        desks.record.fails_after = (gate, TransientError("not ready"))
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))
        drain = asyncio.create_task(desks.dispatcher.drain(timeout_s=900))
        await asyncio.sleep(0)
        gate.set()

        assert [Leftover(desk=DESK, command=a_command(1))] == await asyncio.wait_for(drain, LIMIT_S)
        assert [] == desks.clock.slept


async def test_draining_is_bounded_when_an_answer_does_not_come() -> None:
    async with running() as desks:
        desks.record.script = [asyncio.Event()]
        desks.dispatcher.submit(DESK, a_command(1))
        await desks.record.until(lambda: desks.record.all("call"))

        assert [Leftover(desk=DESK, command=a_command(1))] == await desks.dispatcher.drain(0.05)
        assert [] == desks.record.all("answered")


async def test_what_is_handed_in_while_draining_is_left() -> None:
    async with running() as desks:
        assert [] == await desks.dispatcher.drain(LIMIT_S)
        desks.dispatcher.submit(DESK, a_command(1))

        assert [Leftover(desk=DESK, command=a_command(1))] == desks.dispatcher.leftovers()


@pytest.mark.parametrize("turns", range(12))
async def test_cancelling_at_any_moment_loses_no_command(turns: int) -> None:
    desks = make_desks()
    desks.record.script = [TransientError("not ready")]
    for number in (1, 2):
        desks.dispatcher.submit(DESK, a_command(number))
    async with running(desks):
        for _ in range(turns):
            await asyncio.sleep(0)

    left = [leftover.command.command_id for leftover in desks.dispatcher.leftovers()]
    answered = [entry[0] for entry in desks.record.all("answered")]
    assert [C1, C2] == answered + [c for c in left if c not in answered]
    sent = {entry[1] for entry in desks.record.all("call")}
    assert sent <= {f"u{c[1:]}" for c, *_ in desks.record.all("sending")}


async def test_queries_go_under_the_same_limits_and_give_their_value() -> None:
    async with running() as desks:

        async def ask() -> str:
            return "two bookings"

        assert "two bookings" == await desks.dispatcher.query(DEVICE, ask)
