"""The options of ``replay``, and which of them go together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import click

from hotdesk_daemon.cli.options import Config, with_config
from hotdesk_daemon.cli.sources import Source
from hotdesk_daemon.cli.times import whole_time
from hotdesk_daemon.core.ids import DeskId

_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True)
_PROGRAM: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
_STDIN: Final = Path("-")
_Given: TypeAlias = Any  # whatever click hands to a verb, and the verb returns
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


@attrs.frozen(kw_only=True)
class Wishes:
    """What is wanted of a replay; ``at`` is a moment or the number of an input."""

    source: Source
    desks: tuple[DeskId, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    at: datetime | int | None = None
    breaks: tuple[str, ...] = ()
    speed: float | None = None
    against: Path | None = None
    against_version: Path | None = None
    steps: bool = False
    step: bool = False
    names: bool = False
    as_json: bool = False

    def __attrs_post_init__(self) -> None:
        if self.at is not None and self.until is not None:
            raise click.UsageError("--at says already where to end: leave out --until")
        if self.step and (self.as_json or self.at is not None):
            raise click.UsageError(f"--step asks at a terminal: it does not go with {'--at' if self.at else 'JSON'}")
        if self.against is None and self.against_version is None:
            return
        given = {
            "--steps": self.steps,
            "--step": self.step,
            "--break": self.breaks,
            "--speed": self.speed,
            "--at": self.at,
            "--since": self.since,
        }
        if more := [name for name, value in given.items() if value]:
            raise click.UsageError(f"{more[0]} does not go with a comparison")
        if self.against is not None and self.against_version is not None:
            raise click.UsageError("either --against a recording or --against-version, not both")
        if self.against_version is not None and _STDIN in self.source.files:
            raise click.UsageError("two versions cannot both read standard input: put the capture into a file")

    @property
    def end(self) -> datetime | None:
        """The moment at which to end."""
        return self.at if isinstance(self.at, datetime) else self.until

    @property
    def end_seq(self) -> int | None:
        """The number of the input at which to end."""
        return self.at if isinstance(self.at, int) else None


def with_wishes(verb: _Verb) -> Callable[..., Any]:
    """Give *verb* its options, as ``wishes: Wishes``."""

    @click.argument("files", metavar="[FILE]...", nargs=-1, type=_FILE)
    @click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
    @click.option("--desk", "desks", multiple=True, help="Only this desk; may be repeated.")
    @click.option("--since", help="Count and show from this moment on, a time such as 2026-05-04T12:00:00Z.")
    @click.option("--until", help="Up to this moment.")
    @click.option("--at", metavar="TIME|SEQ", help="Run to this moment, or a desk's input number, and show the state.")
    @click.option("--steps", is_flag=True, help="Show every step.")
    @click.option("--step", is_flag=True, help="Go step by step, asking after each.")
    @click.option("--break", "breaks", metavar="NAME", multiple=True, help=_BREAK_HELP)
    @click.option("--speed", type=click.FloatRange(0.001, 1_000_000), help=_SPEED_HELP)
    @click.option("--against", metavar="OLD", type=_FILE, help="Compare with this recording, a capture or a journal.")
    @click.option("--against-version", metavar="PROGRAM", type=_PROGRAM, help=_VERSION_HELP)
    @click.option("--names", is_flag=True, help="Show titles and persons, which are hidden otherwise.")
    @click.option("--lenient", is_flag=True, help="Use what can be used of a capture, and say what cannot.")
    @with_config
    @click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
    @functools.wraps(verb)
    def wished(  # noqa: PLR0913 - one for each option that is not handed on as it is
        config: Config,
        files: tuple[Path, ...],
        journal: Path | None,
        desks: tuple[str, ...],
        since: str | None,
        until: str | None,
        at: str | None,
        form: str,
        *,
        lenient: bool,
        **rest: _Given,
    ) -> _Given:
        wishes = Wishes(
            source=Source(config=config, journal=journal, files=files, lenient=lenient),
            desks=tuple(map(DeskId, desks)),
            since=whole_time(since, option="--since"),
            until=whole_time(until, option="--until"),
            at=int(at) if at is not None and at.isascii() and at.isdigit() else whole_time(at, option="--at"),
            as_json=form == "json",
            **rest,
        )
        return verb(wishes)

    return wished


_BREAK_HELP: Final = (
    "Stop at the first step with this reason (booking.rejected), kind of input (BookingMoved), command "
    "(Bookings Delete), desk.surprise, desk.unreadable or desk.divergence, or a pattern of them such as booking.*; "
    "may be repeated. Exit code 3."
)
_SPEED_HELP: Final = "Show steps as fast as they happened (1), or so many times faster; no wait is longer than 10 s."
_VERSION_HELP: Final = "Compare with another installed version: its hotdesk-daemon, or the python it is installed in."
