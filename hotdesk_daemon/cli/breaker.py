"""``breaker``: what holds the rules' commands back when they would hit too many desks."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.switching import show_switches


@click.command("breaker")
@click.argument("action", type=click.Choice(["show", "close"]), default="show")
@with_daemon
def command(client: Client, action: str) -> None:
    """
    Show the breaker and the kill switch, or close an open breaker.

    Look first at what waits: `commands --state pending`; unwanted commands are dropped with `commands drop`.
    """
    door = client.door
    safety = door.get(f"{API}/safety") if action == "show" else door.send("POST", f"{API}/safety/close-breaker")
    show_switches(client, safety)
