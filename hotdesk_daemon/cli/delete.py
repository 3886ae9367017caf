"""``delete``: ask for a booking's end."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import part
from hotdesk_daemon.cli.options import Client, with_daemon


@click.command("delete")
@click.argument("booking")
@with_daemon
def command(client: Client, booking: str) -> None:
    """Ask for the end of BOOKING."""
    ask(client, "DELETE", f"/bookings/{part(booking)}", done=f"deletion of {booking} asked for")
