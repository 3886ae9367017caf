"""
The stage that flows are played on: the desk, its people, and the steps that many flows share.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from .clock import Clock
from .desks import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from .device import Device
    from .entries import Entry
    from .people import People

EMAIL: Final = "person1@example.com"
OTHER_EMAIL: Final = "person2@example.com"
_LIMIT_S: Final = 400.0


class StageError(RuntimeError):
    """What a flow waited for did not happen: the desk was disturbed, or had something else booked."""


@attrs.define(kw_only=True, eq=False)
class Stage:
    """One flow being played on one desk."""

    desk: Desk
    clock: Clock
    variant: str = ""
    email: str = EMAIL
    meeting_id: str = ""
    request_uuid: str = ""

    @property
    def device(self) -> Device:
        """The device the flow is played at."""
        return self.desk.device

    @property
    def people(self) -> People:
        """The people at that device."""
        return self.device.people

    def soon(self, seconds: float) -> datetime:
        """Return a moment ahead, in whole seconds."""
        return self.clock.now().replace(microsecond=0) + timedelta(seconds=seconds)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.sleep_until(self.clock.now() + timedelta(seconds=seconds))

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        """
        Let time pass until *reached* holds.

        Raises:
            StageError: it does not come to hold.

        """
        end = self.clock.now() + timedelta(seconds=_LIMIT_S)
        while not reached():
            if self.clock.now() >= end:
                message = f"{self.desk.workspace}: {what} did not happen within {_LIMIT_S:.0f} s"
                raise StageError(message)
            await self.wait(0.5)

    def entry(self) -> Entry:
        """
        Return the flow's booking.

        Raises:
            StageError: it has gone.

        """
        entry = self.desk.calendar.by_meeting_id(self.meeting_id)
        if entry is None:
            message = f"{self.desk.workspace}: the booking of the flow has gone"
            raise StageError(message)
        return entry

    async def have_booking(
        self, *, begins_in_s: float = 0, minutes: int = 60, email: str = "", in_calendar: bool = False
    ) -> None:
        """Have a confirmed booking: made on the screen, or in the calendar where there is one and it is wanted."""
        start = self.soon(begins_in_s)
        if in_calendar and self.desk.kind == "hybrid":
            self.meeting_id = self.desk.backend.create(email or self.email, start, minutes, title="Desk")
            await self.until_known()
            return
        self.request_uuid = self.people.book(minutes, "Desk", email or self.email, start=start)
        await self.until_decided()
        self.entry()

    async def until_decided(self) -> None:
        """Wait until the flow's request was confirmed or refused, and learn its MeetingId."""
        uuid = self.request_uuid

        def decided() -> bool:
            if any(one.request_uuid == uuid for one in self.desk.calendar.entries.values()):
                return True
            return uuid not in getattr(self.desk.calendar, "pending", ())

        await self.until(decided, "the answer to a booking request")
        entries = self.desk.calendar.entries.values()
        self.meeting_id = next((one.meeting_id for one in entries if one.request_uuid == uuid), "")

    async def until_known(self) -> None:
        """Wait until the device has learnt of a meeting made in the calendar."""
        await self.until(lambda: self.desk.calendar.by_meeting_id(self.meeting_id) is not None, "a new meeting")

    async def until_gone(self) -> None:
        """Wait until the flow's booking has gone."""
        await self.until(lambda: self.desk.calendar.by_meeting_id(self.meeting_id) is None, "a deletion")

    async def until_signed_out(self) -> None:
        """Wait until nobody is signed in."""
        await self.until(lambda: self.device.signin.person is None, "a sign-out")

    async def wait_until_end(self) -> None:
        """Let the flow's booking end."""
        await self.clock.sleep_until(self.entry().end)
        await self.wait(0.5)

    async def wait_backend(self) -> None:
        """Let the back end answer, or the device give up."""
        if self.desk.kind == "local":
            return
        backend = self.desk.backend
        slow = self.device.booking_timeout_s if self.variant == "timeout" else backend.delay_s
        await self.wait(max(slow, backend.push_s) + 0.5)

    def prepare_refusal(self) -> None:
        """Let the back end refuse, or not answer, if that variant is played."""
        if self.variant == "refused":
            self.desk.backend.decline_next()
        elif self.variant == "timeout":
            self.desk.backend.ignore_next()
