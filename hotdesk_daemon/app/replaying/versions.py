"""
Two installed versions held against each other: both replay the same recording, and the steps are compared.

The other one runs as a process of its own and tells its steps as ``replay --steps --format json`` does (`lines`). Its
lines and ours come in the same order, so nothing is kept but the line at hand.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.app.replaying.differing import differences
from hotdesk_daemon.app.replaying.divergence import Divergence, why_other
from hotdesk_daemon.app.replaying.facts import Fact
from hotdesk_daemon.app.replaying.lines import VERSION, encode_line, step_line
from hotdesk_daemon.core.errors import ConfigError, PermanentError
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import IO

    from hotdesk_daemon.app.replaying.differing import Difference
    from hotdesk_daemon.app.replaying.replay import Replay, Taken

#: What of a step is compared; what it changed in the state is told beside it.
_SAID: Final = ("reasons", "commands", "refusal")
#: What is ours alone would be read by the other one too.
_OURS: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV")
_GOOD: Final = frozenset({0, 1})
_END_S: Final = 10.0
_LAST_WORDS: Final = 2000


@attrs.define(eq=False, kw_only=True)
class Versus:
    """
    What was found of one desk.

    ``steps`` were compared. ``divergence`` is the first that the two decide differently: expected is the other
    version's. ``state`` is the first that leaves another state behind, though both say the same.
    """

    desk: DeskId
    steps: int = 0
    divergence: Divergence | None = None
    state: Divergence | None = None


@attrs.frozen(kw_only=True)
class OtherVersion:
    """Another version while it replays: its name, and its steps, line by line."""

    software: str
    steps: Iterator[Fact]


@contextmanager
def other_version(program: Path, words: Iterable[str]) -> Iterator[OtherVersion]:
    """
    Have *program*, which is another version's ``hotdesk-daemon`` or the python it is installed in, replay.

    Args:
        program: what to start.
        words: what it is to replay, as arguments of ``replay``.

    Raises:
        ConfigError: it cannot be started, or tells its steps in no way that we know.
        PermanentError: it failed; also while its steps are read.
    """
    command = [*_start(program), "replay", *words, "--steps", "--names", "--format", "json"]
    environ = {name: value for name, value in os.environ.items() if name not in _OURS}
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - what the person named
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environ
            )
        except OSError as exc:
            raise ConfigError(f"{program}: cannot be started: {exc.strerror or exc}") from exc
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            lines = _lines(process, process.stdout, said, program=program)
            head = next(lines, {})
            if head.get("type") != "replay" or head.get("version") != VERSION:
                raise ConfigError(f"{program}: tells its steps in no way that this version knows")
            yield OtherVersion(
                software=str(head.get("software")), steps=(line for line in lines if line["type"] == "step")
            )
        finally:
            process.kill()
            process.wait(_END_S)
            process.stdout.close()


def _start(program: Path) -> list[str]:
    """A python does not look for the package where we happen to stand."""
    path = str(program.absolute())  # not resolved: a link tells a python which environment it is of
    return [path, "-P", "-m", "hotdesk_daemon"] if program.name.startswith(("python", "pypy")) else [path]


def _lines(process: subprocess.Popen[bytes], out: IO[bytes], said: IO[bytes], *, program: Path) -> Iterator[Fact]:
    for line in out:
        try:
            fact: Fact = msgspec.json.decode(line, type=dict)
        except msgspec.DecodeError:
            break
        yield fact
    code = process.wait(_END_S)
    if code not in _GOOD:
        said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_WORDS))
        last = said.read().decode(errors="replace").strip()
        raise PermanentError(f"{program} ended with status {code}: {last or 'it said nothing'}")


def compare_versions(replay: Replay, other: OtherVersion, *, tick: Callable[[], object] | None = None) -> list[Versus]:
    """
    Replay here what the other version replays, and compare step by step.

    Raises:
        PermanentError: the other one failed, or did not replay the same inputs.
    """
    found: dict[DeskId, Versus] = {}
    for taken in replay.steps():
        theirs = next(other.steps, None)
        desk_id, seq = taken.entry.desk_id, taken.entry.seq
        if theirs is None or (theirs["desk"], theirs["seq"]) != (desk_id, seq):
            place = "its end" if theirs is None else f"input {theirs['seq']} of {theirs['desk']}"
            raise PermanentError(f"the other version came to {place} where this one has input {seq} of {desk_id}")
        versus = found.get(desk_id)
        if versus is None:
            versus = found[desk_id] = Versus(desk=desk_id)
        versus.steps += 1
        if versus.divergence is None:
            _hold_against(versus, theirs, taken)
        if tick is not None:
            tick()
    return [found[desk_id] for desk_id in sorted(found)]


def _hold_against(versus: Versus, theirs: Fact, taken: Taken) -> None:
    ours = msgspec.json.decode(encode_line(step_line(taken, names=True)))
    if ("reasons" in ours) != ("reasons" in theirs):
        which = "this version" if "reasons" not in ours else "the other version"
        versus.divergence = _told(theirs, (), why=f"{which} cannot read or decide it")
        return
    said = tuple(differences(_said(theirs), _said(ours), only_common=True))
    changed = tuple(differences(_changed(theirs), _changed(ours)))
    if said:
        versus.divergence = _told(theirs, said, why=why_other(said))
    elif changed and versus.state is None:
        versus.state = _told(theirs, changed, why="both say the same, but leave another state behind")


def _said(line: Fact) -> Fact:
    return {name: line.get(name) for name in _SAID}


def _changed(line: Fact) -> Fact:
    """What a step changed, by path."""
    return {each["path"]: [each.get("before"), each.get("after")] for each in line.get("changes", ())}


def _told(line: Fact, found: tuple[Difference, ...], *, why: str) -> Divergence:
    return Divergence(
        desk=DeskId(line["desk"]),
        seq=line["seq"],
        journal_seq=line.get("journal_seq", 0),
        at=datetime.fromisoformat(line["at"]),
        source=line["source"],
        kind=line["kind"],
        given=line.get("input", {}),
        why=why,
        differences=found,
    )
