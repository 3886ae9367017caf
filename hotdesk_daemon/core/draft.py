"""
The working copy of a desk while one input is decided.

A `Draft` is the only place where a desk is "changed": it copies what it touches, collects reasons, effects and
commands, and ends as a `Step`. The desk it began with stays as it was. It lives for one call of ``decide`` and is
never kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hotdesk_daemon.core.desk import (
    SETTLED,
    Booking,
    BookingState,
    CommandState,
    Counters,
    Desk,
    Device,
    Held,
    OpenCommand,
    Sync,
    Timer,
    altered,
    living,
)
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.steps import Effect, Life, Reason, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId

#: A booking counts as running this long before its start: device clocks and ours differ a little.
START_TOLERANCE = timedelta(seconds=60)


class Draft:
    """One desk under one input; ``seq`` is the number of the input, ``now`` the time handed in with it."""

    __slots__ = (
        "base", "bookings", "buffer", "cause_seq", "changed_commands", "commands", "counters", "detail", "devices",
        "effects", "held", "living", "maintenance_until", "now", "reasons", "refusal", "seq", "sync", "timers",
        "wish_booking",
    )  # fmt: skip

    def __init__(self, desk: Desk, *, now: datetime) -> None:
        self.base = desk
        self.now = now
        self.seq = desk.seq + 1
        self.devices = desk.devices
        self.bookings = desk.bookings
        self.living = desk.living
        self.commands = desk.commands
        self.timers = desk.timers
        self.maintenance_until = desk.maintenance_until
        self.sync: Sync = desk.sync
        self.buffer: tuple[Held, ...] = desk.buffer
        self.counters: Counters = desk.counters
        self.reasons: list[Reason] = []
        self.effects: list[Effect] = []
        self.changed_commands: dict[CommandId, OpenCommand] = {}
        self.cause_seq: int | None = None  # what led here: it set the timer, asked for the list, was held
        self.detail = ""  # what an act adds to its row's text
        self.held = False  # the event waits for the list under way
        self.refusal: str | None = None
        self.wish_booking: BookingId | None = None

    # --- reading -----------------------------------------------------------------------------------------------------

    def active_booking(self) -> Booking | None:
        """The booking that runs now, the earliest first; a created one whose start has come counts as running."""
        running = [b for b in self.living.values() if self.is_active(b)]
        return min(running, key=lambda b: (b.start, b.booking_id), default=None)

    def is_active(self, booking: Booking) -> bool:
        if booking.state is BookingState.STARTED:
            return booking.start - START_TOLERANCE <= self.now
        return (
            booking.state is BookingState.CREATED
            and booking.start - START_TOLERANCE <= self.now
            and self.now < booking.end
        )

    def open_commands(self) -> Iterator[OpenCommand]:
        """Commands that are neither settled nor parked, in the order of their decision."""
        return (c for c in self.commands.values() if c.state is not CommandState.PARKED)

    @property
    def stage(self) -> Stage:
        """The stage that counts now: during maintenance none but `off`."""
        return Stage.OFF if self.maintenance_until is not None else self.base.stage

    @property
    def sends_nothing(self) -> str | None:
        """Why nothing may be sent to this desk now, if so."""
        if self.maintenance_until is not None:
            return f"maintenance until {self.maintenance_until:%Y-%m-%d %H:%M} UTC: nothing is sent to this desk"
        return None if self.base.stage.sends else f"stage {self.base.stage}: nothing is sent to this desk"

    def confirmation_time(self) -> timedelta:
        """How long the calendar may take to answer: the longest that any device says, else the desk's setting."""
        told = [d.booking_timeout_s for d in self.devices.values() if d.booking_timeout_s is not None]
        return timedelta(seconds=max(told, default=self.base.booking_timeout_s))

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has come of the input so far, but perhaps mirrored statuses."""
        base = self.base
        return (
            not self.reasons
            and self.bookings is base.bookings
            and self.timers is base.timers
            and self.sync is base.sync
            and self.commands is base.commands
        )

    # --- writing -----------------------------------------------------------------------------------------------------

    def put_device(self, device: Device) -> None:
        self.devices = {**self.devices, device.device_id: device}

    def put_booking(self, booking: Booking) -> None:
        key = booking.booking_id
        is_new = key not in self.bookings
        self.bookings = {**self.bookings, key: booking}
        if booking.is_over:
            self.living = {k: b for k, b in self.living.items() if k != key}
        elif is_new or key in self.living:
            self.living = {**self.living, key: booking}
        else:  # it stands again, where it stood
            self.living = living(self.bookings)

    def drop_booking(self, booking_id: BookingId) -> None:
        self.bookings = {key: b for key, b in self.bookings.items() if key != booking_id}
        self.living = {key: b for key, b in self.living.items() if key != booking_id}

    def put_command(self, command: OpenCommand) -> None:
        """Keep *command*; a settled one leaves the desk and stays in the outbox only."""
        self.changed_commands[command.command_id] = command
        if command.state in SETTLED:
            self.commands = {key: c for key, c in self.commands.items() if key != command.command_id}
            self.clear_timer(f"command:{command.command_id}")
        else:
            self.commands = {**self.commands, command.command_id: command}

    def set_timer(self, key: str, due: datetime, *, cause_seq: int | None = None) -> None:
        timer = Timer(key=key, due=due, cause_seq=self.seq if cause_seq is None else cause_seq)
        self.timers = {**self.timers, key: timer}

    def clear_timer(self, key: str) -> None:
        if key in self.timers:
            self.timers = {k: t for k, t in self.timers.items() if k != key}

    def count(self, **more: int) -> None:
        """Add to the named counters."""
        self.counters = altered(self.counters, **{name: getattr(self.counters, name) + by for name, by in more.items()})

    def because(  # noqa: PLR0913 - a reason has this many parts, all named
        self,
        life: Life,
        code: str,
        text: str,
        *,
        before: str = "",
        after: str = "",
        booking: Booking | None = None,
        device: DeviceId | None = None,
        command: OpenCommand | None = None,
        cause_seq: int | None = None,
    ) -> None:
        """Say why; the reasons of a step stand in the order in which they were said."""
        if cause_seq is None:
            # A command leads back to its decision; one decided in this step to whatever led to this step.
            cause_seq = command.cause_seq if command and command.cause_seq != self.seq else self.cause_seq
        self.reasons.append(
            Reason(
                life=life,
                code=code,
                text=text,
                before=before,
                after=after,
                booking_id=booking.booking_id if booking else None,
                device=device,
                command_id=command.command_id if command else None,
                cause_seq=cause_seq if cause_seq != self.seq else None,  # an input does not lead to itself
            )
        )

    def refuse(self, text: str) -> None:
        """Refuse a person's wish, saying why."""
        self.refusal = text
        self.because(Life.DESK, "wish.refused", text)

    def step(self) -> Step:
        """Close the draft."""
        desk = altered(
            self.base,
            seq=self.seq,
            devices=self.devices,
            bookings=self.bookings,
            commands=self.commands,
            timers=self.timers,
            sync=self.sync,
            buffer=self.buffer,
            counters=self.counters,
            maintenance_until=self.maintenance_until,
            _living=self.living,
        )
        return Step(
            desk,
            tuple(self.reasons),
            tuple(self.effects),
            tuple(self.changed_commands.values()),
            self.refusal,
            self.wish_booking,
        )
