"""``explain``: why a desk is as it is, from the root cause to the state."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Final

import attrs
import click

from hotdesk_daemon.cli.options import with_format
from hotdesk_daemon.cli.screen import clean, safe_json
from hotdesk_daemon.cli.sources import Source, with_source
from hotdesk_daemon.cli.zones import Clockface, present, span_of, with_zone, zoned_time
from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo
    from pathlib import Path

    from hotdesk_daemon.app.explain import Cause, Chain, Explanation, Thing, Words
    from hotdesk_daemon.app.recordings import Recording

_NARROWEST: Final = 40
#: What stands for signs that a terminal without Unicode does not have.
_PLAIN: Final = str.maketrans({"•": "*", "–": "-", "→": ">", "…": "...", "·": "."})
_HEADINGS: Final = {"link": "connection", "sign-in": "sign-in"}


@click.command("explain")
@click.argument("desk")
@click.option("--at", help="As it was at this moment, such as 2026-05-04T12:00 (with Z or an offset, or in the zone).")
@click.option("--since", help="What moved from this moment on, or for so long before, such as 2h or 1h30m.")
@click.option("--booking", help="This booking alone, by its id, MeetingId, BookingRequestUUID or a device's Id.")
@click.option("--all", "-a", "over_too", is_flag=True, help="What is over for longer than a day, too.")
@click.option("--whole", is_flag=True, help="Look at the whole history, however long that takes.")
@click.option("--brief", is_flag=True, help="One sentence for each thing, without the chains.")
@with_zone
@with_source
@with_format
def command(  # noqa: PLR0913 - one per option
    source: Source,
    desk: str,
    at: str | None,
    since: str | None,
    booking: str | None,
    zone: tzinfo,
    *,
    over_too: bool,
    whole: bool,
    brief: bool,
    as_json: bool,
) -> None:
    """Explain why DESK is as it is; read from the journal or a capture, so the daemon need not run."""
    moment = zoned_time(at, zone=zone, option="--at")
    from hotdesk_daemon.app.explain import explain

    with source.open() as recording:
        found = explain(
            recording,
            DeskId(desk),
            at=moment,
            since=_since(since, desk=DeskId(desk), at=moment, zone=zone, recording=recording),
            booking=booking,
            over_too=over_too,
            whole=whole,
        )
    if moment is None and not source.is_named:
        found = attrs.evolve(found, notes=(*found.notes, *_held_back(found, source.config.places().daemon.state_dir)))
    if as_json:
        from hotdesk_daemon.app.explain.shapes import to_json

        click.echo(safe_json(to_json(found)))
        return
    _Told(Clockface(zone, now=present(found.newest_at) if moment is None else found.at)).show(
        found, brief=brief, over_too=over_too or booking is not None or since is not None
    )


def _held_back(found: Explanation, state_dir: Path) -> Iterator[str]:
    """What keeps commands from leaving though nothing is wrong with their desk: no history of a desk knows of it."""
    from hotdesk_daemon.app.safety import BREAKER_FILE, HALT_FILE

    if not any(thing.life is Life.COMMAND and thing.state == CommandState.PENDING for thing in found.things):
        return
    if os.access(state_dir / HALT_FILE, os.F_OK):
        yield "All sending is stopped: what waits to be sent leaves after hotdesk-daemon resume."
    if os.access(state_dir / BREAKER_FILE, os.F_OK):
        yield "The breaker is open: what the rules want sent waits for hotdesk-daemon breaker close."


def _since(
    text: str | None, *, desk: DeskId, at: datetime | None, zone: tzinfo, recording: Recording
) -> datetime | None:
    """The moment that ``--since`` means; a length of time counts back from the moment that is explained."""
    span = span_of(text) if text else None
    if span is None:
        return zoned_time(text, zone=zone, option="--since")
    newest = next(recording.newest(desk, until=at), None)
    try:
        return None if newest is None else (at or newest.at) - span
    except OverflowError as exc:
        raise click.BadParameter(f"{text!r} is too long", param_hint="--since") from exc


@attrs.define
class _Told:
    """An explanation on its way to the screen."""

    face: Clockface
    _width: int | None = attrs.field(init=False)
    _is_unicode: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
        self._width = max(_NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None

    def show(self, found: Explanation, *, brief: bool, over_too: bool) -> None:
        newest = f"{self.face.tell_second(found.newest_at)}{self.face.age(found.newest_at)}"
        head = f"{found.desk} at {self.face.heading()}; its last input was {found.seq}, {newest}"
        self._line(click.style(clean(head), bold=True))
        self._sentences("now", [thing for thing in found.things if not thing.is_over])
        self._sentences("over", [thing for thing in found.things if thing.is_over])
        if not found.things:
            self._line("nothing of it moved or stands; --all tells what is over", indent=2)
        if found.pending:
            click.echo("\n" + click.style("next", bold=True))
            for one in found.pending:
                due = f"{self.face.tell(one.due)}{self.face.age(one.due)}"
                self._line(f"{due}: {self._spoken(one.words)} (set by input {one.set_seq})", indent=2, first="• ")
        if not brief:
            self._stories(thing for thing in found.things if over_too or not thing.is_over)
        for note in found.notes:
            click.echo(note, err=True)
        if found.notes and any("longer" in note or "too many" in note for note in found.notes):
            click.echo("--whole looks at all of it.", err=True)

    def _sentences(self, heading: str, things: Sequence[Thing]) -> None:
        if things:
            click.echo("\n" + click.style(heading, bold=True))
        for thing in things:
            self._line(self._spoken(thing.words), indent=2, first="• ")

    def _stories(self, things: Iterable[Thing]) -> None:
        told: set[int] = set()
        for thing in things:
            causes, cut = _story(thing)
            if not causes or (thing.life == "command" and causes.keys() <= told):
                continue  # a command whose whole life was told with its booking
            if thing.life == "booking":
                told |= causes.keys()
            click.echo()
            head = f"{_HEADINGS.get(thing.life, thing.life)} {thing.name}: {thing.state}"
            self._line(click.style(clean(head), bold=True))
            for chain in cut:
                self._line(_unseen(chain), indent=10)
            for seq in sorted(causes):
                self._cause(causes[seq])

    def _cause(self, cause: Cause) -> None:
        from hotdesk_daemon.app.explain import said

        again = f" ({cause.times} times)" if cause.times > 1 else ""
        head = f"{cause.seq:>8}  {self.face.tell_second(cause.at)}  "
        self._line(f"{self._spoken(said(cause))}{again}", indent=len(head), first=head)
        for reason in cause.reasons:
            moved = (
                f" ({reason.before or 'nothing'} → {reason.after or 'nothing'})"
                if reason.before != reason.after
                else ""
            )
            self._line(clean(f"{reason.code}: {reason.text}{moved}"), indent=14, first=" " * 12)

    def _spoken(self, words: Words) -> str:
        from hotdesk_daemon.app.explain import spoken

        return clean(spoken(words, self.face))

    def _line(self, text: str, *, indent: int = 0, first: str = "") -> None:
        if not self._is_unicode:
            text, first = (part.translate(_PLAIN) for part in (text, first))
        if self._width is None:
            click.echo(first + text if first else " " * indent + text)
            return
        rest = " " * indent
        click.echo(
            textwrap.fill(
                text, self._width, initial_indent=first or rest, subsequent_indent=rest,
                break_long_words=False, break_on_hyphens=False,
            )
        )  # fmt: skip


def _story(thing: Thing) -> tuple[dict[int, Cause], list[Chain]]:
    """Every input of its chains once, with all that came of it; and the chains whose beginning is not to be seen."""
    causes: dict[int, Cause] = {}
    cut: dict[int | None, Chain] = {}
    for move in thing.moves:
        for cause in move.chain.causes:
            known = causes.get(cause.seq)
            reasons = (*known.reasons, *cause.reasons) if known is not None else cause.reasons
            causes[cause.seq] = attrs.evolve(cause, reasons=tuple(dict.fromkeys(reasons)))
        if move.chain.ending != "root":
            cut[move.chain.next_seq] = move.chain
    return causes, [*cut.values()]


def _unseen(chain: Chain) -> str:
    """Why a chain does not begin with a root."""
    first = chain.causes[0].seq
    match chain.ending:
        case "gone":
            return f"what led to input {first} (input {chain.next_seq}) is not there any more"
        case "long":
            return f"what led to input {first} goes on with input {chain.next_seq}"
        case _:
            return f"what led to input {first} is not named"
