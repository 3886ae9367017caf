"""
From an open socket to a session that stands: what the device is, and the subscriptions.

All requests are sent at once and their answers taken as they come; a device answers in any order. What it says
unasked meanwhile (the current values, and perhaps news) is kept in order, within limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.transport.session import Session, result_of
from hotdesk_daemon.transport.setbacks import Setback, SetbackError, SetbackKind
from hotdesk_daemon.xapi.frames import ErrorCode, Failure, Reply
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS

#: Frames and bytes that may come before the session stands; beyond them something is wrong with the device.
EARLY_FRAMES: Final = 2_000
EARLY_BYTES: Final = 16 * 1024 * 1024

_SOFTWARE: Final = ("Status", "SystemUnit", "Software", "Version")
_BOOKING_TIMEOUT: Final = ("Configuration", "Bookings", "AdhocBooking", "BookingTimeout")
#: What goes beyond is a mistake, and what follows from it would not fit into a date.
_LONGEST_BOOKING_TIMEOUT_S: Final = 86_400
_DIGITS: Final = 9
#: Without these events there is nothing to keep true.
_INDISPENSABLE: Final = ("Event", "Bookings")


@attrs.frozen(kw_only=True)
class Early:
    """A frame that came before the session stood, sorted as `Session.sort` does."""

    frame: bytes
    heard: bytes | str
    at_mono: float


@attrs.frozen(kw_only=True)
class Standing:
    """What the set-up learned; ``refused`` are the subscriptions that this release does not know, with its words."""

    software: str | None
    booking_timeout_s: int | None
    refused: Mapping[tuple[str, ...], str]
    early: tuple[Early, ...]


async def stand_up(session: Session, *, timeout_s: float, clock: Callable[[], float]) -> Standing:
    """
    Ask the device what it is and subscribe; the caller must deliver ``early`` before it reads on.

    Raises:
        SetbackError: when the session is of no use, with the reason.
    """
    try:
        async with asyncio.timeout(timeout_s):
            facts = [await session.ask("xGet", {"Path": path}) for path in (_SOFTWARE, _BOOKING_TIMEOUT)]
            wishes = [
                await session.ask("xFeedback/Subscribe", {"Query": path, "NotifyCurrentValue": True})
                for path in SUBSCRIPTIONS
            ]
            early = await _gather_early(session, clock=clock)
    except TimeoutError as exc:
        raise _setback(SetbackKind.NO_ANSWER, f"no answer to the first requests within {timeout_s:g} s") from exc
    except SetbackError:
        raise
    except HotdeskError as exc:  # the connection ended while we were sending
        raise _setback(SetbackKind.CUT, "the connection was lost while subscribing") from exc
    software, booking_timeout = (_fact(future.result()) for future in facts)
    answers = dict(zip(SUBSCRIPTIONS, (future.result() for future in wishes), strict=True))
    return Standing(
        software=software if isinstance(software, str) and software else None,
        booking_timeout_s=_seconds(booking_timeout),
        refused=_refusals(answers),
        early=early,
    )


async def _gather_early(session: Session, *, clock: Callable[[], float]) -> tuple[Early, ...]:
    early: list[Early] = []
    room = EARLY_BYTES
    while session.waiting:
        frame = await session.receive()
        heard = session.sort(frame)
        if heard is None:
            continue
        early.append(Early(frame=frame, heard=heard, at_mono=clock()))
        room -= len(frame)
        if len(early) > EARLY_FRAMES or room < 0:
            raise _setback(SetbackKind.FLOOD, "more news than fits before the subscriptions were answered")
    return tuple(early)


def _fact(answer: Reply | Failure | None) -> object:
    """Read a value that an old release or a small role may refuse; only "still starting" ends the session."""
    if isinstance(answer, Failure):
        _insist_on_ready(answer)
    if not isinstance(answer, Reply):
        return None
    try:
        return result_of(answer, method="xGet")
    except HotdeskError:
        return None


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _LONGEST_BOOKING_TIMEOUT_S else None


def _refusals(answers: Mapping[tuple[str, ...], Reply | Failure | None]) -> Mapping[tuple[str, ...], str]:
    refused: dict[tuple[str, ...], str] = {}
    for path, answer in answers.items():
        if not isinstance(answer, Failure):
            continue
        _insist_on_ready(answer)
        if answer.code == ErrorCode.SUBSCRIBER_COUNT_EXCEEDED:
            raise _setback(
                SetbackKind.SUBSCRIPTIONS,
                "the device's feedback subscriptions are used up (-31998): another client holds too many",
            )
        if path == _INDISPENSABLE:
            raise _setback(
                SetbackKind.EVENTS_REFUSED, f"the device refuses booking events: {answer.message or answer.name}"
            )
        refused[path] = answer.message or answer.name
    return refused


def _insist_on_ready(answer: Failure) -> None:
    if answer.code == ErrorCode.NOT_READY:
        raise _setback(SetbackKind.NOT_READY, "the device is not ready, it is still starting (-31997)")


def _setback(kind: SetbackKind, cause: str) -> SetbackError:
    return SetbackError(Setback(kind=kind, cause=cause))
