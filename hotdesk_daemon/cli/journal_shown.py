"""How ``journal`` shows what it found: for people, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import click

from hotdesk_daemon.cli.screen import clean, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hotdesk_daemon.app.erasure import Erased
    from hotdesk_daemon.app.journal_tools import Backup, Finding, Pruned, Sizes, Stats, Verified

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024
_MOST_SHOWN: Final = 200


# --- stats -----------------------------------------------------------------------------------------------------------


def show_stats(found: Stats, *, as_json: bool) -> None:
    sizes = found.sizes
    if as_json:
        show_json(_stats_as_json(found))
        return
    click.echo(f"{size_text(sizes.size_bytes)}, of which {size_text(sizes.free_bytes)} are free")
    if sizes.oldest_at is not None and sizes.newest_at is not None:
        span = f"from {sizes.oldest_at:%Y-%m-%d %H:%M} to {sizes.newest_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{span}, {sizes.desks} desks")
    growth = "less than a day is recorded" if sizes.a_day_bytes is None else f"{size_text(sizes.a_day_bytes)} a day"
    click.echo(f"growth: {growth}")
    classes = [
        (one.name, one.rows, size_text(one.size_bytes), "" if one.doomed is None else one.doomed)
        for one in sizes.classes
    ]
    _table(("WHAT", "ROWS", "SIZE", "WOULD GO"), classes)
    if sizes.largest:
        _table(("DESK", "ROWS", "SIZE"), [(one.desk, one.rows, size_text(one.size_bytes)) for one in sizes.largest])
    for file in found.damaged:
        click.echo(f"put aside, damaged: {file}", err=True)


def _stats_as_json(found: Stats) -> dict[str, object]:
    sizes = found.sizes
    return {
        "size_bytes": sizes.size_bytes,
        "free_bytes": sizes.free_bytes,
        "oldest_at": _moment(sizes.oldest_at),
        "newest_at": _moment(sizes.newest_at),
        "a_day_bytes": sizes.a_day_bytes,
        "desks": sizes.desks,
        "retention_by": _moment(found.now),
        "classes": [attrs.asdict(one) for one in sizes.classes],
        "largest": [attrs.asdict(one) for one in sizes.largest],
        "damaged": [str(file) for file in found.damaged],
    }


# --- verify ----------------------------------------------------------------------------------------------------------


def show_findings(found: Sequence[Finding], looked: Verified, *, as_json: bool) -> None:
    wrong = sum(1 for finding in found if finding.is_wrong)
    if as_json:
        show_json(
            {
                "sound": not wrong,
                "desks": looked.desks,
                "records": looked.records,
                "commands": looked.commands,
                "findings": [attrs.asdict(finding) for finding in found],
            }
        )
        return
    for finding in found[:_MOST_SHOWN]:
        _show_finding(finding)
    if len(found) > _MOST_SHOWN:
        click.echo(f"… and {len(found) - _MOST_SHOWN} more; --format json shows all")
    told = f"{looked.desks} desks, {looked.records} records, {looked.commands} commands: "
    click.echo(told + ("sound" if not wrong else f"{wrong} things are wrong"))


def _show_finding(finding: Finding) -> None:
    whose = f"{finding.desk}: " if finding.desk is not None else ""
    what = f"{whose}{finding.what}"
    click.echo(clean(what if finding.is_wrong else f"({what})"))
    if finding.remedy:
        click.echo(f"  {finding.remedy}")


# --- prune -----------------------------------------------------------------------------------------------------------


def show_doomed(sizes: Sizes, *, as_json: bool) -> None:
    doomed = {one.name: one.doomed for one in sizes.classes if one.doomed is not None}
    if as_json:
        show_json({"would_go": doomed})
        return
    for name, count in doomed.items():
        click.echo(f"{name}: {count} would go")


def show_pruned(pruned: Pruned, *, as_json: bool) -> None:
    if as_json:
        show_json({**attrs.asdict(pruned), "shortened_to": _moment(pruned.shortened_to)})
        return
    click.echo(f"{pruned.records} records, {pruned.raw} messages and {pruned.commands} commands are gone")
    click.echo(f"{size_text(pruned.freed_bytes)} given back to the disk")
    if pruned.forgotten:
        click.echo(f"{len(pruned.forgotten)} desks that are gone were forgotten")
    if pruned.shortened_to is not None:
        click.echo(f"to fit the size, records are kept from {pruned.shortened_to:%Y-%m-%d %H:%M} UTC on")
    if pruned.is_too_large:
        click.echo("it is still larger than it may be: nothing more can be spared", err=True)


# --- erase, backup ---------------------------------------------------------------------------------------------------


def show_erased(done: Erased, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json(_erased_as_json(done, dry_run=dry_run))
        return
    for what, values in (("address", done.emails), ("id", done.ids), ("name", done.names)):
        click.echo(f"known by {what}: {', '.join(map(clean, values)) if dry_run else len(values)}")
    for name in done.shared_names:
        click.echo(f"others have the same name; it goes only where they are the organizer: {clean(name)}", err=True)
    for name, count in done.rows.items():
        click.echo(f"{name}: {count} rows changed")
    for file in done.files:
        click.echo(f"{file}: changed")
    for one in done.left:
        told = f"stands {one.hits} times" if dry_run else f"is left {one.hits} times; {one.remedy}"
        click.echo(f"{one.file}: {told}")
    click.echo(
        f"{done.scanned_files} files, {size_text(done.scanned_bytes)} looked at byte by byte: "
        + (f"found in {len(done.left)} of them" if done.left else "nothing found")
    )


def _erased_as_json(done: Erased, *, dry_run: bool) -> dict[str, object]:
    known = {"emails": done.emails, "ids": done.ids, "names": done.names, "shared_names": done.shared_names}
    return {
        "known_by": {name: list(values) if dry_run else len(values) for name, values in known.items()},
        "rows": done.rows,
        "files": [str(file) for file in done.files],
        "scanned_files": done.scanned_files,
        "scanned_bytes": done.scanned_bytes,
        "left": [{"file": str(one.file), "hits": one.hits, "remedy": one.remedy} for one in done.left],
    }


def show_backup(done: Backup, *, as_json: bool) -> None:
    if as_json:
        show_json({**attrs.asdict(done), "file": str(done.file)})
        return
    told = f"{size_text(done.size_bytes)}, {done.records} records of {done.desks} desks, verified"
    click.echo(f"{done.file}: {told}")


# --- what they share -------------------------------------------------------------------------------------------------


def size_text(size_bytes: int) -> str:
    """A size for people."""
    size, unit = float(size_bytes), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size_bytes} B"


def _table(headers: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    cells = [tuple(str(cell) for cell in row) for row in (headers, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    click.echo()
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
