"""``capture``: history as a file that can be sent to somebody, from the journal or live."""

from __future__ import annotations

import re
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from hotdesk_daemon.cli.amounts import DURATION, SIZE, render_bytes
from hotdesk_daemon.cli.options import Config, with_config
from hotdesk_daemon.cli.screen import clean
from hotdesk_daemon.cli.times import whole_time
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from hotdesk_daemon.app.capture import Capture, Captured, Stop, Wanted

_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True)
_STDOUT: Final = Path("-")
_PACKED: Final = ".zst"
_DAY_S: Final = 86_400.0
_INTERRUPTED: Final = 130
_AGO: Final = re.compile(r"(\S+) ago")
#: Between two looks of a person at how far it is, in real seconds.
_EVERY_S: Final = 0.2
_WHY: Final = {
    "size": "it ends early: more would not have had room (--max-size)",
    "duration": "it ended after the time asked for",
    "stopped": "it ended when it was told to",
}


@click.command("capture")
@click.argument("desks", metavar="[DESK]...", nargs=-1)
@click.option("--output", "-o", type=_FILE, help="Where to write it; - is standard output, the default of a pipe.")
@click.option("--last", type=DURATION, help="So much before the newest input.  [default: 24h]")
@click.option("--since", metavar="TIME", help="From this moment on, such as 2026-05-04T12:00:00Z or '2h ago'.")
@click.option("--until", metavar="TIME", help="Up to this moment.")
@click.option("--live", is_flag=True, help="Of what comes from now on, instead; Ctrl-C ends it.")
@click.option("--for", "live_s", type=DURATION, help="How long a live capture goes on, in your time.")
@click.option(
    "--kind", "kinds", multiple=True, help="Only this kind of input, such as BookingCreated; may be repeated."
)
@click.option("--max-size", type=SIZE, help="End before the file becomes larger.")
@click.option("--zstd", "packed", is_flag=True, help="Compress; so does a name that ends in .zst.")
@click.option("--without-steps", is_flag=True, help="Leave out what came of each input.")
@click.option("--without-raw", is_flag=True, help="Leave out the messages as they came.")
@click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--unredacted-with-persons-titles-and-secrets", "unredacted", is_flag=True, help="As it came.")
@with_config
def command(  # noqa: PLR0913 - one for each option
    config: Config,
    *,
    desks: tuple[str, ...],
    output: Path | None,
    last: float | None,
    since: str | None,
    until: str | None,
    live_s: float | None,
    kinds: tuple[str, ...],
    max_size: int | None,
    journal: Path | None,
    live: bool,
    packed: bool,
    without_steps: bool,
    without_raw: bool,
    force: bool,
    unredacted: bool,
) -> int:
    """
    Write a capture of the DESKs named, or of all, to a file that replay, explain and the others read.

    Persons become pseudonyms; titles and secrets go. The journal is read, so the daemon need not run, and one that
    runs is not disturbed. docs/captures.md describes the format.
    """
    if live and (last is not None or since is not None or until is not None):
        raise click.UsageError("--live is from now on: leave out --last, --since and --until")
    if live_s is not None and not live:
        raise click.UsageError("--for is for --live; --last goes back from the newest input")
    if last is not None and since is not None:
        raise click.UsageError("either --last or --since, not both")
    path = _output(output)
    from hotdesk_daemon.app.capture import Wanted

    begin, ago_s = _since(since)
    last_s = last if last is not None else ago_s
    wanted = Wanted(
        desks=tuple(map(DeskId, desks)),
        kinds=tuple(map(_kind, kinds)),
        since=begin,
        until=whole_time(until, option="--until"),
        last_s=_DAY_S if begin is None and last_s is None else last_s,
        live=live,
        live_s=live_s,
        steps=not without_steps,
        raw=not without_raw,
        redacted=not unredacted,
        packed=packed or path.suffix == _PACKED,
        max_bytes=max_size,
        state_dir=_state_dir(config, journal),
    )
    url = f"sqlite:///{journal.absolute()}" if journal is not None else config.places().journal_url
    return _run(url, wanted, path, force=force)


def _run(url: str, wanted: Wanted, path: Path, *, force: bool) -> int:
    from hotdesk_daemon.app.capture import Capture, InterruptedCaptureError, Stop

    stop = Stop()
    with _display(live=wanted.live) as show:
        capture = Capture(url, wanted, stop=stop, tick=lambda: show(capture))
        try:
            with _signals(stop), _sink(path, live=wanted.live, replace=force) as sink:
                captured = capture.write(sink)
        except InterruptedCaptureError as exc:
            click.echo(str(exc), err=True)
            return _INTERRUPTED
    _tell(captured, path, redacted=wanted.redacted)
    return 0


# --- what was asked for ----------------------------------------------------------------------------------------------


def _output(given: Path | None) -> Path:
    if given is None and sys.stdout.isatty():
        raise click.UsageError("say where to write it: --output FILE, or --output - to see it here")
    return given or _STDOUT


def _since(text: str | None) -> tuple[datetime | None, float | None]:
    """A moment, or so many seconds before the newest input."""
    found = _AGO.fullmatch(text or "")
    if found is None:
        return whole_time(text, option="--since"), None
    return None, DURATION.convert(found[1], None, None)


def _kind(text: str) -> str:
    kinds = {kind.lower(): kind for kind in KINDS}
    if text.lower() not in kinds:
        from difflib import get_close_matches

        near = get_close_matches(text.lower(), kinds, n=1)
        hint = f"; did you mean {kinds[near[0]]}?" if near else ""
        raise click.BadParameter(f"{text!r} is no kind of input{hint}", param_hint="--kind")
    return kinds[text.lower()]


def _state_dir(config: Config, journal: Path | None) -> Path | None:
    """Where the key of the pseudonyms is: in the daemon's directory, or beside a journal that was named."""
    if journal is None:
        return config.places().daemon.state_dir
    from hotdesk_daemon.app.capture import has_key

    return journal.parent if has_key(journal.parent) else None


# --- while it goes on ------------------------------------------------------------------------------------------------


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end it well; the second one ends it at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def tell(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    before = {number: signal.signal(number, tell) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _sink(path: Path, *, live: bool, replace: bool) -> Iterator[IO[bytes]]:
    if path == _STDOUT:
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    from hotdesk_daemon.app.capture import capture_file

    with capture_file(path, live=live, replace=replace) as sink:
        yield sink


@contextmanager
def _display(*, live: bool) -> Iterator[Callable[[Capture], None]]:
    """Show at a terminal how far it is, or how much a live capture has so far."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TimeElapsedColumn(),) if live else (BarColumn(), TaskProgressColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        due_mono = 0.0

        def show(capture: Capture) -> None:
            nonlocal due_mono
            if time.monotonic() < due_mono:
                return
            due_mono = time.monotonic() + _EVERY_S
            text = f"{capture.inputs:,} inputs, {render_bytes(capture.size_bytes)}"
            bar.update(task, completed=capture.progress, description=text)

        if live:
            click.echo("capturing what comes from now on; Ctrl-C ends it", err=True)
        yield show


def _tell(captured: Captured, path: Path, *, redacted: bool) -> None:
    where = "standard output" if path == _STDOUT else str(path)
    said = f"captured {_number(captured.inputs, 'input')} of {_number(captured.desks, 'desk')}"
    if captured.first_at is not None and captured.last_at is not None:
        said += f", {captured.first_at:%Y-%m-%d %H:%M:%S} to {captured.last_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{said}, to {where}, {render_bytes(captured.size_bytes)}"]
    if captured.cut is not None:
        lines.append(_WHY[captured.cut])
    if not captured.inputs:
        lines.append("there was nothing to write" if captured.cut != "size" else "not even one input had room")
    lines += captured.notes
    if not redacted:
        lines.append("it holds persons, titles and secrets as they came: give it to nobody who may not know them")
    for line in lines:
        click.echo(clean(line), err=True)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
