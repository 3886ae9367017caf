"""``resume``: the kill switch off."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.switching import show_switches


@click.command("resume")
@with_daemon
def command(client: Client) -> None:
    """Let commands leave again after `halt`."""
    show_switches(client, client.door.send("POST", f"{API}/safety/resume"))
