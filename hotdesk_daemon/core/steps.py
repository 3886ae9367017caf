"""
What one input did: the next state, what has to leave, and why.

A step is committed to the journal together with its input before anything in ``effects`` is performed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import attrs

from hotdesk_daemon.core.desk import Desk, OpenCommand
from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId
from hotdesk_daemon.core.inputs import ListCause


class Life(StrEnum):
    """Which table a row stands in."""

    LINK = "link"
    BOOKING = "booking"
    CHANGE = "change"
    SIGN_IN = "sign-in"
    COMMAND = "command"
    DESK = "desk"


@attrs.frozen(kw_only=True)
class Reason:
    """
    One row of a table that this input met.

    ``code`` is stable and low in cardinality (``booking.created``); ``text`` is for people, without names or titles.
    ``before`` and ``after`` are the life's states and differ when the row moved it. ``cause_seq`` is the desk's
    sequence number of the earlier input that led here (a command's decision, a timer's setting), if any.
    """

    life: Life
    code: str
    text: str
    before: str
    after: str
    booking_id: BookingId | None = None
    device: DeviceId | None = None
    command_id: CommandId | None = None
    cause_seq: int | None = None


@attrs.frozen(kw_only=True)
class Effect:
    """Something to do outside, once the step is durable."""


@attrs.frozen(kw_only=True)
class ListBookings(Effect):
    """Read ``Bookings List`` and the mirrored statuses of *device*; answer with `BookingsListed` or `ListFailed`."""

    device: DeviceId
    cause: ListCause


@attrs.frozen(kw_only=True)
class SendCommand(Effect):
    """Hand a pending command to the dispatcher, which sends the commands of one desk in order."""

    command: OpenCommand


class Step(NamedTuple):
    """
    The result of one input; a tuple, for every input makes one.

    ``commands`` are all commands that changed, in their new form (the outbox rows to write). ``refusal`` is set when
    a person's wish was refused; ``booking_id`` is the booking that the wish created or meant.
    """

    desk: Desk
    reasons: tuple[Reason, ...] = ()
    effects: tuple[Effect, ...] = ()
    commands: tuple[OpenCommand, ...] = ()
    refusal: str | None = None
    booking_id: BookingId | None = None
