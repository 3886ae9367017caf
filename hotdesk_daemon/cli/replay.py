"""``replay``: run history through the same core again, and see whether the same comes of it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.replay_options import Wishes, with_wishes
from hotdesk_daemon.cli.replay_text import divergence_lines, print_lines, show_results, step_lines
from hotdesk_daemon.cli.screen import clean, safe_json
from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from hotdesk_daemon.app.recordings import StoredRecording
    from hotdesk_daemon.app.replaying import Replay, Taken
    from hotdesk_daemon.core.desk import Desk

FAILED: Final = 1
#: What a run that a --break stopped ends with.
STOPPED: Final = 3


@click.command("replay")
@with_wishes
def command(wishes: Wishes) -> int:
    """
    Replay captures, or without FILE the journal: every input is decided again by the same core.

    A running daemon is not disturbed, and nothing is sent. Exit codes: 1 if a step came out otherwise than it is
    recorded, or a comparison found a difference; 3 if --break stopped it.
    """
    if wishes.against is not None or wishes.against_version is not None:
        from hotdesk_daemon.cli.replay_against import compare

        return compare(wishes)
    if wishes.step:
        from hotdesk_daemon.cli.stepping import check_terminal

        check_terminal(wishes)
    from hotdesk_daemon.app.replaying import Replay

    with wishes.source.open() as recording:
        replay = Replay(recording, desks=wishes.desks, since=wishes.since, until=wishes.end, until_seq=wishes.end_seq)
        return _run(replay, recording, wishes)


def _run(replay: Replay, recording: StoredRecording, wishes: Wishes) -> int:
    from hotdesk_daemon.app.replaying.lines import head_line

    if wishes.as_json:
        show_line(head_line())
    if wishes.step:
        from hotdesk_daemon.cli.stepping import step_through

        if not step_through(replay, wishes):
            return 0
    elif wishes.steps or wishes.breaks or wishes.speed is not None:
        if not _watch(replay, wishes):
            return STOPPED
    else:
        with following(recording) as tick:
            replay.run(tick)
    return _conclude(replay, wishes)


def _watch(replay: Replay, wishes: Wishes) -> bool:
    """Go through the steps one by one, and show them; False if one was to be stopped at."""
    from hotdesk_daemon.app.replaying.breaks import Breaks
    from hotdesk_daemon.app.replaying.pace import Pace

    breaks = Breaks(wishes.breaks)
    pace = Pace(wishes.speed, sleep=time.sleep, mono=time.monotonic) if wishes.speed is not None else None
    shows = wishes.steps or pace is not None
    for taken in replay.steps():
        if pace is not None:
            sys.stdout.flush()
            pace.wait(taken.entry.at)
        name = breaks.met(taken, has_diverged=replay.has_diverged(taken.entry.desk_id)) if breaks.patterns else None
        if shows or name is not None:
            show_step(taken, wishes)
        if name is not None:
            sys.stdout.flush()
            click.echo(clean(f"stopped at input {taken.entry.seq} of {taken.entry.desk_id}: {name}"), err=True)
            show_state(replay.states[taken.entry.desk_id], taken, wishes)
            return False
    if breaks.patterns:
        click.echo(f"nothing met {' or '.join(breaks.patterns)}", err=True)
    return True


def _conclude(replay: Replay, wishes: Wishes) -> int:
    """Show what was found, and tell the exit code."""
    from hotdesk_daemon.app.replaying.lines import desk_line, total_line

    if not replay.met:
        raise ConfigError(f"{wishes.source.describe()}: there is nothing to replay{_of_what(wishes)}")
    if missing := [desk for desk in wishes.desks if desk not in replay.states]:
        click.echo(clean(f"nothing is recorded of {', '.join(missing)}"), err=True)
    found = replay.results()
    told = [desk_line(one, names=wishes.names) for one in found]
    if wishes.at is not None:
        for desk in replay.states.values():
            show_state(desk, None, wishes)
    if wishes.as_json:
        for line in (*told, total_line(found)):
            show_line(line)
    elif wishes.at is None:
        show_results(told, total_line(found), apart=wishes.steps or wishes.speed is not None)
    else:
        for line in told:
            if line["divergence"] is not None:
                click.echo(divergence_lines(line["desk"], line["divergence"])[0], err=True)
    return FAILED if any(one.divergence is not None for one in found) else 0


def _of_what(wishes: Wishes) -> str:
    desks = f" of {', '.join(wishes.desks)}" if wishes.desks else ""
    return f"{desks} until {wishes.end:%Y-%m-%d %H:%M:%S %Z}" if wishes.end is not None else desks


def show_step(taken: Taken, wishes: Wishes) -> None:
    """Show a step."""
    from hotdesk_daemon.app.replaying.lines import step_line

    line = step_line(taken, names=wishes.names)
    if wishes.as_json:
        show_line(line)
    else:
        print_lines(step_lines(line))


def show_state(desk: Desk, taken: Taken | None, wishes: Wishes) -> None:
    """Show the whole state of a desk, at the moment of *taken*."""
    from hotdesk_daemon.app.replaying.lines import state_line
    from hotdesk_daemon.cli.desk_text import desk_text

    if wishes.as_json:
        show_line(state_line(desk, names=wishes.names))
    else:
        at = taken.entry.at if taken is not None else wishes.end
        print_lines(desk_text(desk, at=at, names=wishes.names))


def show_line(line: dict[str, object]) -> None:
    """Show one line for programs; many may come, so they are not flushed one by one."""
    from hotdesk_daemon.app.replaying.lines import encode_line

    sys.stdout.write(safe_json(encode_line(line)))
