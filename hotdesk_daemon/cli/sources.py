"""
Where the verbs that look back (`replay`, `explain`, `timeline`, `what-if`) find history: a journal or captures.

`with_source` gives them all the same options: ``--journal FILE``, ``--from FILE`` (repeatable) and ``--lenient``;
without any of them it is the journal of the configuration.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import attrs
import click

from hotdesk_daemon.cli.options import Config, with_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.recordings import StoredRecording

_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True)
_Given: TypeAlias = Any  # whatever click hands to a verb, and the verb returns
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


@attrs.frozen(kw_only=True)
class Source:
    """Where history is read: in *files*, which are captures, else in *journal*, else in the configured journal."""

    config: Config
    journal: Path | None = None
    files: tuple[Path, ...] = ()
    lenient: bool = False

    def __attrs_post_init__(self) -> None:
        if self.files and self.journal is not None:
            raise click.UsageError("either a journal or captures, not both")
        if self.lenient and not self.files:
            raise click.UsageError("--lenient is for captures; a journal is always read as far as it goes")

    @property
    def is_named(self) -> bool:
        """Whether somebody said where, so that it is not the configured journal."""
        return bool(self.files) or self.journal is not None

    @functools.cached_property
    def journal_url(self) -> str:
        """
        The journal as a database address; of no use where there are files.

        Raises:
            ConfigError: no configuration tells it.
        """
        return f"sqlite:///{self.journal.absolute()}" if self.journal is not None else self.config.places().journal_url

    def describe(self) -> str:
        """What is read, for people: the files' names, or the journal's."""
        return ", ".join(map(str, self.files)) if self.files else self.journal_url.removeprefix("sqlite:///")

    @contextmanager
    def open(self) -> Iterator[StoredRecording]:
        """
        The history, to be gone through; what was odd about captures is said on stderr at the end.

        Raises:
            ConfigError: there is none, or it cannot be used; a capture may say so only while it is gone through.
            JournalUnavailableError: the journal cannot be read.
        """
        from hotdesk_daemon.app.recordings import recorded, recorded_files

        if not self.files:
            with recorded(self.journal_url) as recording:
                yield recording
            return
        with recorded_files(self.files, lenient=self.lenient) as captures:
            try:
                yield captures
            finally:
                for line in captures.problems.told():
                    click.echo(line, err=True)


def with_source(verb: _Verb) -> Callable[..., Any]:
    """Give *verb* the options for the configuration and for where history is, as ``source: Source``."""

    @click.option("--journal", type=_FILE, help="A journal's file, instead of the configured one.")
    @click.option("--from", "files", type=_FILE, multiple=True, help="A capture, instead of a journal; - is stdin.")
    @click.option("--lenient", is_flag=True, help="Use what can be used of a capture, and say what cannot.")
    @with_config
    @functools.wraps(verb)
    def sourced(
        *args: _Given, config: Config, journal: Path | None, files: tuple[Path, ...], lenient: bool, **rest: _Given
    ) -> _Given:
        return verb(*args, source=Source(config=config, journal=journal, files=files, lenient=lenient), **rest)

    return sourced
