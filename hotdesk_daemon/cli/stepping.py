"""
Going through history at a terminal, step by step.

    Enter, n    the next step
    a number    so many steps
    c           on to the next --break, or to the end; Ctrl-C comes back here
    s           show the whole state of the desk
    b NAME      stop at NAME too
    q           leave
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from hotdesk_daemon.cli.screen import clean

if TYPE_CHECKING:
    from hotdesk_daemon.app.replaying import Replay, Taken
    from hotdesk_daemon.app.replaying.breaks import Breaks
    from hotdesk_daemon.cli.replay_options import Wishes

_HELP: Final = "Enter: next  NUMBER: so many  c: continue  s: state  b NAME: stop at NAME too  q: quit"


def check_terminal(wishes: Wishes) -> None:
    """
    See that there is somebody to ask.

    Raises:
        click.UsageError: there is not.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("--step asks at a terminal, and this is none; --steps shows every step, --break stops")


def step_through(replay: Replay, wishes: Wishes) -> bool:
    """Show step after step as somebody asks for them; False if they left before the end."""
    from hotdesk_daemon.app.replaying.breaks import Breaks

    return _Walk(replay, wishes, Breaks(wishes.breaks)).run()


class _Walk:
    """Where somebody is; ``wanted`` is how many steps they still want to see, None for all."""

    def __init__(self, replay: Replay, wishes: Wishes, breaks: Breaks) -> None:
        self.replay = replay
        self.wishes = wishes
        self.breaks = breaks
        self.steps = replay.steps()
        self.wanted: int | None = 1
        self.last: Taken | None = None

    def run(self) -> bool:
        click.echo(_HELP, err=True)
        while True:
            try:
                if not self._go_on():
                    return True
            except KeyboardInterrupt:
                click.echo()
            if not self._ask():
                return False

    def _go_on(self) -> bool:
        """Show what is wanted, up to a break; False at the end."""
        from hotdesk_daemon.cli.replay import show_step

        for taken in self.steps:
            self.last = taken
            name = self.breaks.met(taken, has_diverged=self.replay.has_diverged(taken.entry.desk_id))
            if self.wanted is not None or name is not None:
                show_step(taken, self.wishes)
            if name is not None:
                click.echo(clean(f"stopped: {name}"), err=True)
                return True
            if self.wanted is not None:
                self.wanted -= 1
                if not self.wanted:
                    return True
        return False

    def _ask(self) -> bool:
        """Ask what is next; False if that is to leave."""
        while True:
            try:
                words = input(self._prompt()).split()
            except (EOFError, KeyboardInterrupt):
                click.echo()
                return False
            match words:
                case [] | ["n"]:
                    self.wanted = 1
                case [count] if count.isascii() and count.isdigit() and int(count):
                    self.wanted = int(count)
                case ["c"]:
                    self.wanted = None
                case ["q"]:
                    return False
                case ["s"]:
                    self._show_state()
                    continue
                case ["b", *names] if names:
                    self.breaks.patterns = [*self.breaks.patterns, " ".join(names)]
                    continue
                case _:
                    click.echo(_HELP, err=True)
                    continue
            return True

    def _prompt(self) -> str:
        return f"{clean(self.last.entry.desk_id)} {self.last.entry.seq}> " if self.last is not None else "> "

    def _show_state(self) -> None:
        from hotdesk_daemon.cli.replay import show_state

        if self.last is not None:
            show_state(self.replay.states[self.last.entry.desk_id], self.last, self.wishes)
