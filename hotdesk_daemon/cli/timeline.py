"""``timeline``: a desk's day, drawn."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hotdesk_daemon.cli.options import with_format
from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.screen import clean, safe_json
from hotdesk_daemon.cli.sources import Source, with_source
from hotdesk_daemon.cli.zones import present, with_zone, zoned_time
from hotdesk_daemon.core.errors import PermanentError
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from datetime import tzinfo

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.app.timeline import Axis, Timeline
    from hotdesk_daemon.app.timeline.text import Line

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_KINDS: Final = (".html", ".svg")


@click.command("timeline")
@click.argument("desk")
@click.option("--day", help="The day, such as 2026-05-04, or today, yesterday, tomorrow.  [default: today]")
@click.option("--since", help="From this moment on instead, such as 2026-05-04T08:00.")
@click.option("--until", help="Up to this moment.  [default: a day after --since]")
@click.option("--whole-day", is_flag=True, help="All hours, also those in which nothing happened.")
@click.option("--output", type=_FILE, help="Write a picture into this file: .html or .svg.")
@with_zone
@with_source
@with_format
def command(  # noqa: PLR0913 - one per option
    source: Source,
    desk: str,
    day: str | None,
    since: str | None,
    until: str | None,
    output: Path | None,
    zone: tzinfo,
    *,
    whole_day: bool,
    as_json: bool,
) -> None:
    """Draw a day of DESK: bookings, sign-ins, calls, people, commands, and when its picture could be wrong."""
    if day is not None and (since is not None or until is not None):
        raise click.UsageError("either --day or --since and --until")
    if output is not None and (output.suffix.lower() not in _KINDS or as_json):
        raise click.UsageError("--output writes .html or .svg, and no JSON")
    from hotdesk_daemon.app.timeline import busy, gather

    name = DeskId(desk)
    with source.open() as recording:
        now = _present(recording, name)
        axis = _axis(day, since, until, zone=zone, now=now)
        with following(recording) as tick:
            found = gather(recording, name, axis, now=now, **({"tick": tick} if tick is not None else {}))
    shown = axis if whole_day or since is not None else busy(found)
    if output is not None:
        _write(output, found, shown)
    elif as_json:
        from hotdesk_daemon.app.timeline.shapes import to_json

        click.echo(safe_json(to_json(found)))
    else:
        _show(found, shown)


def _present(recording: Recording, desk: DeskId) -> datetime:
    """
    The present of the site.

    Raises:
        NotRecordedError: nothing is recorded of such a desk.
    """
    newest = next(recording.newest(desk), None)
    if newest is not None:
        return present(newest.at)
    from hotdesk_daemon.app.explain import NotRecordedError

    raise NotRecordedError.of_desk(desk, recording.desks())


def _axis(day: str | None, since: str | None, until: str | None, *, zone: tzinfo, now: datetime) -> Axis:
    """The stretch that the options mean."""
    from hotdesk_daemon.app.timeline import MOST_HOURS, Axis, day_axis

    begins = zoned_time(since, zone=zone, option="--since")
    ends = zoned_time(until, zone=zone, option="--until")
    if begins is None and ends is None:
        axis = day_axis(_day(day or "today", today=now.astimezone(zone).date()), zone)
    else:
        if ends is not None and begins is None:
            begins = ends - timedelta(days=1)
        elif begins is not None and ends is None:
            ends = begins + timedelta(days=1)
        if begins is None or ends is None:
            raise AssertionError("one of them was given, and the other follows from it")
        axis = Axis(since=begins, until=ends, zone=zone)
    if axis.length <= timedelta():
        raise click.UsageError("that stretch has no length")
    if axis.length > timedelta(hours=MOST_HOURS):
        raise click.UsageError(f"that is longer than {MOST_HOURS // 24} days")
    return axis


def _day(text: str, *, today: date) -> date:
    """
    *text* as a day.

    Raises:
        click.BadParameter: it is none.
    """
    named = {"today": today, "yesterday": today - timedelta(days=1), "tomorrow": today + timedelta(days=1)}
    try:
        found = named.get(text) or date.fromisoformat(text)
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is no day such as 2026-05-04", param_hint="--day") from exc
    if not date.min + timedelta(days=2) < found < date.max - timedelta(days=2):
        raise click.BadParameter(f"{text!r} is out of reach", param_hint="--day")
    return found


def _write(path: Path, timeline: Timeline, axis: Axis) -> None:
    """
    Write the picture.

    Raises:
        PermanentError: the file cannot be written.
    """
    if path.suffix.lower() == ".svg":
        from hotdesk_daemon.app.timeline.picture import svg

        text = svg(timeline, axis)
    else:
        from hotdesk_daemon.app.timeline.page import html

        text = html(timeline, axis)
    try:
        path.write_text(text, "utf-8")
    except OSError as exc:
        raise PermanentError(f"{path}: the picture cannot be written: {exc.strerror or exc}") from exc
    click.echo(f"{path} is written", err=True)


def _show(timeline: Timeline, axis: Axis) -> None:
    from hotdesk_daemon.app.timeline import draw

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    width = shutil.get_terminal_size().columns
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in draw(timeline, axis, width=width, unicode=encoding.startswith("utf")):
        click.echo(_rendered(line, coloured=coloured))


def _rendered(line: Line, *, coloured: bool) -> str:
    if not coloured:
        return "".join(clean(text) for text, _ in line).rstrip()
    return "".join(_styled(clean(text), colour) for text, colour in line)


def _styled(text: str, colour: str) -> str:
    match colour:
        case "":
            return text
        case "bold":
            return click.style(text, bold=True)
        case "dim":
            return click.style(text, dim=True)
        case _:
            return click.style(text, fg=colour)
