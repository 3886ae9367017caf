"""``journal``: what the store of everything holds, whether it is sound, and taking out of it what must not be there."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import attrs
import click

from hotdesk_daemon.cli import journal_shown as shown
from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.times import whole_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdesk_daemon.app.journal_tools import Retention

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class _Place(NamedTuple):
    """The journal that is meant: its address, where the rest of the state is, and how long things are kept."""

    url: str
    state_dir: Path
    retention: Retention


def _with_journal(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give *verb* the options for a journal and for the form of what it shows."""
    option = click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
    return option(with_config(with_format(verb)))


def _place(config: Config, journal: Path | None) -> _Place:
    from hotdesk_daemon.app.journal_care import retention_of
    from hotdesk_daemon.ops.settings import JournalSettings

    if journal is not None:
        file = journal.absolute()
        return _Place(f"sqlite:///{file}", file.parent, retention_of(JournalSettings()))
    settings = config.look()
    return _Place(settings.journal_url, settings.daemon.state_dir.absolute(), retention_of(settings.journal))


@click.group("journal")
def command() -> None:
    """Look after the journal: measure, verify, prune and copy it, and erase a person."""


@command.command("stats")
@click.option("--top", type=click.IntRange(0, 10_000), default=10, show_default=True, help="The largest so many desks.")
@_with_journal
def stats(config: Config, journal: Path | None, *, top: int, as_json: bool) -> None:
    """Show what the journal holds, how it grows, and what retention would take out; beside a running daemon."""
    place = _place(config, journal)
    from hotdesk_daemon.app import journal_tools

    shown.show_stats(journal_tools.stats(place.url, place.retention, top=top), as_json=as_json)


@command.command("verify")
@_with_journal
def verify(config: Config, journal: Path | None, *, as_json: bool) -> int:
    """
    Look at all of the journal: the file, every record, and whether everything agrees; beside a running daemon.

    It says what is wrong and what to do about it, and ends with exit code 1 if anything is.
    """
    place = _place(config, journal)
    from hotdesk_daemon.app import journal_tools

    def tell(count: int) -> None:
        talk(f"{count} records")

    with _talk() as talk, journal_tools.look(place.url, progress=tell) as (findings, looked):
        found = list(findings)
    shown.show_findings(found, looked, as_json=as_json)
    return 1 if any(finding.is_wrong for finding in found) else 0


@command.command("prune")
@click.option("--before", help="Take out records before this moment, a time with offset.")
@click.option("--keep", help='Keep records so long, such as "30d", instead of what is configured.')
@click.option("--keep-raw", help="Keep the messages as they came so long.")
@click.option("--keep-commands", help="Keep settled commands so long.")
@click.option("--max-size", help='Take out the oldest beyond this size, such as "5GiB".')
@click.option("--compact", is_flag=True, help="Give all free room back; needs as much room again while it works.")
@click.option("--dry-run", "-n", is_flag=True, help="Only tell what would go.")
@_with_journal
def prune(
    config: Config,
    journal: Path | None,
    *,
    before: str | None,
    compact: bool,
    dry_run: bool,
    as_json: bool,
    **limits: str | None,
) -> None:
    """
    Take out what is older than it has to be, by the configuration or as told.

    A daemon does so by itself every hour; while one runs this is refused. What desks' states are rebuilt from stays.
    """
    moment = whole_time(before, option="--before")
    if moment is not None and limits["keep"] is not None:
        raise click.UsageError("--before and --keep do not go together")
    place = _place(config, journal)
    from hotdesk_daemon.app import journal_tools

    horizons = journal_tools.horizons(place.url, _limited(place.retention, limits), before=moment)
    if dry_run:
        shown.show_doomed(journal_tools.would_prune(place.url, horizons), as_json=as_json)
        return
    with _talk() as talk:
        pruned = journal_tools.prune_now(
            place.url, horizons, compact=compact, progress=lambda so_far: talk(f"{so_far.records} records")
        )
    shown.show_pruned(pruned, as_json=as_json)


@command.command("erase")
@click.argument("person")
@click.argument("files", nargs=-1, type=_FILE)
@click.option("--dry-run", "-n", is_flag=True, help="Only tell what they are known by and where they stand.")
@_with_journal
def erase(
    config: Config, journal: Path | None, person: str, files: tuple[Path, ...], *, dry_run: bool, as_json: bool
) -> int:
    """
    Replace PERSON, named by e-mail address, id or name, by a pseudonym wherever the daemon keeps anything.

    That is the journal, journals that were put aside, and all else in the state directory; captures and copies of
    journals are named as FILES. The daemon has to be stopped. In the end every byte of all of it is looked at; exit
    code 1 if anything is left.
    """
    place = _place(config, journal)
    from hotdesk_daemon.app.erasure import erase_person

    with _talk() as talk:
        done = erase_person(
            person,
            url=place.url,
            state_dir=place.state_dir,
            files=[file.absolute() for file in files],
            dry_run=dry_run,
            progress=talk,
        )
    shown.show_erased(done, dry_run=dry_run, as_json=as_json)
    return 1 if done.left and not dry_run else 0


@command.command("backup")
@click.argument("file", type=_FILE)
@_with_journal
def backup(config: Config, journal: Path | None, file: Path, *, as_json: bool) -> None:
    """Copy the journal to FILE, beside a running daemon: whole, verified, and in place of an older copy at once."""
    place = _place(config, journal)
    from hotdesk_daemon.app import journal_tools

    def tell(pages: int, of: int) -> None:
        talk(f"{100 * pages // max(of, 1)} %")

    with _talk() as talk:
        done = journal_tools.back_up(place.url, file, progress=tell)
    shown.show_backup(done, as_json=as_json)


# --- what they share -------------------------------------------------------------------------------------------------


def _limited(retention: Retention, limits: dict[str, str | None]) -> Retention:
    """*retention* with what the options say instead."""
    from hotdesk_daemon.ops.settings.units import parse_duration, parse_size

    def read(name: str, parse: Callable[[str], Any], example: str) -> Any:  # noqa: ANN401 - what is parsed
        text = limits[name]
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as exc:
            option = f"--{name.replace('_', '-')}"
            raise click.BadParameter(f'{exc}; write one such as "{example}"', param_hint=option) from None

    def duration(text: str) -> timedelta:
        return timedelta(seconds=parse_duration(text))

    chosen = {
        "records": read("keep", duration, "30d"),
        "raw": read("keep_raw", duration, "30d"),
        "commands": read("keep_commands", duration, "30d"),
        "size_bytes": read("max_size", parse_size, "5GiB"),
    }
    return attrs.evolve(retention, **{name: value for name, value in chosen.items() if value is not None})


@contextmanager
def _talk() -> Iterator[Callable[[str], None]]:
    """Tell a person at a terminal how far it is, in one line that goes again."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update
