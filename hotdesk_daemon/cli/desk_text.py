"""
A desk's whole state as text: its devices, bookings, commands, timers and counts.

Titles and organizers are shown only to who asks for names. Times are in UTC, with the date if it is another day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.cli.screen import clean
from hotdesk_daemon.core.desk import LinkState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hotdesk_daemon.core.desk import Booking, Desk, Device, OpenCommand, Timer

_INDENT: Final = "  "


def desk_text(desk: Desk, *, at: datetime | None, names: bool) -> list[str]:
    """Lines that show *desk* as it was *at* a moment."""
    when = f", {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""
    lines = [f"{desk.desk_id} after input {desk.seq}{when}: {', '.join(_settings(desk))}"]
    parts = (
        ("devices", [_device(device, at=at) for device in desk.devices.values()]),
        ("bookings", [_booking(each, at=at, names=names) for each in _in_order(desk)]),
        ("commands", [_command(each, at=at) for each in desk.commands.values()]),
        ("timers", [f"{_time(each.due, at=at)}  {key}, set by {each.cause_seq}" for key, each in _timers(desk)]),
        ("lists", list(_lists(desk, at=at))),
        ("counted", [_counted(desk)]),
    )
    for name, rows in parts:
        lines += [f"{_INDENT}{name}", *(f"{_INDENT * 2}{row}" for row in rows)] if rows else []
    return [clean(line) for line in lines]


def _settings(desk: Desk) -> Iterator[str]:
    yield f"{desk.calendar} calendar"
    yield f"stage {desk.stage}"
    if desk.maintenance_until is not None:
        yield f"maintenance until {_time(desk.maintenance_until, at=None)}"
    yield "stale" if desk.is_stale else "not stale"


def _device(device: Device, *, at: datetime | None) -> str:
    listed = f"listed {_time(device.listed_at, at=at)}" if device.listed_at is not None else "never listed"
    said = [f"{device.device_id}: {device.link}"]
    if device.link is not LinkState.LIVE:
        said.append(device.link_cause)
    said += [listed, str(device.sign_in) + (f" {device.signed_in_to}" if device.signed_in_to else "")]
    if device.in_call:
        said.append("in a call")
    told = (
        ("personalized", device.personalized),
        ("session", device.session_status),
        ("availability", device.availability),
        ("current", device.current_id),
        ("standby", device.standby),
        ("people", device.people_count),
        ("presence", device.people_presence),
        ("room in use", device.room_in_use),
        ("presenting", ", ".join(device.presentations.values()) or None),
        ("software", device.software),
    )
    said += [f"{name} {_said(value)}" for name, value in told if value is not None]
    return ", ".join(said)


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _in_order(desk: Desk) -> list[Booking]:
    """Those that are over last."""
    return sorted(desk.bookings.values(), key=lambda b: (b.is_over, b.start, b.booking_id))


def _booking(booking: Booking, *, at: datetime | None, names: bool) -> str:
    said = [f"{booking.booking_id}: {booking.state}, {_time(booking.start, at=at)} for {booking.duration_min} min"]
    said.append(f"heard of by {booking.origin}")
    verdict = str(booking.verdict) if booking.verdict is not Verdict.UNDECIDED else "not judged"
    said.append(f"{verdict} by {booking.verdict_why}" if booking.verdict_why else verdict)
    if booking.change != "none":
        said.append(str(booking.change))
    said += [word for word, holds in (("signed in", booking.signed_in), ("checked in", booking.checked_in)) if holds]
    if booking.end_cause:
        said.append(f"end: {booking.end_cause}")
    said.append(f"meeting {booking.meeting_id}" if booking.meeting_id else "no MeetingId")
    said += [f"{own} on {device}" for device, own in booking.ids.items()]
    if names:
        who = booking.organizer.name or booking.organizer.email
        said += [f"“{booking.title}”"] if booking.title else []
        said += [f"of {who}"] if who else []
    return ", ".join(said)


def _command(opened: OpenCommand, *, at: datetime | None) -> str:
    said = [f"{opened.command_id}: {opened.command.path}, {opened.state}"]
    said += [f"for {opened.booking_id}"] if opened.booking_id else []
    said += [f"on {opened.device}"] if opened.device else []
    said += [f"tried {opened.attempts} times"] if opened.attempts else []
    said += [opened.why] if opened.why else []
    said += [f"answered: {opened.message}"] if opened.message else []
    said.append(f"until {_time(opened.deadline, at=at)}")
    return ", ".join(said)


def _timers(desk: Desk) -> list[tuple[str, Timer]]:
    return sorted(desk.timers.items(), key=lambda item: (item[1].due, item[0]))


def _lists(desk: Desk, *, at: datetime | None) -> Iterator[str]:
    sync = desk.sync
    if sync.listing is not None:
        since = f" since {_time(sync.started_at, at=at)}" if sync.started_at is not None else ""
        yield f"under way at {sync.listing}{since}: {sync.cause}"
    for device, cause in sync.waiting.items():
        yield f"waiting for {device}: {cause}"
    if desk.buffer:
        yield f"{len(desk.buffer)} events wait for the list"


def _counted(desk: Desk) -> str:
    counters = desk.counters
    counts = (
        ("lists", counters.lists),
        ("surprises", counters.surprises),
        ("corrections by timed lists", counters.drift),
        ("undecodable", counters.undecodable),
        ("refused", counters.refused),
    )
    return ", ".join(f"{name} {count}" for name, count in counts)


def _time(when: datetime, *, at: datetime | None) -> str:
    return f"{when:%H:%M:%S}" if at is not None and when.date() == at.date() else f"{when:%Y-%m-%d %H:%M:%S}"
