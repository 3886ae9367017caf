"""``book``: ask for a booking, and see what becomes of it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from hotdesk_daemon.cli.door import API, Door, Json, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import clean, moment, show_json, span
from hotdesk_daemon.cli.times import start_time
from hotdesk_daemon.cli.waiting import follow_booking, is_decided

if TYPE_CHECKING:
    from datetime import datetime

_GOOD = frozenset({"created", "started"})


@click.command("book")
@click.argument("desk")
@click.option("--start", default="now", show_default=True, help="now, +30m, +1h30m, or a time with offset.")
@click.option("--duration", type=click.IntRange(1, 1440), default=60, show_default=True, help="Minutes.")
@click.option("--title", default="", help="What the calendar shows.")
@click.option("--organizer-email", help="Who may sign in to it.")
@click.option("--organizer-name")
@click.option("--organizer-id")
@click.option("--wait/--no-wait", default=None, help="Wait for the calendar's answer.  [default: on a terminal]")
@click.option("--wait-limit", type=click.FloatRange(1, 3600), default=330, show_default=True, help="Seconds.")
@with_daemon
def command(client: Client, desk: str, start: str, *, wait: bool | None, wait_limit: float, **wish: Json) -> int:
    """
    Ask for a booking of DESK.

    It is requested at once, and created when the calendar behind the desk confirms it.
    """
    door = client.door
    body = _body(door, desk, start, **wish)
    with ExitStack() as stack:
        waits = sys.stdout.isatty() if wait is None else wait
        # Watch before asking, else the answer may come before anybody looks.
        events = stack.enter_context(door.stream({"desk": desk}, limit_s=wait_limit)) if waits else None
        taken = door.send("POST", f"{API}/desks/{part(desk)}/bookings", body=body)
        booking = taken["booking"]
        if booking is None:
            click.echo(f"taken by {desk} as input {taken['seq']}", err=True)
            return 0
        _show(booking, as_json=client.as_json)
        if events is not None and not is_decided(booking):
            for newer in follow_booking(door, events, booking, limit_s=wait_limit):
                _show(newer, as_json=client.as_json)
                booking = newer
        return 0 if not is_decided(booking) or booking["state"] in _GOOD else 1


def _body(door: Door, desk: str, start: str, *, duration: int, title: str, **organizer: str | None) -> dict[str, Any]:
    def site_time() -> datetime:
        return moment(door.get(f"{API}/desks/{part(desk)}")["now"])

    given = {name.removeprefix("organizer_"): text for name, text in organizer.items() if text}
    return {
        "start": start_time(start, now=site_time),
        "duration_min": duration,
        "title": title,
        "organizer": given,
    }


def _show(booking: dict[str, Any], *, as_json: bool) -> None:
    """One line per state, at once, so that a reader of the pipe sees it when it happens."""
    if as_json:
        show_json(booking)
    else:
        why = booking["end_cause"] or booking["verdict_why"] or ""
        cells = (booking["id"], booking["state"], span(booking, now=booking["start"]), why)
        click.echo("\t".join(map(clean, cells)).rstrip())
    sys.stdout.flush()
