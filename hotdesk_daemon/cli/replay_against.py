"""``replay --against`` and ``--against-version``: two recordings, or two versions, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.replay_text import divergence_lines, print_lines
from hotdesk_daemon.cli.screen import clean, safe_json, show_table
from hotdesk_daemon.cli.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.cli.replay_options import Wishes

_DATABASE: Final = b"SQLite format 3\x00"
_FAILED: Final = 1

Fact = dict[str, Any]


def compare(wishes: Wishes) -> int:
    """Compare what *wishes* name, show what was found, and return the exit code."""
    return _two_recordings(wishes) if wishes.against is not None else _two_versions(wishes)


def _two_recordings(wishes: Wishes) -> int:
    from hotdesk_daemon.app.replaying.comparing import compare as compared
    from hotdesk_daemon.app.replaying.lines import compared_line

    with _old(wishes).open() as old, wishes.source.open() as new:
        is_redacted = [_is_redacted(each) for each in (old, new)]
        with following(new) as tick:
            found = compared(
                old, new, desks=wishes.desks, until=wishes.until, but_for_persons=any(is_redacted), tick=tick
            )
    lines = [compared_line(one, names=wishes.names) for one in found]
    if any(is_redacted):
        click.echo("redacted: titles and persons are not compared", err=True)
    _show(wishes, lines, headers=("desk", "common", "only old", "only new", "steps", "verdict"))
    return _FAILED if any(one.divergence is not None for one in found) or not any(one.common for one in found) else 0


def _old(wishes: Wishes) -> Source:
    """The recording to compare with: a journal, if the file is a database, else a capture."""
    path, source = wishes.against, wishes.source
    assert path is not None  # noqa: S101 - why we are called
    if _is_database(path):
        return Source(config=source.config, journal=path)
    return Source(config=source.config, files=(path,), lenient=source.lenient)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False  # reading it as a capture says what is wrong


def _is_redacted(recording: Recording) -> bool:
    return any(header.redacted for header in getattr(recording, "headers", ()))


def _two_versions(wishes: Wishes) -> int:
    from hotdesk_daemon.app.replaying import Replay
    from hotdesk_daemon.app.replaying.lines import versus_line
    from hotdesk_daemon.app.replaying.versions import compare_versions, other_version

    assert wishes.against_version is not None  # noqa: S101 - why we are called
    with (
        wishes.source.open() as recording,
        other_version(wishes.against_version, _words(wishes)) as other,
        following(recording) as tick,
    ):
        replay = Replay(recording, desks=wishes.desks, until=wishes.until)
        found = compare_versions(replay, other, tick=tick)
    click.echo(clean(f"expected is what {other.software} at {wishes.against_version} does"), err=True)
    lines = [versus_line(one, names=wishes.names) for one in found]
    _show(wishes, lines, headers=("desk", "steps", "verdict"))
    return _FAILED if any(one.divergence is not None for one in found) else 0


def _words(wishes: Wishes) -> Iterator[str]:
    """What the other version is to replay."""
    source = wishes.source
    if source.files:
        yield from (str(path.absolute()) for path in source.files)
        yield from ["--lenient"] if source.lenient else []
    else:
        yield from ("--journal", source.journal_url.removeprefix("sqlite:///"))
    for desk in wishes.desks:
        yield from ("--desk", desk)
    if wishes.until is not None:
        yield from ("--until", wishes.until.isoformat())


def _show(wishes: Wishes, lines: Sequence[Fact], *, headers: Sequence[str]) -> None:
    from hotdesk_daemon.app.replaying.lines import encode_line

    if wishes.as_json:
        for line in lines:
            click.echo(safe_json(encode_line(line)), nl=False)
        return
    show_table(headers, [_row(line, headers) for line in lines])
    for line in lines:
        for found in (line["divergence"], line.get("state")):
            if found is not None:
                print_lines(["", *divergence_lines(line["desk"], found)])


def _row(line: Fact, headers: Sequence[str]) -> list[object]:
    verdict = "diverges" if line["divergence"] is not None else "the same"
    if line["divergence"] is None and line["steps"] < line.get("common", 0):
        verdict = "the same as far as it can be compared"
    if line["divergence"] is None and line.get("state") is not None:
        verdict = "the same steps, another state"
    if line.get("common") == 0:
        verdict = "nothing in common"
    return [verdict if name == "verdict" else line[name.replace(" ", "_")] for name in headers]
