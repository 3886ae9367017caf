"""
The JSON that the API answers with, one class per shape.

The OpenAPI document is generated from these classes, so what is written here is what is promised. Members of the type
``UnsetType`` may be missing; titles and organizers are missing for readers without a token.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hotdesk_daemon.core.desk import (
    BookingState,
    ChangeState,
    CommandState,
    LinkState,
    Origin,
    SignInState,
    Verdict,
)
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.steps import Life

Now = Annotated[datetime, Meta(description="The site's time; a simulated site runs on its own clock.")]
Cursor = Annotated[str | None, Meta(description="What to ask for next; null when there is nothing more. Opaque.")]


class Occupancy(StrEnum):
    """What a desk is to a person who looks for one."""

    FREE = "free"
    BOOKED = "booked"
    IN_USE = "in_use"


class Organizer(Struct, frozen=True, kw_only=True):
    """Who a booking belongs to; shown to readers with a token only."""

    name: str | None
    email: str | None
    id: str | None


class Booking(Struct, frozen=True, kw_only=True):
    """One booking. ``change`` is an open edit or extension, ``verdict`` what the rules say of its times."""

    id: str
    desk: str
    state: BookingState
    origin: Origin
    start: datetime
    end: datetime
    duration_min: int
    title: str | UnsetType = UNSET
    organizer: Organizer | UnsetType = UNSET
    verdict: Verdict
    verdict_why: str | None
    change: ChangeState
    meeting_id: str | None
    booking_request_uuid: str | None
    checked_in: bool
    signed_in: bool
    end_cause: str | None
    changed_at: datetime
    changed_seq: int


class Device(Struct, frozen=True, kw_only=True):
    """One device of a desk: our link to it and what it last told; null is unknown."""

    id: str
    link: LinkState
    link_cause: str
    software: str | None
    listed_at: datetime | None
    sign_in: SignInState
    signed_in_to: str | None
    personalized: bool | None
    session_status: str | None
    availability: str | None
    in_call: bool
    active_calls: int | None
    system_state: str | None
    standby: str | None
    people_count: int | None
    people_presence: bool | None
    room_in_use: bool | None


class Counters(Struct, frozen=True, kw_only=True):
    """Since the desk was first seen."""

    surprises: int
    drift: int
    undecodable: int
    lists: int
    refused: int


class OpenCommands(Struct, frozen=True, kw_only=True):
    """How many commands of the desk are not settled, and of these how many wait for a person or for certainty."""

    open: int
    parked: int
    unknown: int


class Safety(Struct, frozen=True, kw_only=True):
    """
    What keeps commands from leaving.

    ``hit`` of ``most`` desks were hit by commands of the rules within ``window_s`` seconds; null is no limit.
    """

    halted: Annotated[str | None, Meta(description="Why a person stopped all sending, if so.")]
    breaker_open: Annotated[str | None, Meta(description="Why the rules' commands are held back, if so.")]
    hit: int
    most: int | None
    window_s: float


class Desk(Struct, frozen=True, kw_only=True):
    """
    One desk. ``stale`` means that the picture may be wrong until the next list has been read.

    Until ``maintenance_until`` it is left alone, whatever its stage.
    """

    id: str
    seq: int
    calendar: CalendarKind
    stage: Stage
    maintenance_until: datetime | None
    state: Occupancy
    stale: bool
    devices: list[Device]
    current: Booking | None
    next: Booking | None
    bookings: Annotated[int, Meta(description="Bookings that are not over.")]
    commands: OpenCommands
    counters: Counters
    now: Now | UnsetType = UNSET


class DeskPage(Struct, frozen=True, kw_only=True):
    """Desks in the order of their ids."""

    now: Now
    items: list[Desk]
    next: Cursor


class BookingPage(Struct, frozen=True, kw_only=True):
    """Bookings of one desk in the order of their starts."""

    now: Now
    items: list[Booking]
    next: Cursor


class Command(Struct, frozen=True, kw_only=True):
    """One command that the daemon decided, from the decision until it is settled."""

    id: str
    desk: str
    path: Annotated[str, Meta(description="The xCommand path.", examples=["Bookings Book"])]
    parameters: dict[str, Any]
    state: CommandState
    why: str
    message: str
    booking: str | None
    device: str | None
    attempts: int
    cause_seq: int
    decided_at: datetime
    answered_at: datetime | None
    deadline: datetime
    updated_at: datetime


class CommandPage(Struct, frozen=True, kw_only=True):
    """Commands, newest first."""

    now: Now
    items: list[Command]
    next: Cursor


class Reason(Struct, frozen=True, kw_only=True):
    """Why a step did what it did; ``cause_seq`` leads back to the input that began it."""

    life: Life
    code: str
    text: str
    before: str
    after: str
    booking: str | None
    device: str | None
    command: str | None
    cause_seq: int | None


class Summary(Struct, frozen=True, kw_only=True):
    """The desk after a step, in short."""

    state: Occupancy
    stale: bool
    current: str | None
    next: str | None


class Event(Struct, frozen=True, kw_only=True):
    """One step of one desk: what came in, and what it did."""

    desk: str
    seq: int
    at: datetime
    source: str
    kind: str
    input: dict[str, Any]
    reasons: list[Reason]
    refusal: str | None
    state: Summary | None


class EventPage(Struct, frozen=True, kw_only=True):
    """Steps of one desk, oldest first; ``next`` goes on after the last of them."""

    now: Now
    items: list[Event]
    next: Cursor


class Cause(Struct, frozen=True, kw_only=True):
    """
    One input of a chain of causes, what it said, and what came of it that matters there.

    ``times`` counts it together with those before it that were the same again.
    """

    seq: int
    at: datetime
    source: str
    kind: str
    said: str
    times: int
    reasons: list[Reason]


class Move(Struct, frozen=True, kw_only=True):
    """
    A row that a thing met; ``before`` and ``after`` are the same where it did not move.

    ``causes`` lead from the root to it. ``ending`` says what they begin with: ``root``, or why that is not to be seen:
    ``gone`` and ``long`` (then ``missing_seq`` is the input before them), ``unnamed``.
    """

    seq: int
    at: datetime
    life: Life
    code: str
    text: str
    before: str
    after: str
    causes: list[Cause]
    ending: Annotated[str, Meta(examples=["root"])]
    missing_seq: int | None


class ExplainedThing(Struct, frozen=True, kw_only=True):
    """
    Something of a desk that has states, and why it is in the one it is in.

    ``whole`` says whether ``moves`` go back to its beginning.
    """

    life: Life
    id: str
    state: str
    sentence: str
    over: bool
    whole: bool
    booking: str | None
    moves: list[Move]


class Pending(Struct, frozen=True, kw_only=True):
    """A timer: what happens when it is due, and the number of the input that set it."""

    key: str
    due: datetime
    said: str
    set_seq: int


class Explanation(Struct, frozen=True, kw_only=True):
    """
    Why a desk is, or was, as it is.

    ``seq`` is its last input at the moment ``at``. ``stale`` and ``pending`` are null where the state of then is not
    known. ``notes`` say what was not looked at.
    """

    desk: str
    at: datetime
    seq: int
    stale: bool | None
    things: list[ExplainedThing]
    pending: list[Pending] | None
    notes: list[str]


class LostItems(Struct, frozen=True, kw_only=True):
    """So many steps were dropped because this reader was too slow."""

    lost: int


class Taken(Struct, frozen=True, kw_only=True):
    """A wish is recorded and will be carried out; ``booking`` is the one it made or meant."""

    desk: str
    seq: int
    booking: Booking | None


class Came(Struct, frozen=True, kw_only=True):
    """Names of what a reload added, removed and changed."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class Reloaded(Struct, frozen=True, kw_only=True):
    """
    The configuration was read again and is in force.

    ``settings`` are those that are others now; those ``waiting`` keep their old values until a restart. Desks that are
    ``staying`` could not be let go yet; the next reload tries again.
    """

    settings: list[str]
    waiting: list[str]
    warnings: list[str]
    desks: Came
    organisations: Came
    staying: list[str]


class Alive(Struct, frozen=True, kw_only=True):
    """The process answers."""

    alive: bool


class Ready(Struct, frozen=True, kw_only=True):
    """Whether the daemon does its work; if not, ``reasons`` says what is missing."""

    ready: bool
    reasons: list[str]


encode = msgspec.json.Encoder().encode
