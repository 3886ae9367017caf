"""
The end of a run: stop hearing, finish what is under way, write down where every desk stands; each step bounded.

Whatever a step leaves undone is in the journal: a command that was being sent is asked about at the next start, and
what a device says meanwhile is found by the list after the next connect. So being cut short, by a second signal or a
kill, costs time at the next start and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.app.organisations import Organisations
from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.dispatch import Dispatcher
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.core.desk import Desk, OpenCommand
    from hotdesk_daemon.core.ids import DeviceId

#: How long links and organisations may take to end: a polite close takes a second where the other side is mute.
_CLOSE_S: Final = 5.0
#: How long the desks may take for what is in their mailboxes, and for their snapshots.
_SETTLE_S: Final = 5.0
#: The same once somebody is in a hurry.
_HURRY_S: Final = 0.5
#: What the service manager is asked to grant beyond all of these, for the journal's last commit.
_SPARE_S: Final = 35.0
#: Commands that are told of by a line each.
_LINES: Final = 250


@attrs.define(eq=False, kw_only=True)
class Stopping:
    """
    One stop.

    ``left`` counts the commands that were not settled, known when `run` is done. Setting *hurry* cuts short what still
    waits for devices.
    """

    fleet: Fleet
    housing: Housing
    organisations: Organisations
    dispatcher: Dispatcher
    notifier: Notifier
    hurry: asyncio.Event
    left: int = 0

    async def run(self, drain_s: float) -> None:
        """End everything but the workers; commands that are being sent are waited for so long."""
        self.notifier.stopping(status=f"stopping: {len(self.dispatcher.leftovers())} commands under way")
        self.notifier.extend(drain_s + _CLOSE_S + _SETTLE_S + _SPARE_S)
        # Devices with nothing under way are let go meanwhile: those that are mute take a second.
        closing = self.housing.stop_links([*self._quiet()], timeout_s=_CLOSE_S)
        await asyncio.gather(self.dispatcher.drain(drain_s, cut=self.hurry), closing)
        rest = self.housing.stop_links([*self.fleet.ways], timeout_s=_CLOSE_S)
        await asyncio.gather(rest, self.organisations.stop(timeout_s=_CLOSE_S))
        self.fleet.stop_lists()
        try:
            async with asyncio.timeout(_HURRY_S if self.hurry.is_set() else _SETTLE_S):
                await self.fleet.settle()
                await asyncio.gather(*(worker.snapshot() for worker in self.fleet.workers.values()))
        except TimeoutError:
            get_log().warning("daemon.drain_cut", waiting=self.fleet.waiting())
        except HotdeskError as exc:  # the journal is unavailable: nothing acknowledged is lost by that
            get_log().error("journal.unavailable", error=str(exc))
        self._list_leftovers()

    def _quiet(self) -> Iterator[DeviceId]:
        """The devices that no command waits for, nor could still be sent to."""
        for desk in self.fleet.desks():
            asked = self.housing.asked(desk.devices)
            for device in desk.devices:
                if not self.dispatcher.held(desk.desk_id) or (asked and device not in asked):
                    yield device

    def _list_leftovers(self) -> None:
        for desk, command in self._unsettled():
            self.left += 1
            if self.left <= _LINES:
                get_log().warning(
                    "daemon.leftover",
                    desk_id=desk.desk_id,
                    command_id=command.command_id,
                    command=command.command.path,
                    booking_id=command.booking_id,
                    state=command.state.value,
                )
        if self.left > _LINES:
            get_log().warning("daemon.leftovers", count=self.left, untold=self.left - _LINES)

    def _unsettled(self) -> Iterator[tuple[Desk, OpenCommand]]:
        for desk in self.fleet.desks():
            for command in desk.commands.values():
                if command.state is not CommandState.PARKED:
                    yield desk, command
