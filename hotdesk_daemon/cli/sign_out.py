"""``sign-out``: sign out whoever is signed in."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import part
from hotdesk_daemon.cli.options import Client, with_daemon


@click.command("sign-out")
@click.argument("desk")
@click.option("--device", help="Only at this device of the desk.")
@click.option("--even-in-call", is_flag=True, help="Even if that ends a call.")
@with_daemon
def command(client: Client, desk: str, device: str | None, *, even_in_call: bool) -> None:
    """Sign out whoever is signed in at DESK, at once."""
    body = {"device": device, "even_in_call": even_in_call}
    ask(client, "POST", f"/desks/{part(desk)}/sign-out", body=body, done="sign-out asked for")
