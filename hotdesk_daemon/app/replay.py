"""
Running a journal's inputs through the core again: the same steps must come of it, on any machine.

Nothing is sent and nothing written. A step that comes out different from what was recorded is told with what was
expected; everything behind it in that desk's history follows from another state, so only the first is.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk, OpenCommand
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.core.steps import Reason
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import StoredRecord


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
    number of the first record: with another one than 1 the beginning is gone, and so is what it led to. ``digest`` is
    over every step and the last state.
    """

    desk: DeskId
    steps: int
    unreadable: int
    begins: int
    digest: str
    divergence: Divergence | None
    state: Desk = attrs.field(repr=False)


def replay_journal(
    url: str,
    *,
    desks: Sequence[DeskId] = (),
    until: datetime | None = None,
    watch: Callable[[StepView], None] | None = None,
) -> Iterator[Replayed]:
    """
    Replay the desks named, or all, one after the other; *watch* sees every step.

    Raises:
        ConfigError: there is no such journal, or it is of another version.
        JournalUnavailableError: it cannot be read.
    """
    with reading(url) as journal:
        for desk in desks or journal.desks():
            yield replay(desk, journal.records(desk), until=until, watch=watch)


def replay(
    desk_id: DeskId,
    records: Iterable[StoredRecord],
    *,
    until: datetime | None = None,
    watch: Callable[[StepView], None] | None = None,
) -> Replayed:
    """Replay one desk's *records*, up to those of the moment *until*."""
    desk, digest = Desk(desk_id=desk_id), hashlib.sha256()
    steps = unreadable = begins = 0
    divergence: Divergence | None = None
    for record in records:
        if until is not None and record.at > until:
            break
        begins = begins or record.seq
        if desk.seq != record.seq - 1:
            desk = attrs.evolve(desk, seq=record.seq - 1)
        if not isinstance(record.input, Input):
            unreadable += 1
            desk = attrs.evolve(desk, seq=record.seq)
            continue
        try:
            step = decide(desk, record.input, now=record.at)
        except Exception as exc:  # noqa: BLE001 - a mistake of ours in one step must not hide what the others say
            undecided = Divergence(
                seq=record.seq,
                kind=record.kind,
                part="decision",
                recorded=_text(record.reasons),
                replayed=f"{type(exc).__name__}: {exc}",
            )
            divergence = divergence or undecided
            desk = attrs.evolve(desk, seq=record.seq)
            continue
        desk, steps = step.desk, steps + 1
        digest.update(_shown(step))
        if divergence is None and begins == 1:
            divergence = _compared(record, step)
        if watch is not None:
            watch(_view(record, step))
    digest.update(codec.digest_desk(desk).encode())
    return Replayed(
        desk=desk_id,
        steps=steps,
        unreadable=unreadable,
        begins=begins,
        digest=digest.hexdigest(),
        divergence=divergence,
        state=desk,
    )


def _view(record: StoredRecord, step: Step) -> StepView:
    return StepView(
        desk=record.desk_id,
        seq=record.seq,
        at=record.at,
        source=record.source,
        kind=record.kind,
        reasons=step.reasons,
        commands=step.commands,
        refusal=step.refusal,
    )


def _shown(step: Step) -> bytes:
    return codec.encode_reasons(step.reasons) + codec.encode_commands(step.commands)


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
