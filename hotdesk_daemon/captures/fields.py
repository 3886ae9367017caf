"""
Which fields of core's values hold text, and what becomes of each in a redacted capture.

Every field of text stands in `RULES`; a test finds those that do not. Ids of desks, devices, bookings and commands are
told by their types. Times, numbers, truths and the words of our own enumerations stay as they are.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final

import attrs

from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId, DeviceId


class Rule(Enum):
    """What becomes of a text."""

    PLACE = auto()  # a desk or device: stays, unless it looks like a person's
    BOOKING = auto()  # an id of ours, which begins with the desk's
    COMMAND = auto()  # likewise
    TIMER = auto()  # a timer's key, which may end with one of those
    ALIAS = auto()  # an id that others gave
    NAME = auto()
    EMAIL = auto()
    PERSON = auto()
    TITLE = auto()
    TEXT = auto()  # somebody's sentence: ours and known words stay
    WORD = auto()  # one of a few words
    CODE = auto()  # a reason's
    RELEASE = auto()
    ZONE = auto()


#: Ids by their types.
TYPES: Final[Mapping[object, Rule]] = {
    DeskId: Rule.PLACE,
    DeviceId: Rule.PLACE,
    BookingId: Rule.BOOKING,
    CommandId: Rule.COMMAND,
}

_ORGANIZER: Final = {"organizer_name": Rule.NAME, "organizer_email": Rule.EMAIL, "organizer_id": Rule.PERSON}

#: Fields of text by the class that declares them; of a mapping the rule of its keys, of its values or of both.
RULES: Final[Mapping[str, Mapping[str, Rule | tuple[Rule, Rule]]]] = {
    # what devices say
    "BookingEvent": {"booking_request_uuid": Rule.ALIAS, "meeting_id": Rule.ALIAS, "id": Rule.ALIAS},
    "BookingRequested": {"title": Rule.TITLE},
    "BookingCreated": {"title": Rule.TITLE, **_ORGANIZER},
    "BookingFailed": {"failure_cause": Rule.TEXT},
    "EditFailed": {"failure_cause": Rule.TEXT},
    "ExtensionRequested": {"original_meeting_id": Rule.ALIAS},
    "ExtensionFailed": {"failure_cause": Rule.TEXT},
    "Deleted": {"cause": Rule.TEXT, "organizer_id": Rule.PERSON},
    "SessionStatus": {"value": Rule.WORD},
    "Availability": {"status": Rule.WORD},
    "CurrentBooking": {"id": Rule.ALIAS},
    "SystemState": {"value": Rule.WORD},
    "StandbyState": {"value": Rule.WORD},
    "Presentation": {"instance": Rule.ALIAS, "sending_mode": Rule.WORD},
    "ListedBooking": {"id": Rule.ALIAS, "meeting_id": Rule.ALIAS, "title": Rule.TITLE, **_ORGANIZER},
    "BookingsListed": {"unread": Rule.ALIAS},
    "ListFailed": {"error": Rule.TEXT},
    "LinkUp": {"software": Rule.RELEASE},
    "LinkDown": {"cause": Rule.TEXT},
    "CommandAnswered": {"message": Rule.TEXT},
    "Undecodable": {"error": Rule.TEXT},
    # what people and we ourselves say
    "TimerFired": {"key": Rule.TIMER},
    "BookAsked": {"booking_request_uuid": Rule.ALIAS, "title": Rule.TITLE, **_ORGANIZER},
    "EditAsked": {"title": Rule.TITLE},
    "DaemonStarted": {"version": Rule.RELEASE, "last_stop": Rule.WORD},
    "Policy": {"time_zone": Rule.ZONE},
    # commands
    "Book": {"booking_request_uuid": Rule.ALIAS, "title": Rule.TITLE, **_ORGANIZER},
    "BookingCommand": {"meeting_id": Rule.ALIAS, "id": Rule.ALIAS},
    "Edit": {"title": Rule.TITLE},
    "Respond": {"meeting_id": Rule.ALIAS, "comment": Rule.TEXT},
    "MessageCommand": {"peripheral_id": Rule.ALIAS},
    "AlertDisplay": {"text": Rule.TEXT, "title": Rule.TEXT},
    "PromptDisplay": {"text": Rule.TEXT, "title": Rule.TEXT, "options": Rule.TEXT, "feedback_id": Rule.ALIAS},
    "PromptClear": {"feedback_id": Rule.ALIAS},
    "TextLineDisplay": {"text": Rule.TEXT},
    # what is held of a desk
    "Organizer": {"name": Rule.NAME, "email": Rule.EMAIL, "id": Rule.PERSON},
    "Booking": {
        "booking_request_uuid": Rule.ALIAS,
        "meeting_id": Rule.ALIAS,
        "ids": Rule.ALIAS,
        "title": Rule.TITLE,
        "verdict_why": Rule.TEXT,
        "accepted_why": Rule.TEXT,
        "end_cause": Rule.TEXT,
    },
    "Device": {
        "link_cause": Rule.TEXT,
        "software": Rule.RELEASE,
        "session_status": Rule.WORD,
        "availability": Rule.WORD,
        "current_id": Rule.ALIAS,
        "system_state": Rule.WORD,
        "standby": Rule.WORD,
        "presentations": (Rule.ALIAS, Rule.WORD),
    },
    "OpenCommand": {"why": Rule.TEXT, "message": Rule.TEXT},
    "Timer": {"key": Rule.TIMER},
    "Desk": {"timers": Rule.TIMER},
    # what came of a step
    "Reason": {"code": Rule.CODE, "text": Rule.TEXT, "before": Rule.TEXT, "after": Rule.TEXT},
    "Step": {"refusal": Rule.TEXT},
}

Clean = Callable[[Any], Any]


def owner(cls: type, name: str) -> str:
    """The class that declares the field *name* of *cls*: the one furthest up that has it."""
    having = [each for each in cls.__mro__ if attrs.has(each) and name in attrs.fields_dict(each)]
    return having[-1].__name__


def plan(cls: type, *, rules: Mapping[Rule, Clean], value: Clean) -> tuple[tuple[str, Clean], ...]:
    """
    The fields of *cls* that may hold text, each with what cleans it; *value* cleans core's values by their own classes.

    A field that has no rule is cleaned like somebody's sentence.
    """
    hints = typing.get_type_hints(cls)
    found = []
    for field in attrs.fields(cls):
        rule = RULES.get(owner(cls, field.name), {}).get(field.name, Rule.TEXT)
        clean = _cleaner(hints[field.name], rule, rules, value)
        if clean is not None:
            found.append((field.name, clean))
    return tuple(found)


def _cleaner(hint: Any, rule: Rule | tuple[Rule, Rule], rules: Mapping[Rule, Clean], value: Clean) -> Clean | None:  # noqa: ANN401 - a type
    """What cleans a value of the type *hint*; None if there is nothing in it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    found: Clean | None = None
    if hint in TYPES:
        found = rules[TYPES[hint]]
    elif hint is str:
        found = rules[rule[1] if isinstance(rule, tuple) else rule]
    elif attrs.has(hint):
        found = value
    elif origin is Mapping:
        of_key = _cleaner(inner[0], rule[0] if isinstance(rule, tuple) else rule, rules, value) or _as_it_is
        of_value = _cleaner(inner[1], rule, rules, value) or _as_it_is
        found = lambda held: {of_key(key): of_value(one) for key, one in held.items()}  # noqa: E731
    elif one := next(filter(None, (_cleaner(part, rule, rules, value) for part in inner)), None):
        is_tuple = origin is tuple
        found = (lambda held: tuple(map(one, held))) if is_tuple else lambda held: None if held is None else one(held)
    return found


def _as_it_is(held: Any) -> Any:  # noqa: ANN401 - whatever it is
    return held
