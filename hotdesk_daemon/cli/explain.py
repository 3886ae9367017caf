"""``explain``: why a desk is as it is, from the root cause to the state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import clean, show_json
from hotdesk_daemon.cli.times import whole_time
from hotdesk_daemon.core.ids import BookingId, DeskId

if TYPE_CHECKING:
    from hotdesk_daemon.app.explain import Explanation, Thing

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("explain")
@click.argument("desk")
@click.option("--at", help="As it was at this moment, a time with offset such as 2026-05-04T12:00:00Z.")
@click.option("--since", help="By what moved from this moment on.")
@click.option("--booking", help="This booking alone.")
@click.option("--all", "-a", "over_too", is_flag=True, help="What is over, too.")
@click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
@with_config
@with_format
def command(
    config: Config,
    desk: str,
    at: str | None,
    since: str | None,
    booking: str | None,
    journal: Path | None,
    *,
    over_too: bool,
    as_json: bool,
) -> None:
    """Explain why DESK is as it is; read from the journal, so the daemon need not run."""
    moments = [whole_time(text, option=option) for text, option in ((at, "--at"), (since, "--since"))]
    url = f"sqlite:///{journal.absolute()}" if journal is not None else config.load().journal_url
    from hotdesk_daemon.app.explain import explain

    found = explain(
        url,
        DeskId(desk),
        at=moments[0],
        since=moments[1],
        booking=BookingId(booking) if booking is not None else None,
    )
    shown = [thing for thing in found.things if over_too or booking is not None or not thing.is_over]
    if as_json:
        show_json(_as_json(found, shown))
    else:
        _show(found, shown)


def _show(found: Explanation, shown: list[Thing]) -> None:
    click.echo(f"{found.desk} at {found.at:%Y-%m-%d %H:%M:%S} UTC, after input {found.seq}")
    for thing in shown:
        click.echo(f"\n{thing.life} {clean(thing.name)}".rstrip() + f": {thing.state}")
        for move in thing.moves:
            click.echo(f"  {move.before or 'nothing'} → {move.after or 'nothing'}")
            for cause in move.causes:
                why = f"{cause.code}: {cause.text}" if cause.code else ""
                line = f"    {cause.at:%Y-%m-%d %H:%M:%S}  {cause.seq} {cause.kind} ({cause.source})  {why}"
                click.echo(clean(line).rstrip())
    if not shown:
        click.echo("nothing is open; --all shows what is over")
    if not found.is_whole:
        click.echo("the history is longer than what was looked at; --at looks at an earlier part", err=True)


def _as_json(found: Explanation, shown: list[Thing]) -> dict[str, object]:
    return {
        "desk": found.desk,
        "at": found.at.isoformat(),
        "seq": found.seq,
        "whole": found.is_whole,
        "things": [
            {
                "life": thing.life,
                "name": thing.name,
                "state": thing.state,
                "moves": [
                    {
                        "before": move.before,
                        "after": move.after,
                        "causes": [
                            {
                                "seq": cause.seq,
                                "at": cause.at.isoformat(),
                                "source": cause.source,
                                "kind": cause.kind,
                                "code": cause.code,
                                "text": cause.text,
                            }
                            for cause in move.causes
                        ],
                    }
                    for move in thing.moves
                ],
            }
            for thing in shown
        ],
    }
