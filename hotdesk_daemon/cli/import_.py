"""``import``: what other tools have written, as a capture."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from hotdesk_daemon.cli.amounts import render_bytes
from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.screen import clean, show_json
from hotdesk_daemon.cli.times import render_time, whole_time
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.inputs import CalendarKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.importing import Imported

_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True)
_STDOUT: Final = Path("-")
_PACKED: Final = ".zst"


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--output", "-o", type=_FILE, help="Where to write it; - is standard output, the default of a pipe.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["auto", "messages", "frames", "list"]),
    default="auto",
    show_default=True,
    help="What the files are: messages of a workspace integration, JSON-RPC frames, Bookings List results.",
)
@click.option("--desk", help="The desk that all of it is about.  [default: one for each workspace]")
@click.option("--device", help="The device that speaks in frames and lists.  [default: called as the file]")
@click.option("--calendar", type=click.Choice(["local", "hybrid"]), help="The desks' calendar.  [default: guessed]")
@click.option("--at", metavar="TIME", help="The moment of what tells none.  [default: the file's last change]")
@click.option("--time-zone", "zone", default="UTC", show_default=True, help="Of times without an offset.")
@click.option("--lenient", is_flag=True, help="Use what can be used, and say what cannot.")
@click.option("--zstd", "packed", is_flag=True, help="Compress; so does a name that ends in .zst.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--unredacted-with-persons-titles-and-secrets", "unredacted", is_flag=True, help="As it came.")
@with_config
@with_format
def command(  # noqa: PLR0913 - one for each option
    config: Config,
    files: tuple[Path, ...],
    output: Path | None,
    *,
    kind: str,
    desk: str | None,
    device: str | None,
    calendar: str | None,
    at: str | None,
    zone: str,
    lenient: bool,
    packed: bool,
    force: bool,
    unredacted: bool,
    as_json: bool,
) -> None:
    """
    Make a capture of FILES: messages of a workspace integration, JSON-RPC frames, lists, results over SSH.

    They may be whole documents, one a line, or a log with JSON in its lines. What is guessed is said. Persons become
    pseudonyms; titles and secrets go. docs/captures-import.md says what is taken from what.
    """
    if output is None and sys.stdout.isatty():
        raise click.UsageError("say where to write it: --output FILE, or --output - to see it here")
    path = output or _STDOUT
    from hotdesk_daemon.app.importing import Import, ToImport

    wanted = ToImport(
        files=files,
        kind=None if kind == "auto" else kind,
        desk=_name(desk, option="--desk"),
        device=_name(device, option="--device"),
        calendar=None if calendar is None else CalendarKind(calendar),
        at=whole_time(at, option="--at"),
        zone=_zone(zone),
        lenient=lenient,
        redacted=not unredacted,
        packed=packed or path.suffix == _PACKED,
        state_dir=None if unredacted else _state_dir(config),
    )
    work = Import(wanted)
    with _sink(path, replace=force) as sink, following(work) as tick:
        imported = work.write(sink, tick=tick)
    if as_json and path != _STDOUT:
        _show_json(imported, path)
    _tell(imported, path, redacted=wanted.redacted)


def _name(text: str | None, *, option: str) -> str | None:
    if text is not None and (not text.strip() or not text.isprintable()):
        raise click.BadParameter(f"{text!r} is no name", param_hint=option)
    return text


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:  # what is not found is a KeyError
        raise click.BadParameter(f"{name!r} is no time zone such as Europe/Oslo", param_hint="--time-zone") from exc


def _state_dir(config: Config) -> Path | None:
    """The daemon's directory, where the key of the pseudonyms is kept; None on a machine without one."""
    if config.path is None:
        try:
            _ = config.origin
        except ConfigError:
            return None
    directory = config.places().daemon.state_dir
    return directory if directory.is_dir() else None


@contextmanager
def _sink(path: Path, *, replace: bool) -> Iterator[IO[bytes]]:
    if path == _STDOUT:
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    from hotdesk_daemon.app.importing import capture_file

    with capture_file(path, replace=replace) as sink:
        yield sink


def _show_json(imported: Imported, path: Path) -> None:
    show_json(
        {
            "output": str(path),
            "inputs": imported.inputs,
            "desks": list(imported.desks),
            "size_bytes": imported.size_bytes,
            "first_at": render_time(imported.first_at),
            "last_at": render_time(imported.last_at),
            "notes": list(imported.notes),
            "problems": list(imported.problems),
        }
    )


def _tell(imported: Imported, path: Path, *, redacted: bool) -> None:
    where = "standard output" if path == _STDOUT else str(path)
    desks = "1 desk" if len(imported.desks) == 1 else f"{len(imported.desks)} desks"
    span = f"{imported.first_at:%Y-%m-%d %H:%M:%S} to {imported.last_at:%Y-%m-%d %H:%M:%S} UTC"
    size = render_bytes(imported.size_bytes)
    lines = [f"imported {imported.inputs:,} inputs of {desks}, {span}, to {where}, {size}"]
    lines += (*imported.notes, *imported.problems)
    if not redacted:
        lines.append("it holds persons, titles and secrets as they came: give it to nobody who may not know them")
    for line in lines:
        click.echo(clean(line), err=True)
