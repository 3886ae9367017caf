"""
The flows of hot desking, F23 to F33: signing in, signing out, and what bookings do to that.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from .flow_steps import EMAIL, OTHER_EMAIL
from .signin import CHECK_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .flow_steps import Stage

_CALL_OVERRUN_S: Final = 300.0


async def _sign_in_and_book(stage: Stage) -> None:
    if stage.desk.kind == "hybrid":
        stage.prepare_refusal()
    stage.people.come()
    stage.people.sign_in(stage.email)
    await stage.wait(20)
    stage.request_uuid = stage.people.book(60, "Desk", stage.email)
    await stage.until_decided()


async def _sign_in_and_cancel(stage: Stage) -> None:
    stage.people.come()
    stage.people.sign_in(stage.email)
    await stage.wait(20)
    stage.people.sign_out()


async def _signed_in(stage: Stage, *, minutes: int = 60) -> None:
    """Have a running booking with its organizer signed in to it."""
    await stage.have_booking(minutes=minutes, in_calendar=True)
    await stage.wait(10)
    stage.people.come()
    stage.people.sign_in(stage.email)
    await stage.wait(CHECK_S + 1)


async def _sign_in_to_booking(stage: Stage) -> None:
    await _signed_in(stage)


async def _sign_in_fails(stage: Stage) -> None:
    await stage.have_booking(in_calendar=True)
    await stage.wait(10)
    stage.people.come()
    stage.people.sign_in(stage.email, succeeds=False)


async def _wrong_user(stage: Stage) -> None:
    await stage.have_booking(in_calendar=True)
    await stage.wait(10)
    stage.people.come()
    stage.people.sign_in(OTHER_EMAIL if stage.email == EMAIL else EMAIL)
    await stage.until_signed_out()


async def _ends_while_signed_in(stage: Stage) -> None:
    await _signed_in(stage, minutes=10)
    if stage.variant == "in_call":
        stage.people.start_call()
    await stage.wait_until_end()
    if stage.variant == "in_call":
        await stage.wait(_CALL_OVERRUN_S)
        stage.people.end_call()
    await stage.until_signed_out()


async def _deleted_while_signed_in(stage: Stage) -> None:
    await _signed_in(stage)
    if stage.variant.endswith("in_call"):
        stage.people.start_call()
    if stage.variant.startswith("at_device"):
        stage.people.delete(stage.meeting_id)
        await stage.until_gone()
        if stage.variant.endswith("in_call"):
            await stage.wait(60)
            stage.people.end_call()
        await stage.until_signed_out()


async def _moved_while_signed_in(stage: Stage) -> None:
    await _signed_in(stage)
    if stage.variant == "outside_in_call":
        stage.people.start_call()
    start = stage.entry().start + timedelta(hours=0 if stage.variant == "" else 3)
    if stage.desk.kind == "hybrid":
        stage.desk.backend.move(stage.meeting_id, start=start, duration_min=90)
    else:
        stage.people.edit(stage.meeting_id, start=start, duration_min=90)
    await stage.wait_backend()
    if stage.variant == "outside_in_call":
        await stage.wait(60)
        stage.people.end_call()
    if stage.variant:
        await stage.until_signed_out()


async def _sign_out(stage: Stage) -> None:
    await _signed_in(stage)
    stage.people.sign_out()
    await stage.until_signed_out()
    stage.people.leave()


async def _before_logout(stage: Stage) -> None:
    await _signed_in(stage)
    if stage.variant == "in_call":
        stage.people.start_call()


async def _outsider(stage: Stage) -> None:
    directory = stage.desk.calendar.directory
    stage.email = min(directory.outsiders, default="outsider@example.net")
    directory.outsiders.add(stage.email)
    await stage.have_booking(begins_in_s=60, minutes=30, in_calendar=True)
    await stage.until_gone()


SIGN_IN_FLOWS: Final[Mapping[str, tuple[str, Callable[[Stage], Awaitable[None]], tuple[str, ...]]]] = {
    "F23": ("signed in, then booked ad hoc", _sign_in_and_book, ("", "refused", "timeout")),
    "F24": ("signed in and signed out again without booking", _sign_in_and_cancel, ("",)),
    "F25": ("the organizer signs in to a booking", _sign_in_to_booking, ("",)),
    "F26": ("a sign-in fails", _sign_in_fails, ("",)),
    "F27": ("somebody else signs in to a booking", _wrong_user, ("",)),
    "F28": ("a booking ends while its organizer is signed in", _ends_while_signed_in, ("", "in_call")),
    "F29": (
        "a booking is deleted while its organizer is signed in",
        _deleted_while_signed_in,
        ("", "in_call", "at_device", "at_device_in_call"),
    ),
    "F30": (
        "a booking is moved while its organizer is signed in",
        _moved_while_signed_in,
        ("", "outside", "outside_in_call"),
    ),
    "F31": ("signed out at the device before the end", _sign_out, ("",)),
    "F32": ("signed in until the integration signs out", _before_logout, ("", "in_call")),
    "F33": ("the organizer is not in the organisation", _outsider, ("",)),
}
