"""``replay``: run a journal through the same core again, and see whether the same comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import clean, show_json
from hotdesk_daemon.cli.times import whole_time
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from hotdesk_daemon.app.replay import Replayed, StepView

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("replay")
@click.argument("desk", nargs=-1)
@click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
@click.option("--until", help="Up to this moment, a time with offset such as 2026-05-04T12:00:00Z.")
@click.option("--steps", is_flag=True, help="Show every step.")
@with_config
@with_format
def command(
    config: Config, desk: tuple[str, ...], journal: Path | None, until: str | None, *, steps: bool, as_json: bool
) -> int:
    """
    Replay the history of the desks named, or of all; a running daemon is not disturbed, and nothing is sent.

    Exit code 1 if a step came out otherwise than it is recorded.
    """
    end = whole_time(until, option="--until")
    url = f"sqlite:///{journal.absolute()}" if journal is not None else config.load().journal_url
    from hotdesk_daemon.app.recordings import recorded
    from hotdesk_daemon.app.replay import replay

    show = (_step_as_json if as_json else _step) if steps else None
    with recorded(url) as recording:
        found = replay(recording, desks=[DeskId(name) for name in desk], until=end, watch=show)
    for replayed in found:
        (_desk_as_json if as_json else _desk)(replayed)
    return 0 if all(replayed.divergence is None for replayed in found) else 1


def _step(view: StepView) -> None:
    why = "; ".join(f"{reason.code}: {reason.text}" for reason in view.reasons)
    sent = ", ".join(f"{one.command.path} {one.state.value}" for one in view.commands)
    cells = (view.desk, view.seq, f"{view.at:%Y-%m-%d %H:%M:%S}", view.kind, view.refusal or why, sent)
    click.echo("\t".join(clean(str(cell)) for cell in cells).rstrip())


def _step_as_json(view: StepView) -> None:
    show_json(
        {
            "desk": view.desk,
            "seq": view.seq,
            "at": view.at.isoformat(),
            "source": view.source,
            "kind": view.kind,
            "refusal": view.refusal,
            "reasons": [
                {"life": reason.life.value, "code": reason.code, "text": reason.text, "cause_seq": reason.cause_seq}
                for reason in view.reasons
            ],
            "commands": [
                {"id": one.command_id, "path": one.command.path, "state": one.state.value} for one in view.commands
            ],
        }
    )


def _desk(replayed: Replayed) -> None:
    click.echo(f"{replayed.desk}\t{replayed.steps} steps\t{replayed.digest[:16]}\t{_verdict(replayed)}")
    if replayed.divergence is not None:
        found = replayed.divergence
        click.echo(f"  at {found.seq}, {found.kind}: other {found.part} than recorded")
        click.echo(f"  recorded: {clean(found.recorded)}")
        click.echo(f"  replayed: {clean(found.replayed)}")


def _verdict(replayed: Replayed) -> str:
    if replayed.divergence is not None:
        return "diverges"
    if not replayed.is_known:
        return (
            f"begins at {replayed.begins}, parts are missing: not compared"
            if replayed.begins != 1
            else "parts are missing: compared up to there"
        )
    return "the same" if not replayed.unreadable else f"the same, but for {replayed.unreadable} unreadable inputs"


def _desk_as_json(replayed: Replayed) -> None:
    found = replayed.divergence
    show_json(
        {
            "desk": replayed.desk,
            "steps": replayed.steps,
            "unreadable": replayed.unreadable,
            "begins": replayed.begins,
            "digest": replayed.digest,
            "divergence": None
            if found is None
            else {
                "seq": found.seq,
                "kind": found.kind,
                "part": found.part,
                "recorded": found.recorded,
                "replayed": found.replayed,
            },
        }
    )
