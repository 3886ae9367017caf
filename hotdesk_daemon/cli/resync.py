"""``resync``: read a desk's bookings from its devices again."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import part
from hotdesk_daemon.cli.options import Client, with_daemon


@click.command("resync")
@click.argument("desk")
@with_daemon
def command(client: Client, desk: str) -> None:
    """Read the bookings of DESK from its devices again."""
    ask(client, "POST", f"/desks/{part(desk)}/resync", done="list asked for")
