"""Making a capture of what other tools have written: the whole, from files to a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon import __version__
from hotdesk_daemon.captures.importing.gathering import Options, gather
from hotdesk_daemon.captures.importing.history import entries_of, plan_desks
from hotdesk_daemon.captures.importing.kinds import Kind
from hotdesk_daemon.captures.keys import fresh_key, kept_key, key_name
from hotdesk_daemon.captures.lines import FORMAT, VERSION, Header
from hotdesk_daemon.captures.problems import Problems
from hotdesk_daemon.captures.redaction import Redactor
from hotdesk_daemon.captures.writing import CaptureWriter, capture_file
from hotdesk_daemon.core.inputs import CalendarKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from hotdesk_daemon.captures.importing.gathering import Gathered
    from hotdesk_daemon.captures.importing.history import DeskPlan
    from hotdesk_daemon.core.ids import DeskId

__all__ = ["Import", "Imported", "ToImport", "capture_file"]

#: What everything may be said to be; unless it is, each part tells by itself.
KINDS: Final[Mapping[str, Kind]] = {"messages": Kind.MESSAGE, "frames": Kind.FRAME, "list": Kind.LIST}


@attrs.frozen(kw_only=True)
class ToImport:
    """
    What is to be imported, and what whoever asks knows of it.

    ``kind`` is a name of `KINDS`; see `Options` for the rest. ``state_dir`` is where the key of the pseudonyms is kept,
    None if there is none. ``lenient`` leaves out what cannot be used.
    """

    files: tuple[Path, ...]
    kind: str | None = None
    desk: str | None = None
    device: str | None = None
    calendar: CalendarKind | None = None
    at: datetime | None = None
    zone: tzinfo = UTC
    lenient: bool = False
    redacted: bool = True
    packed: bool = False
    state_dir: Path | None = None


@attrs.frozen(kw_only=True)
class Imported:
    """
    What was written.

    ``desks`` are as the capture calls them; ``notes`` is what was guessed, ``problems`` what is wrong with the files.
    """

    inputs: int
    desks: tuple[str, ...]
    size_bytes: int
    first_at: datetime
    last_at: datetime
    notes: tuple[str, ...]
    problems: tuple[str, ...]


class Import:
    """One import; ``progress`` tells how much of it is done, from 0 to 1."""

    def __init__(self, wanted: ToImport) -> None:
        self.progress = 0.0
        self._wanted = wanted
        self._tick: Callable[[], None] | None = None

    def write(self, sink: IO[bytes], *, tick: Callable[[], None] | None = None) -> Imported:
        """
        Write what the files tell to *sink*, as a capture; *tick* is called now and then.

        Raises:
            ConfigError: a file cannot be used, or is refused with the reason; nothing was written.
        """
        self._tick = tick
        wanted, problems = self._wanted, Problems(is_lenient=self._wanted.lenient)
        gathered = self._gather(problems)
        told = gathered.told
        plans = plan_desks(told, calendar=wanted.calendar)
        notes = [*_about_desks(plans), *gathered.notes]
        redactor, pseudonyms = None, None
        if wanted.redacted:
            key = kept_key(wanted.state_dir) if wanted.state_dir is not None else fresh_key()
            redactor, pseudonyms = Redactor(key=key), key_name(key)
            if wanted.state_dir is None:
                notes.append("the pseudonyms are of this capture alone; another one has others for the same persons")
        header = Header(
            format=FORMAT,
            version=VERSION,
            written_at=datetime.now(UTC),
            software=f"hotdesk-daemon {__version__}",
            origin="import",
            redacted=wanted.redacted,
            steps=False,
            pseudonyms=pseudonyms,
            notes=tuple(notes),
        )
        writer = CaptureWriter(sink, header, packed=wanted.packed)
        for entry in entries_of(told, plans, version=__version__):
            writer.write(entry if redactor is None else redactor.entry(entry))
            self._advance(0.5 + (entry.at - told[0].at) / ((told[-1].at - told[0].at) or timedelta(1)) / 2)
        writer.end()
        return Imported(
            inputs=writer.inputs,
            desks=tuple(redactor.desk_id(desk) if redactor is not None else desk for desk in plans),
            size_bytes=writer.size_bytes,
            first_at=told[0].at,
            last_at=told[-1].at,
            notes=tuple(notes),
            problems=tuple(problems.told()),
        )

    def _gather(self, problems: Problems) -> Gathered:
        wanted = self._wanted
        options = Options(
            kind=KINDS[wanted.kind] if wanted.kind is not None else None,
            desk=wanted.desk,
            device=wanted.device,
            at=wanted.at,
            zone=wanted.zone,
        )
        size = sum(path.stat().st_size for path in wanted.files if path.is_file()) or 1
        return gather(wanted.files, options, problems=problems, tick=lambda done: self._advance(done / size / 2))

    def _advance(self, progress: float) -> None:
        self.progress = min(progress, 1.0)
        if self._tick is not None:
            self._tick()


def _about_desks(plans: Mapping[DeskId, DeskPlan]) -> list[str]:
    """What was made up so that there are desks."""
    notes = ["desks have no rules here, are at stage observe, and begin with the first message"]
    for kind in sorted({plan.calendar for plan in plans.values() if plan.is_calendar_guessed}):
        count = sum(plan.is_calendar_guessed and plan.calendar is kind for plan in plans.values())
        desks = "1 desk" if count == 1 else f"{count} desks"
        notes.append(f"{desks}: the calendar is taken for {kind.value}; --calendar says otherwise")
    return notes
