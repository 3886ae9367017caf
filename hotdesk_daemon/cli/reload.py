"""``reload``: have the running daemon read its configuration again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import clean, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command("reload")
@click.option("--remove-desks", is_flag=True, help="It is meant that many desks go.")
@with_daemon
def command(client: Client, *, remove_desks: bool) -> None:
    """
    Have the daemon read its configuration again, and show what changed.

    What cannot be used changes nothing: every problem is shown, and the exit code is 78. Three desks or more, if that
    is over a tenth, go only with --remove-desks: the file might be half-written. The same can be asked for by the
    signal SIGHUP; the log then says what came of it.
    """
    done = client.door.send("POST", f"{API}/reload", body={"remove_desks": remove_desks})
    if client.as_json:
        show_json(done)
        return
    for warning in done["warnings"]:
        click.echo(clean(f"warning: {warning}"), err=True)
    lines = [*_lines(done)] or ["nothing changed"]
    for line in lines:
        click.echo(clean(line))


def _lines(done: Mapping[str, Any]) -> Iterator[str]:
    """One line for each kind of change that there is."""
    if done["settings"]:
        yield f"settings in force: {', '.join(done['settings'])}"
    for what in ("desks", "organisations"):
        for how, names in done[what].items():
            if names:
                yield f"{what} {how}: {', '.join(names)}"
    if done["staying"]:
        yield f"desks that could not be let go yet; reload again: {', '.join(done['staying'])}"
    if done["waiting"]:
        yield f"settings that wait for a restart: {', '.join(done['waiting'])}"
