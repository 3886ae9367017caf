"""
One desk on its way through its history: each input decided again, the step counted, digested and compared.

A recorded step is compared as its stored bytes; only where those differ is it read.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.app.replaying.divergence import Divergence, compared, undecided
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Entry

#: What is stored where there is nothing; a journal stores the brackets, a capture leaves them out.
_NOTHING: Final = b"[]"
_DECODERS: Final = codec.INPUT_DECODERS
_UNREADABLE: Final = (KeyError, msgspec.DecodeError, UnicodeDecodeError)


@attrs.frozen(kw_only=True)
class Digests:
    """
    Fingerprints, in hexadecimal, that are the same wherever and however often the same is replayed.

    ``steps`` is of the reasons and refusals of every step, which name no person, so that it is the same for a capture
    that is redacted; ``commands`` of every command as each step left it; ``state`` of the last state.
    """

    steps: str
    commands: str
    state: str


@attrs.frozen(kw_only=True)
class Replayed:
    """
    What came of a desk's history.

    ``inputs`` are all that were met, ``steps`` those that were decided, ``unreadable`` those that this version cannot
    read. ``begins`` and ``ends`` are the numbers of the first and last. ``gaps`` counts where numbers are missing: from
    the first on nothing is compared, for what came before is not known. ``repeated`` counts inputs that came again and
    were passed over. ``compared`` steps were recorded, can be read, and follow from what is known; ``state`` is the
    last.
    """

    desk: DeskId
    inputs: int
    steps: int
    unreadable: int
    repeated: int
    gaps: int
    compared: int
    begins: int
    ends: int
    digests: Digests
    divergence: Divergence | None
    state: Desk = attrs.field(repr=False)

    @property
    def verdict(self) -> str:
        """``diverges``, ``same``, ``partly_same`` where not every step could be compared, ``not_compared`` if none."""
        if self.divergence is not None:
            return "diverges"
        if not self.compared:
            return "not_compared"
        return "same" if self.compared == self.inputs and not self.gaps else "partly_same"


class Track:
    """Where a desk is in its history, and what was found so far."""

    __slots__ = (
        "_commands", "_first", "_gaps", "_inputs", "_is_known", "_next", "_repeated", "_said", "_undecided",
        "_unknown", "_unreadable", "desk", "divergence",
    )  # fmt: skip

    def __init__(self, desk_id: DeskId) -> None:
        self.desk = Desk(desk_id=desk_id)
        self.divergence: Divergence | None = None
        self._is_known = True
        self.forget()

    def forget(self) -> None:
        """Count and digest from here on; the state stays."""
        self._next = self._first = 0  # no input has that number: the next one is looked at more closely
        self._inputs = self._unreadable = self._undecided = self._repeated = self._gaps = self._unknown = 0
        self._said, self._commands = hashlib.sha256(), hashlib.sha256()

    def begin(self, desk: Desk) -> None:
        """Go on from *desk*, unless it is of the past."""
        if desk.seq >= self.desk.seq:
            self.desk = desk
            self._is_known = True

    def take(self, entry: Entry) -> Step | None:
        """Decide *entry*, and compare; None if it cannot be decided, or was already."""
        if entry.seq != self._next and not self._is_to_come(entry.seq):
            return None
        self._next = entry.seq + 1
        self._inputs += 1
        try:
            given = _DECODERS[entry.kind](entry.input)
        except _UNREADABLE:
            self._unreadable += 1
            self.desk = attrs.evolve(self.desk, seq=entry.seq)
            return None
        try:
            step = decide(self.desk, given, now=entry.at)
        except Exception as exc:  # noqa: BLE001 - a mistake of ours in one step must not hide what the others say
            self._undecided += 1
            self.divergence = self.divergence or undecided(entry, exc)
            self.desk = attrs.evolve(self.desk, seq=entry.seq)
            return None
        self.desk = step.desk
        if step.reasons or step.commands or step.refusal is not None:
            self._take_in(entry, step)
        elif entry.reasons != _NOTHING or entry.commands is not None or entry.refusal is not None or not self._is_known:
            self._compare(entry, step, _NOTHING, _NOTHING)
        return step

    def _is_to_come(self, seq: int) -> bool:
        """Look closer at a number that does not simply go on; False if the input was taken before."""
        if seq <= self.desk.seq:
            self._repeated += 1
            return False
        if seq > self.desk.seq + 1:
            self._gaps += 1
            self._is_known = False
            self.desk = attrs.evolve(self.desk, seq=seq - 1)
        self._first = self._first or seq
        return True

    def _take_in(self, entry: Entry, step: Step) -> None:
        """A step that says something."""
        reasons = codec.encode_reasons(step.reasons) if step.reasons else _NOTHING
        number = b"%d " % entry.seq
        refusal = b"" if step.refusal is None else step.refusal.encode()
        self._said.update(b"%b%b%b\n" % (number, reasons, refusal))
        commands = _NOTHING
        if step.commands:
            commands = codec.encode_commands(step.commands)
            self._commands.update(b"%b%b\n" % (number, commands))
        self._compare(entry, step, reasons, commands)

    def _compare(self, entry: Entry, step: Step, reasons: bytes, commands: bytes) -> None:
        """Hold *step* against what is recorded, if it is and if all before it is known."""
        if entry.reasons is None or not self._is_known:
            self._unknown += 1
            return
        if entry.reasons == reasons and (entry.commands or _NOTHING) == commands and entry.refusal == step.refusal:
            return
        if self.divergence is not None:
            return
        found = compared(entry, step)
        if isinstance(found, Divergence):
            self.divergence = found
        elif found is not None:
            self._unknown += 1

    def result(self) -> Replayed:
        """What was found."""
        return Replayed(
            desk=self.desk.desk_id,
            inputs=self._inputs,
            steps=self._inputs - self._unreadable - self._undecided,
            unreadable=self._unreadable,
            repeated=self._repeated,
            gaps=self._gaps,
            compared=self._inputs - self._unreadable - self._undecided - self._unknown,
            begins=self._first,
            ends=self.desk.seq,
            digests=Digests(
                steps=self._said.hexdigest(),
                commands=self._commands.hexdigest(),
                state=codec.digest_desk(self.desk),
            ),
            divergence=self.divergence,
            state=self.desk,
        )


def digest_of_all(found: Iterable[Replayed]) -> str:
    """One fingerprint of all desks."""
    total = hashlib.sha256()
    for one in sorted(found, key=lambda one: one.desk):
        total.update(f"{one.desk} {one.digests.steps} {one.digests.commands} {one.digests.state}\n".encode())
    return total.hexdigest()
