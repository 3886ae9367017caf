"""From the journal to desks: the last snapshot, and what came after it, through the same core as when it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import CommandState, Desk
from hotdesk_daemon.core.inputs import CommandSending, DaemonStarted, DeskConfigured, Input
from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Stored
    from hotdesk_daemon.journal.records import TailEntry


class Past:
    """
    What is known of the desks that nobody serves, or not yet.

    Args:
        stored: what the journal has.
        first_seq: behind which number a desk begins that the journal does not know.
        is_doubtful: whether more may have been done than the journal knows, because it is a copy or a new one in the
            place of a damaged one.

    ``last_stop`` is how the run before ended, as `DaemonStarted` has it.
    """

    def __init__(
        self, stored: Mapping[DeskId, Stored] | None = None, *, first_seq: int = 0, is_doubtful: bool = False
    ) -> None:
        self._stored = {**(stored or {})}
        self._states: dict[DeskId, Desk] = {}
        self._first_seq = first_seq
        self._is_doubtful = is_doubtful
        self.last_stop = ""

    def take(self, desk_id: DeskId, settings: DeskConfigured, *, version: str) -> tuple[Desk, tuple[Input, ...]]:
        """A desk's state, which is its worker's from now on, and the first inputs of its new life."""
        desk = self._states.pop(desk_id, None)
        if desk is not None:
            return desk, beginning(desk, settings, version=version)
        stored = self._stored.pop(desk_id, None)
        desk = rebuild(desk_id, stored) if stored is not None else Desk(desk_id=desk_id, seq=self._first_seq)
        inputs = beginning(desk, settings, version=version, last_stop=self.last_stop, is_doubtful=self._is_doubtful)
        return desk, inputs

    def keep(self, desk: Desk) -> None:
        """A desk is served no more."""
        self._states[desk.desk_id] = desk

    def forget(self, desk_id: DeskId, *, seq: int) -> None:
        """The journal has forgotten a desk after *seq* inputs."""
        self._stored.pop(desk_id, None)
        self._states[desk_id] = Desk(desk_id=desk_id, seq=seq)

    def states(self) -> Iterable[Desk]:
        """The state of every one of them."""
        for desk_id in sorted(self._stored):
            self._states[desk_id] = rebuild(desk_id, self._stored.pop(desk_id))
        return list(self._states.values())


def rebuild(desk_id: DeskId, stored: Stored | None) -> Desk:
    """
    The state that *stored* leads to; a desk without history begins empty.

    A record that this version cannot read, or cannot decide, is passed over: it stays in the journal, and the list
    after the next connect corrects what it would have done.
    """
    desk = Desk(desk_id=desk_id)
    if stored is None:
        return desk
    if stored.snapshot is not None:
        desk = stored.snapshot
    for entry in stored.tail:
        if isinstance(entry.input, Input):
            desk = _replayed(desk, entry.input, entry)
        if desk.seq != entry.seq:
            desk = attrs.evolve(desk, seq=entry.seq)
    return desk


def _replayed(desk: Desk, given: Input, entry: TailEntry) -> Desk:
    try:
        return decide(desk, given, now=entry.at).desk
    except Exception as exc:  # noqa: BLE001 - one record of one desk must not keep the whole site from starting
        task = f"replay {type(given).__name__}"
        get_log().error("task.failed", desk_id=desk.desk_id, journal_seq=entry.seq, task=task, exc_info=exc)
        return desk


def beginning(
    desk: Desk, settings: DeskConfigured, *, version: str, last_stop: str = "", is_doubtful: bool = False
) -> tuple[Input, ...]:
    """
    The first inputs of a run: the settings where they are new, and that we have started.

    Of a state that *is_doubtful* nobody knows whether what was to be sent has been: the devices are asked first, as
    after a kill in the middle of sending.
    """
    held = DeskConfigured(
        desk=desk.desk_id,
        calendar=desk.calendar,
        devices=tuple(desk.devices),
        stage=desk.stage,
        policy=desk.policy,
        **{name: getattr(desk, name) for name in _NUMBERS},
    )
    inputs: list[Input] = [*_perhaps_sent(desk)] if is_doubtful else []
    if not desk.seq or held != settings:
        inputs.append(settings)
    return (*inputs, DaemonStarted(version=version, last_stop=last_stop))


def _perhaps_sent(desk: Desk) -> Iterable[CommandSending]:
    for command in desk.commands.values():
        device = command.device or next(iter(desk.devices), None)
        if command.state is CommandState.PENDING and device is not None:
            yield CommandSending(command_id=command.command_id, device=device, attempt=command.attempts + 1)


_NUMBERS = tuple(
    field.name for field in attrs.fields(DeskConfigured) if field.name.endswith("_s") and field.type in ("int", int)
)
