"""What ``what-if`` shows, as text: the answer in a few sentences, tables by verdict, rule and group, and the list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from hotdesk_daemon.app.zones import in_zone
from hotdesk_daemon.cli.screen import Row, clean, moment, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

Fact = dict[str, Any]

_LIST: Final = ("at", "desk", "booking", "on", "start", "min", "was", "would be", "rule", "known")
_SPARE: Final = ("booking", "on", "at", "min")
_COUNTS: Final = ("certain", "in doubt")
_GROUP: Final = ("desks", "verdicts", "rejected instead", "accepted instead", "otherwise", "consequences")


def show_text(found: Fact, *, zone: tzinfo) -> None:
    """Show what was found, times in *zone*."""
    for line in _head(found, zone):
        click.echo(clean(line))
    if not found["judged"]:
        return
    _section("By verdict", ("on", "was", "would be", *_COUNTS), [_verdict(row) for row in found["verdicts"]])
    if found["rules"]:
        rows = [(row["rule"], _values(row["limits"]), row["of"], *_verdict(row)) for row in found["rules"]]
        _section("By rule", ("rule", "values", "of", "on", "was", "would be", *_COUNTS), rows, spare=("of", "on"))
    _section(f"By {found['group_by']}", (found["group_by"], *_GROUP), [_group(row) for row in found["groups"]])
    if found["differences"]:
        rows = [_difference(row, zone) for row in found["differences"]]
        _section("What would have been otherwise", _LIST, rows, spare=_SPARE)
    if left_out := found["differences_left_out"]:
        click.echo(f"{left_out:,} more are not listed; --limit lets them through")


def _head(found: Fact, zone: tzinfo) -> Iterator[str]:
    if found["begins"] is None:
        yield f"{found['history']}: nothing is recorded in that time"
        return
    yield f"Rules of {found['policy_file']} on {found['history']}:"
    span = f"from {_time(found['begins'], zone)} to {_time(found['ends'], zone)} {_zone(found, zone)}"
    yield f"{_many(len(found['desks']), 'desk')}, {span}"
    yield ""
    if not found["judged"]:
        yield "no booking and no move was judged: rules could have changed nothing"
        return
    certain = found["rejected_instead"] + found["accepted_instead"] + found["otherwise"]
    yield f"{_many(found['judged'], 'verdict')} on bookings and moves. Certainly otherwise would have been {certain:,}:"
    yield f"  {found['rejected_instead']:,} rejected that were accepted"
    yield f"  {found['accepted_instead']:,} accepted that were rejected"
    if found["otherwise"]:
        yield f"  {found['otherwise']:,} rejected as before, with another consequence"
    yield from _doubt(found)


def _doubt(found: Fact) -> Iterator[str]:
    """What nobody can know."""
    seconds = sum(one["unknowable_s"] for one in found["desks"])
    if seconds:
        yield f"What else these desks would have seen in {seconds / 3600:,.1f} h of that time cannot be known:"
        yield f"  {_many(found['in_doubt'], 'verdict')} in it"
        yield f"  {found['consequences']:,} of them would have been otherwise, had it come to that (consequence)"


def _section(title: str, headers: Sequence[str], rows: Sequence[Row], *, spare: Sequence[str] = ()) -> None:
    click.echo()
    click.echo(click.style(title, bold=True))
    show_table(headers, rows, spare=spare)


def _verdict(row: Fact) -> tuple[object, ...]:
    would_be = "the same" if row["was"] == row["would_be"] else row["would_be"]
    return row["subject"], row["was"], would_be, row["certain"], row["in_doubt"]


def _values(limits: Fact) -> str:
    return ", ".join(f"{name} {value}" for name, value in limits.items())


def _group(row: Fact) -> tuple[object, ...]:
    return (
        row["group"],
        row["desks"],
        row["judged"],
        row["rejected_instead"],
        row["accepted_instead"],
        row["otherwise"],
        row["consequences"],
    )


def _difference(row: Fact, zone: tzinfo) -> tuple[object, ...]:
    rule = row["rule"]
    return (
        _time(row["at"], zone),
        row["desk"],
        row["booking"],
        row["subject"],
        _time(row["start"], zone),
        row["duration_min"],
        row["was"],
        row["would_be"],
        "" if rule is None else rule["text"],
        row["known"],
    )


def _time(text: str, zone: tzinfo) -> str:
    return f"{in_zone(moment(text), zone):%Y-%m-%d %H:%M}"


def _zone(found: Fact, zone: tzinfo) -> str:
    if zone is UTC:
        return "UTC"
    return f"{datetime.fromisoformat(found['begins']).astimezone(zone):%Z}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
