"""Verbs that ask for one thing: send it, say that it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.screen import clean, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.cli.options import Client


def ask(client: Client, method: str, path: str, *, body: Mapping[str, Any] | None = None, done: str) -> None:
    """
    Send a wish and show what it was recorded as; *done* is what to tell people.

    Raises:
        HotdeskError: It was not taken.
    """
    taken = client.door.send(method, API + path, body=body)
    if client.as_json:
        show_json(taken)
        return
    booking = taken["booking"]
    state = "" if booking is None else f"{booking['state']}, change: {booking['change']}"
    cells = (taken["desk"], f"input {taken['seq']}", done, state)
    click.echo("\t".join(clean(cell) for cell in cells).rstrip())
