"""``edit``: ask for another time or title of a booking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import API, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import moment
from hotdesk_daemon.cli.times import start_time

if TYPE_CHECKING:
    from datetime import datetime


@click.command("edit")
@click.argument("booking")
@click.option("--start", help="now, +30m, +1h30m, or a time with offset.")
@click.option("--duration", type=click.IntRange(1, 1440), help="Minutes.")
@click.option("--title")
@with_daemon
def command(client: Client, booking: str, start: str | None, duration: int | None, title: str | None) -> None:
    """Ask for another time or title of BOOKING; what is not given stays."""

    def site_time() -> datetime:
        return moment(client.door.get(f"{API}/desks", {"limit": 1})["now"])

    given = {
        "start": None if start is None else start_time(start, now=site_time),
        "duration_min": duration,
        "title": title,
    }
    body = {name: value for name, value in given.items() if value is not None}
    if not body:
        raise click.UsageError("nothing to change: give --start, --duration or --title")
    ask(client, "PATCH", f"/bookings/{part(booking)}", body=body, done=f"change of {booking} asked for")
