"""``parked``: commands that wait for a person, who then retries or drops them."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.commands import show_commands
from hotdesk_daemon.cli.options import Client, with_daemon


@click.command("parked")
@click.option("--desk", help="Only of this desk.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="The newest so many.")
@with_daemon
def command(client: Client, desk: str | None, limit: int) -> None:
    """Show commands that wait for a person: see `commands retry` and `commands drop`."""
    show_commands(client, desk=desk, states=("parked",), limit=limit)
