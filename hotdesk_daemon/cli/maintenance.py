"""``maintenance``: leave a desk alone for a while."""

from __future__ import annotations

import math

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import part
from hotdesk_daemon.cli.options import Client, with_daemon


@click.command("maintenance")
@click.argument("desk")
@click.option("--for", "how_long", default="1h", show_default=True, help="How long, such as 30m or 1d.")
@click.option("--end", is_flag=True, help="End it now.")
@with_daemon
def command(client: Client, desk: str, how_long: str, *, end: bool) -> None:
    """Leave DESK alone: for so long nothing is sent to it and no rule judges its bookings."""
    path = f"/desks/{part(desk)}/maintenance"
    if end:
        ask(client, "DELETE", path, done="maintenance ended")
        return
    from hotdesk_daemon.ops.settings.kinds import Duration

    try:
        seconds = Duration("1m", "14d").read(how_long)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--for") from exc
    minutes = math.ceil(seconds / 60)
    ask(client, "POST", path, body={"minutes": minutes}, done=f"left alone for {minutes} min")
