"""
From decided commands to devices: one lane per desk, all under the fleet's limits.

Commands arrive here when they are durable, and their fate returns through the ledger. The dispatcher forgets everything
when the process ends; whoever starts it again hands in what is still open.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from hotdesk_daemon.core.desk import OpenCommand
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.dispatch.lane import Gear, Lane

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from hotdesk_daemon.dispatch.limits import Limiter
    from hotdesk_daemon.dispatch.ports import Ledger, Line
    from hotdesk_daemon.dispatch.retry import RetryDetails, RetrySettings

T = TypeVar("T")

#: How long cancelled workers may take to end; they only clean up.
_CLEANUP_S: Final = 1.0


@attrs.frozen(kw_only=True)
class Leftover:
    """A command that was handed in and not answered."""

    desk: DeskId
    command: OpenCommand


def _tell_nobody(details: RetryDetails) -> None:
    """Hook for those who do not watch retries."""


class Dispatcher:
    """
    Sends commands: per desk in order and one at a time, desks side by side.

    Args:
        ledger: The durable record of sendings and answers.
        line: The way to the devices.
        limiter: The fleet's limits.
        retry: How patient to be.
        now: The time that deadlines are measured in.
        sleep: Waits between attempts.
        rng: Draws the jitter.
        on_retry: Told of every retry before its wait.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        line: Line,
        limiter: Limiter,
        retry: RetrySettings,
        now: Callable[[], datetime],
        rng: random.Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_retry: Callable[[RetryDetails], None] = _tell_nobody,
    ) -> None:
        self._gear = Gear(
            ledger=ledger,
            line=line,
            limiter=limiter,
            retry=retry,
            now=now,
            sleep=sleep,
            rng=rng,
            on_retry=on_retry,
        )
        self._lanes: dict[DeskId, Lane] = {}
        self._workers: dict[DeskId, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._is_draining = False
        self._is_over = asyncio.Event()

    def change(self, retry: RetrySettings) -> None:
        """Be so patient from the next command on."""
        self._gear.retry = retry

    def submit(self, desk: DeskId, command: OpenCommand) -> None:
        """Take a durable command; it is sent after those of the same desk that were handed in before."""
        lane = self._lanes.get(desk)
        if lane is None:
            lane = self._lanes[desk] = Lane(desk=desk, gear=self._gear)
        lane.add(command)
        self._start(lane)

    def renew(self, desk: DeskId, command: OpenCommand) -> None:
        """Let another deadline count for a command that waits here; one that does not is left alone."""
        lane = self._lanes.get(desk)
        held = lane.find(command.command_id) if lane is not None else None
        if held is not None:
            held.command = attrs.evolve(held.command, deadline=command.deadline)

    def withdraw(self, command_id: CommandId) -> bool:
        """
        Take a command back; True when it will not be sent (again).

        False means that it is unknown here, or under way: then its answer still comes.
        """
        for lane in self._lanes.values():
            held = lane.find(command_id)
            if held is None:
                continue
            is_head = held is lane.queue[0]
            worker = self._workers.get(lane.desk)
            held.is_withdrawn = True
            if is_head and worker is not None and not held.is_idle:
                if self._is_draining and lane.is_settled:  # its answer would tell nothing new
                    worker.cancel()
                return not (held.is_out or held.is_answering)
            lane.queue.remove(held)
            if is_head and worker is not None:
                # Its worker waits with nothing under way: let another go on with the next command.
                del self._workers[lane.desk]
                worker.cancel()
                self._tidy_or_start(lane)
            return True
        return False

    def held(self, desk: DeskId) -> tuple[CommandId, ...]:
        """The commands of *desk* that are not answered yet, in order."""
        lane = self._lanes.get(desk)
        return tuple(held.command.command_id for held in lane.queue) if lane is not None else ()

    def leftovers(self) -> list[Leftover]:
        """Everything that was handed in and not answered, in order of desks and within them."""
        return [
            Leftover(desk=desk, command=held.command)
            for desk, lane in sorted(self._lanes.items())
            for held in lane.queue
        ]

    async def query(self, device: DeviceId, fn: Callable[[], Awaitable[T]], *, urgent: bool = False) -> T:
        """Ask a device something under its limits, *urgent* before others; no retry, no order, no record."""
        async with self._gear.limiter.slot(device, urgent=urgent):
            return await fn()

    async def run(self) -> None:
        """Work until `drain` is called or we are cancelled; an error of the ledger ends it."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for lane in [*self._lanes.values()]:
                    self._start(lane)
                await self._is_over.wait()  # forever: until drain
        finally:
            self._group = None

    async def drain(self, timeout_s: float, *, cut: asyncio.Event | None = None) -> list[Leftover]:
        """
        Stop: send what can go at once, wait for nothing else, and return what is left.

        After *timeout_s*, or when *cut* is set, what is under way is cut off; the ledger knows that it was being sent.
        """
        self._is_draining = True
        for lane in self._lanes.values():
            lane.is_stopping = True
            worker = self._workers.get(lane.desk)
            if worker is not None and (lane.is_idle or lane.is_settled):
                worker.cancel()
        await self._finish(timeout_s, cut or asyncio.Event())
        rest = [*self._workers.values()]
        for worker in rest:
            worker.cancel()
        if rest:
            await asyncio.wait(rest, timeout=_CLEANUP_S)
        self._is_over.set()
        return self.leftovers()

    async def _finish(self, timeout_s: float, cut: asyncio.Event) -> None:
        """Return when the workers are done, the time is over, or *cut* is set."""
        workers = [*self._workers.values()]
        if not workers:
            return
        done = asyncio.gather(*workers, return_exceptions=True)
        cutting = asyncio.create_task(cut.wait(), name="cutting a drain short")
        try:
            await asyncio.wait((done, cutting), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cutting.cancel()
            await asyncio.wait((cutting,))

    def _start(self, lane: Lane) -> None:
        if self._group is None or self._is_draining or lane.desk in self._workers:
            return
        self._workers[lane.desk] = self._group.create_task(self._work(lane), name=f"dispatch desk={lane.desk}")

    async def _work(self, lane: Lane) -> None:
        try:
            await lane.work()
        finally:
            if self._workers.get(lane.desk) is asyncio.current_task():
                del self._workers[lane.desk]
                if not lane.queue:
                    del self._lanes[lane.desk]

    def _tidy_or_start(self, lane: Lane) -> None:
        if lane.queue:
            self._start(lane)
        else:
            del self._lanes[lane.desk]
