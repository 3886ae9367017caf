"""
Running a journal's inputs through the core again: the same steps must come of it, on any machine.

Nothing is sent and nothing written. A step that comes out different from what was recorded is told with what was
expected; everything behind it in that desk's history follows from another state, so only the first is.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk, OpenCommand
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.steps import Reason
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.entries import read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Entry, StoredRecord

_NOTHING: Final = b"[]"


@attrs.frozen(kw_only=True)
class StepView:
    """One step: the input's number, moment, source and kind, and what came of it."""

    desk: DeskId
    seq: int
    at: datetime
    source: str
    kind: str
    reasons: tuple[Reason, ...]
    commands: tuple[OpenCommand, ...]
    refusal: str | None


@attrs.frozen(kw_only=True)
class Divergence:
    """The first step of a desk that came out otherwise: what part of it, as it is recorded and as it came."""

    seq: int
    kind: str
    part: str
    recorded: str
    replayed: str


@attrs.frozen(kw_only=True)
class Replayed:
    """
    What came of a desk's history.

    ``steps`` is how many inputs were decided, ``unreadable`` how many this version could not read. ``begins`` is the
    number of the first record. Unless ``is_known`` some of the history is missing, the beginning or a part between,
    and from there on nothing was compared. ``digest`` is over every step and the last state.
    """

    desk: DeskId
    steps: int
    unreadable: int
    begins: int
    is_known: bool
    digest: str
    divergence: Divergence | None
    state: Desk = attrs.field(repr=False)


def replay(
    recording: Recording,
    *,
    desks: Collection[DeskId] = (),
    until: datetime | None = None,
    watch: Callable[[StepView], None] | None = None,
) -> list[Replayed]:
    """Replay the desks named, or all, up to the moment *until*; *watch* sees every step as it comes."""
    tracks: dict[DeskId, _Track] = {}
    for item in recording.entries(desks=desks, until=until):
        track = tracks.get(item.desk_id)
        if track is None:
            track = tracks[item.desk_id] = _Track(Desk(desk_id=item.desk_id))
        if isinstance(item, Desk):
            track.begin(item)
        else:
            step = track.take(item)
            if watch is not None and step is not None:
                watch(_view(item, step))
    return [tracks[desk_id].result() for desk_id in sorted(tracks)]


class _Track:
    """One desk on its way through its history."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.steps = self.unreadable = self.begins = 0
        self.divergence: Divergence | None = None
        self._digest = hashlib.sha256()
        self._is_known = True

    def begin(self, desk: Desk) -> None:
        """Go on from *desk*."""
        self.desk = desk
        self._is_known = True

    def take(self, entry: Entry) -> Step | None:
        """Decide *entry* and compare; None if it cannot be read or decided."""
        self.begins = self.begins or entry.seq
        if self.desk.seq != entry.seq - 1:
            self._is_known = False
            self.desk = attrs.evolve(self.desk, seq=entry.seq - 1)
        try:
            given = codec.decode_input(entry.kind, entry.input)
        except UndecodableError:
            self.unreadable += 1
            self.desk = attrs.evolve(self.desk, seq=entry.seq)
            return None
        try:
            step = decide(self.desk, given, now=entry.at)
        except Exception as exc:  # noqa: BLE001 - a mistake of ours in one step must not hide what the others say
            self.divergence = self.divergence or _undecided(entry, exc)
            self.desk = attrs.evolve(self.desk, seq=entry.seq)
            return None
        self.desk = step.desk
        self.steps += 1
        reasons = codec.encode_reasons(step.reasons) if step.reasons else _NOTHING
        commands = codec.encode_commands(step.commands) if step.commands else _NOTHING
        self._digest.update(reasons)
        self._digest.update(commands)
        is_the_same = reasons == entry.reasons and commands == (entry.commands or _NOTHING)
        if not is_the_same and self.divergence is None and self._is_known and entry.reasons is not None:
            self.divergence = _compared(read_back(entry), step)
        return step

    def result(self) -> Replayed:
        self._digest.update(codec.digest_desk(self.desk).encode())
        return Replayed(
            desk=self.desk.desk_id,
            steps=self.steps,
            unreadable=self.unreadable,
            begins=self.begins,
            is_known=self._is_known,
            digest=self._digest.hexdigest(),
            divergence=self.divergence,
            state=self.desk,
        )


def _undecided(entry: Entry, exc: Exception) -> Divergence:
    return Divergence(
        seq=entry.seq,
        kind=entry.kind,
        part="decision",
        recorded=_text(read_back(entry).reasons),
        replayed=f"{type(exc).__name__}: {exc}",
    )


def _view(entry: Entry, step: Step) -> StepView:
    return StepView(
        desk=entry.desk_id,
        seq=entry.seq,
        at=entry.at,
        source=entry.source,
        kind=entry.kind,
        reasons=step.reasons,
        commands=step.commands,
        refusal=step.refusal,
    )


def _compared(record: StoredRecord, step: Step) -> Divergence | None:
    """What of *record* is not what *step* says; what this version cannot read is no difference."""
    if record.faults:
        return None
    parts: tuple[tuple[str, Any, Any], ...] = (
        ("reasons", record.reasons, step.reasons),
        ("commands", record.commands, step.commands),
    )
    for part, recorded, replayed in parts:
        if recorded != replayed:
            return Divergence(
                seq=record.seq, kind=record.kind, part=part, recorded=_text(recorded), replayed=_text(replayed)
            )
    return None


def _text(values: Iterable[Any]) -> str:
    """Values in a line: codes and texts of reasons, or commands with their states."""
    return "; ".join(
        f"{value.code}: {value.text}"
        if hasattr(value, "code")
        else f"{value.command.path} {value.state.value} {msgspec.json.encode(value).decode()}"
        for value in values
    )
