"""
The commands of one desk: in order, one at a time, each until it is answered.

A lane's worker exists only while there is something to send. Before every attempt the ledger records it durably, so
that after a crash everybody knows what may have been carried out.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import attrs
from structlog.contextvars import bound_contextvars
from tenacity import AsyncRetrying, RetryCallState
from tenacity.retry import retry_if_exception

from hotdesk_daemon.core.desk import OpenCommand
from hotdesk_daemon.core.errors import HotdeskError, RefusedError, TransientError
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import Outcome
from hotdesk_daemon.dispatch.limits import Limiter
from hotdesk_daemon.dispatch.ports import Ledger, Line
from hotdesk_daemon.dispatch.retry import DeadlineStop, Judgement, RetryDetails, RetrySettings, RetryWait, verdict

_OUTCOMES = {
    Judgement.TRANSIENT: Outcome.GAVE_UP,
    Judgement.REFUSED: Outcome.REFUSED,
    Judgement.UNKNOWN: Outcome.UNKNOWN,
}


@attrs.define(eq=False, kw_only=True)
class Gear:
    """What every lane works with; how patient it is may change between two commands."""

    ledger: Ledger
    line: Line
    limiter: Limiter
    retry: RetrySettings
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    rng: random.Random
    on_retry: Callable[[RetryDetails], None]


@attrs.define(eq=False)
class Held:
    """A command that waits or is being sent."""

    command: OpenCommand
    sendings: int = 0
    waited_s: float = 0.0
    is_withdrawn: bool = False
    is_idle: bool = False  # its worker waits with nothing under way: it may be cancelled without losing anything
    is_out: bool = False  # it may be carried out now
    is_answering: bool = False  # its answer is being recorded: whoever hands it in now means a new attempt


class NoLongerWantedError(Exception):
    """The command is not to be sent any more."""


class StoppedError(Exception):
    """The lane should wait, and we are stopping."""


@attrs.define(eq=False)
class Lane:
    """
    One desk's queue and its work.

    The queue needs no bound of its own: it holds what the desk's state holds open, and core bounds that.
    """

    desk: DeskId
    gear: Gear
    queue: deque[Held] = attrs.field(factory=deque)
    is_stopping: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether the worker waits and nothing is under way."""
        return bool(self.queue) and self.queue[0].is_idle

    @property
    def is_settled(self) -> bool:
        """Whether the worker waits for an answer that nobody needs any more."""
        return bool(self.queue) and self.queue[0].is_withdrawn and self.queue[0].is_out

    def add(self, command: OpenCommand) -> None:
        """Put *command* at the end, unless it waits here already; one that was withdrawn does not."""
        held = self.find(command.command_id)
        if held is None or held.is_answering or held.is_withdrawn:
            self.queue.append(Held(command=command))

    def find(self, command_id: CommandId) -> Held | None:
        """Give the command of this id, as it was handed in last."""
        return next((held for held in reversed(self.queue) if held.command.command_id == command_id), None)

    async def work(self) -> None:
        """Send everything in order; returns when nothing is left, or early when stopping."""
        while self.queue:
            held = self.queue[0]
            if not held.is_withdrawn:
                try:
                    await self._settle(held)
                except StoppedError:
                    return
            self.queue.popleft()

    async def _settle(self, held: Held) -> None:
        """Try until the command is answered, refused, unknown or given up, and record which."""
        outcome, code, message = Outcome.ACCEPTED, None, ""
        try:
            await self._retrying(held)(self._attempt, held)
        except NoLongerWantedError:
            return
        except HotdeskError as exc:
            judgement = verdict(exc)
            if judgement is None:
                raise AssertionError("every error of ours has a verdict") from exc
            outcome, message = _OUTCOMES[judgement], str(exc)
            code = exc.code if isinstance(exc, RefusedError) else None
        held.is_answering = True
        await self.gear.ledger.answered(self.desk, held.command.command_id, outcome=outcome, code=code, message=message)

    def _retrying(self, held: Held) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(lambda exc: verdict(exc) is Judgement.TRANSIENT),
            wait=RetryWait(self.gear.retry, rng=self.gear.rng),
            stop=DeadlineStop(
                deadline=lambda: held.command.deadline,
                max_attempts=self.gear.retry.max_attempts,
                sendings=lambda: held.sendings,
                now=self.gear.now,
            ),
            before_sleep=lambda state: self._announce(held, state),
            sleep=lambda seconds: self._wait(held, lambda: self.gear.sleep(seconds)),
            reraise=True,
        )

    def _announce(self, held: Held, state: RetryCallState) -> None:
        exc = state.outcome.exception() if state.outcome is not None else None
        self.gear.on_retry(
            RetryDetails(
                desk=self.desk,
                command_id=held.command.command_id,
                attempt=state.attempt_number,
                wait_s=state.upcoming_sleep,
                waited_s=held.waited_s,
                cause=str(exc),
            )
        )
        held.waited_s += state.upcoming_sleep

    async def _attempt(self, held: Held) -> None:
        """Send once, over whichever device is live when our turn comes."""
        while True:
            device = await self._live_device(held)
            async with self.gear.limiter.slot(device, urgent=True):
                if self.gear.line.route(self.desk, held.command) != device:  # it went while we waited for our turn
                    continue
                await self._send(held, device)
                return

    async def _send(self, held: Held, device: DeviceId) -> None:
        """Send once; that nothing was done is recorded at once, for the process may end before the next attempt."""
        ledger, command_id = self.gear.ledger, held.command.command_id
        self._insist_on(held)
        attempt = held.command.attempts + held.sendings + 1
        if not await ledger.sending(self.desk, command_id, device=device, attempt=attempt):
            raise NoLongerWantedError
        held.sendings += 1
        try:
            self._insist_on(held)  # the commit may have taken hours, and what was decided with it may have settled it
            held.is_out = True
            with bound_contextvars(desk_id=self.desk, command_id=command_id, booking_id=held.command.booking_id):
                await self.gear.line.call(device, held.command.command)
        except (HotdeskError, NoLongerWantedError) as exc:
            if isinstance(exc, NoLongerWantedError) or verdict(exc) is Judgement.TRANSIENT:
                held.is_out = False
                await ledger.answered(self.desk, command_id, outcome=Outcome.NOT_DONE, code=None, message=str(exc))
                if held.is_withdrawn:
                    raise NoLongerWantedError from exc
            raise

    def _insist_on(self, held: Held) -> None:
        """Pass only what may still be sent now."""
        if held.is_withdrawn:
            raise NoLongerWantedError("withdrawn before it was sent")
        if self._left_s(held) <= 0:
            raise TransientError("the deadline passed before the command could be sent")

    async def _live_device(self, held: Held) -> DeviceId:
        """Wait until some device can take the command, at most until its deadline."""
        line, command = self.gear.line, held.command
        device = line.route(self.desk, command)
        if device is None and (left_s := self._left_s(held)) > 0:
            await self._wait(held, lambda: self._until_live(command, left_s))
            device = line.route(self.desk, command)
        if device is None:
            raise TransientError(f"no device of desk {self.desk} that could take the command is connected")
        return device

    def _left_s(self, held: Held) -> float:
        return (held.command.deadline - self.gear.now()) / timedelta(seconds=1)

    async def _until_live(self, command: OpenCommand, left_s: float) -> None:
        """Wait for a live device or for *left_s*, whichever comes first."""

        async def limit() -> None:
            await self.gear.sleep(left_s)

        name = f"desk={self.desk}"
        waits = {
            asyncio.create_task(self.gear.line.wait_live(self.desk, command), name=f"wait for a device {name}"),
            asyncio.create_task(limit(), name=f"deadline of a wait {name}"),
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()
            await asyncio.wait(waits)

    async def _wait(self, held: Held, start: Callable[[], Awaitable[None]]) -> None:
        """Wait with nothing under way; when stopping, do not begin to."""
        if self.is_stopping:
            raise StoppedError
        held.is_idle = True
        try:
            await start()
        finally:
            held.is_idle = False
