"""``what-if``: recorded history under other rules, and what would have been otherwise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from hotdesk_daemon.cli.options import with_format
from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.screen import clean, show_json
from hotdesk_daemon.cli.sources import Source, with_source
from hotdesk_daemon.cli.zones import with_zone, zoned_time
from hotdesk_daemon.core.errors import ConfigError, PermanentError
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from hotdesk_daemon.app.whatif import Places, Tally
    from hotdesk_daemon.ops.settings import PolicyFile, Settings

_FILE: Final = click.Path(path_type=Path, readable=False)
_GROUPINGS: Final = ("tag", "calendar", "prefix", "desk")
_MOST: Final = 1_000_000


@attrs.frozen(kw_only=True)
class _Question:
    """What is asked: of which desks, from when until when, and how the answer is laid out."""

    desks: tuple[DeskId, ...]
    since: datetime | None
    until: datetime | None
    group_by: str
    limit: int


@click.command("what-if")
@click.argument("desk", nargs=-1)
@click.option("--policy", required=True, metavar="FILE", type=_FILE, help="A file with the other rules, in [policy].")
@click.option(
    "--since", help="They hold from this moment on, such as 2026-05-04T12:00 (with Z or an offset, or in the zone)."
)
@click.option("--until", help="Up to this moment.")
@click.option("--group-by", type=click.Choice(_GROUPINGS), help="Count desks by this.  [default: tag, else calendar]")
@click.option("--limit", type=click.IntRange(0, _MOST), default=1000, show_default=True, help="List so many at most.")
@with_zone
@with_source
@with_format
def command(  # noqa: PLR0913 - one per option
    source: Source,
    desk: tuple[str, ...],
    policy: Path,
    since: str | None,
    until: str | None,
    group_by: str | None,
    limit: int,
    zone: tzinfo,
    *,
    as_json: bool,
) -> None:
    """
    Decide the history of the desks named, or of all, under other rules, and tell what would have been otherwise.

    It is read from the journal or a capture: nothing is sent, and a running daemon is not disturbed. What people would
    have done otherwise nobody knows; docs/what-if.md says what is certain. Exit codes: 0 whatever is found, 1 if the
    history cannot be used, 78 if the rules cannot.
    """
    begins, ends = (zoned_time(text, zone=zone, option=name) for text, name in ((since, "--since"), (until, "--until")))
    if begins is not None and ends is not None and begins > ends:
        raise click.UsageError("--since is later than --until: nothing lies between")
    from hotdesk_daemon.app.whatif import places_of
    from hotdesk_daemon.app.whatif.facts import tally_fact
    from hotdesk_daemon.ops.settings import load_policy_file

    file, history = load_policy_file(policy), source.describe()
    places = places_of(file, _settings(source))
    question = _Question(
        desks=tuple(map(DeskId, desk)),
        since=begins,
        until=ends,
        group_by=group_by or ("tag" if any(places.tags.values()) else "calendar"),
        limit=limit,
    )
    tally = _answered(question, source, file, places)
    for line in _notes(question, tally, file, places):
        click.echo(clean(line), err=True)
    found = tally_fact(tally, policy_file=str(policy), history=history, group_by=question.group_by)
    if as_json:
        show_json(found)
        return
    from hotdesk_daemon.cli.what_if_text import show_text

    show_text(found, zone=zone)


def _settings(source: Source) -> Settings | None:
    """The configuration, for what it tells of desks, if it has to do with what is read."""
    is_asked = source.config.path is not None or not (source.files or source.journal is not None)
    return source.config.look() if is_asked else None


def _answered(question: _Question, source: Source, file: PolicyFile, places: Places) -> Tally:
    """
    The comparison.

    Raises:
        PermanentError: the history cannot be used.
    """
    from hotdesk_daemon.app.whatif import compare, grouping

    try:
        with source.open() as recording, following(recording) as tick:
            tally = compare(
                recording,
                lambda desk: places.rules(file, desk),
                groups_of=grouping(question.group_by, tags=places.tags),
                desks=question.desks,
                since=question.since,
                until=question.until,
                limit=question.limit,
                tick=tick,
            )
    except ConfigError as exc:  # the rules are read: what is wrong now is wrong with the history
        raise PermanentError("\n".join(exc.problems)) from exc
    known = {one.desk for one in tally.desks}
    if missing := [desk for desk in question.desks if desk not in known]:
        raise PermanentError(f"nothing is recorded of {', '.join(missing)}{' until then' if question.until else ''}")
    return tally


def _notes(question: _Question, tally: Tally, file: PolicyFile, places: Places) -> Iterator[str]:
    """What weakens the answer, or may be a mistake of who asks."""
    for one in tally.desks:
        found = one.replayed
        if found.divergence is not None:
            begins = f"{one.desk}: from input {found.divergence.seq} on this version decides otherwise than is recorded"
            yield f"{begins}, and what it decides is compared"
        if found.gaps:
            yield f"{one.desk}: parts of its history are missing: what it held before them is not known"
        if found.unreadable:
            yield f"{one.desk}: {found.unreadable} inputs cannot be read by this version and are left out"
    known = {one.desk for one in tally.desks}
    if not question.desks and (strangers := [desk for desk in file.desks if desk not in known]):
        yield f"the rules for {', '.join(strangers)} are not used: nothing is recorded of that"
    if places.empty:
        yield f"the rules for {', '.join(places.empty)} are not used: no desk is known to be of that organisation here"
    kept = [one.desk for one in tally.desks if one.origin == "recorded"]
    if kept:
        yield f"{_many(len(kept), 'desk')} of {len(tally.desks)} keep the recorded rules: the file has none for them"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
