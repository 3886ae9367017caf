"""``halt``: the kill switch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.switching import show_switches
from hotdesk_daemon.core.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "halt"


@click.command("halt")
@click.argument("why", nargs=-1)
@with_daemon
def command(client: Client, why: tuple[str, ...]) -> None:
    """
    Stop all sending to devices at once, and say WHY; it lasts until `resume`.

    Everything is heard, decided and recorded as before. Where the daemon does not answer, the file `halt` in its state
    directory is made, which does the same.
    """
    text = " ".join(why) or "by hotdesk-daemon halt"
    try:
        show_switches(client, client.door.send("POST", f"{API}/safety/halt", body={"why": text}))
    except ConfigError as exc:
        hint = f"nothing is stopped yet: touch {_FILE} in the daemon's state directory"
        raise ConfigError(*exc.problems, hint) from exc
    except TransientError as exc:
        path = client.config.places().daemon.state_dir / _FILE
        _write(path, text, cause=exc)
        click.echo(f"{exc}", err=True)
        click.echo(f"made {path}: a daemon there sends nothing while it is there", err=True)


def _write(path: Path, text: str, *, cause: TransientError) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as exc:
        raise TransientError(f"{cause}; and {path} cannot be made: {exc.strerror}") from exc
