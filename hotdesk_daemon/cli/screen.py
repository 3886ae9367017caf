"""
How things look: tables for people, aligned columns with tabs between them for programs, times, and safe text.

What comes from calendars and devices is shown without control characters: a title must not move anybody's cursor.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

#: One row of a table.
Row = Sequence[object]
#: DEL, the C1 controls, and marks that turn the direction of what follows; the other controls JSON escapes itself.
_OBEYED: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: Between two columns, where people read.
_GAP: Final = 2


def show_table(
    headers: Sequence[str], rows: Sequence[Row], *, now: str | None = None, spare: Sequence[str] = ()
) -> None:
    """
    Show rows on stdout and, on stderr, the site's time that their times are to be read against, if there is one.

    People do not see empty columns, nor, on a narrow terminal, those of *spare*, the first named first.
    """
    cells = [[clean("" if cell is None else str(cell)) for cell in row] for row in rows]
    if now is not None:
        click.echo(f"{len(rows)} shown; the site's time is {moment(now):%Y-%m-%d %H:%M:%S} UTC", err=True)
    if sys.stdout.isatty():
        _show_to_people(headers, cells, spare=spare)
        return
    widths = [max(len(text) for text in column) for column in zip(headers, *cells, strict=True)]
    for line in (headers, *cells):
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("\t".join(padded).rstrip())


def show_json(value: object) -> None:
    """Show one JSON document in one line."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False)))


def safe_json(text: str) -> str:
    """The same JSON, with what a terminal would obey and JSON lets stand written as escapes."""
    return text if text.isascii() and "\x7f" not in text else _OBEYED.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def moment(text: str) -> datetime:
    """A time as the daemon writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def clock(text: str | None, *, now: str) -> str:
    """The time of day in UTC, with the date when it is another day than the site's today."""
    if text is None:
        return ""
    when = moment(text)
    return f"{when:%H:%M}" if when.date() == moment(now).date() else f"{when:%Y-%m-%d %H:%M}"


def span(booking: dict[str, Any], *, now: str) -> str:
    """When a booking begins and ends."""
    return f"{clock(booking['start'], now=now)}–{clock(booking['end'], now=now)}"


def clean(text: str) -> str:
    """*text* without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else "·" for char in text)


def _show_to_people(headers: Sequence[str], rows: Sequence[Sequence[str]], *, spare: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    shown, left_out = _fitting(headers, rows, spare=spare, width=console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        table.add_column(headers[column], overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[column]) for column in shown))
    console.print(table)
    if left_out:
        click.echo(f"no room for {', '.join(left_out)}: widen the terminal, or use --format json", err=True)


def _fitting(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, spare: Sequence[str], width: int
) -> tuple[list[int], list[str]]:
    """The columns to show, and the names of those that there is no room for."""
    shown = [column for column in range(len(headers)) if not rows or any(row[column] for row in rows)]
    widths = [max(len(text) for text in column) + _GAP for column in zip(headers, *rows, strict=True)]
    left_out = []
    for name in spare:
        if sum(widths[column] for column in shown) - _GAP <= width:
            break
        column = headers.index(name)
        if column in shown:
            shown.remove(column)
            left_out.append(name)
    return shown, left_out
