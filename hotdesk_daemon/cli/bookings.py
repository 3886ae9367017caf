"""``bookings``: of one desk, or of all."""

from __future__ import annotations

from typing import Any

import click

from hotdesk_daemon.cli.door import API, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import Row, clock, show_json, show_table

_HEADERS = ("BOOKING", "DESK", "STATE", "START", "END", "MIN", "SIGNED IN", "CHANGE", "VERDICT", "ORGANIZER", "TITLE")
_SPARE = ("DESK", "VERDICT", "MIN", "SIGNED IN", "ORGANIZER")
_OPEN = ("requested", "created", "started")
_STATES = (*_OPEN, "ended", "deleted", "failed")


@click.command("bookings")
@click.argument("desk", nargs=-1)
@click.option("--all", "-a", "over_too", is_flag=True, help="Bookings that are over, too.")
@click.option("--state", multiple=True, type=click.Choice(_STATES), help="Only these.")
@with_daemon
def command(client: Client, desk: tuple[str, ...], state: tuple[str, ...], *, over_too: bool) -> None:
    """Show the bookings of the desks named, or of all."""
    door = client.door
    everywhere = door.items(f"{API}/desks", {}, cursor="after") if not desk else None
    names = desk if everywhere is None else [item["id"] for item in everywhere.items]
    wanted = {"state": state or (() if over_too else _OPEN)}
    now, found = "" if everywhere is None else everywhere.now, list[Any]()
    for name in names:
        listed = door.items(f"{API}/desks/{part(name)}/bookings", wanted, cursor="after")
        now = listed.now
        found += listed.items
    if client.as_json:
        show_json({"now": now, "items": found})
    else:
        show_table(_HEADERS, [_row(booking, now=now) for booking in found], now=now, spare=_SPARE)


def _row(booking: dict[str, Any], *, now: str) -> Row:
    organizer = booking.get("organizer") or {}
    change = booking["change"]
    return (
        booking["id"],
        booking["desk"],
        booking["state"],
        clock(booking["start"], now=now),
        clock(booking["end"], now=now),
        booking["duration_min"],
        "yes" if booking["signed_in"] else "no",
        "" if change == "none" else change,
        booking["verdict"],
        organizer.get("name") or organizer.get("email"),
        booking.get("title"),
    )
