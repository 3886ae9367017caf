"""Short histories to replay: a story that is decided by the real core, recorded, and put into a real journal."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import msgspec

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.captures.lines import FORMAT, VERSION, Header
from hotdesk_daemon.captures.writing import CaptureWriter, capture_file
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import PeopleCount
from hotdesk_daemon.core.policy import Policy
from hotdesk_daemon.journal import Entry, Record, SqlJournal
from tests.core.story import T0, U2, A, Story, created, requested

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Step

#: What nobody is shown unasked.
TITLE = "Plans for the move"
PERSON = "person@example.com"


@attrs.define(kw_only=True)
class History(Story):
    """A story of which every step is kept as the daemon would record it."""

    records: list[Record] = attrs.field(factory=list)

    def feed(self, *inputs: Input) -> Step:
        for given in inputs:
            step = super().feed(given)
            self.records.append(
                Record(
                    desk_id=self.desk.desk_id,
                    seq=self.desk.seq,
                    at=self.now,
                    mono=self.now.timestamp(),
                    source=f"device:{device}" if (device := getattr(given, "device", None)) else "daemon",
                    kind=type(given).__name__,
                    input=given,
                    reasons=step.reasons,
                    commands=step.commands,
                    refusal=step.refusal,
                )
            )
        return self.steps[-1]


def morning(name: str = "osl-4-014", *, max_duration_min: int | None = 60) -> History:
    """A booking that the rules allow and that ends, one that is too long and is deleted, and people in between."""
    history = History(desk=Desk(desk_id=DeskId(name)), policy=Policy(max_duration_min=max_duration_min))
    history.start()
    history.book_at_device(last=30)
    history.wait(5)
    history.feed(*(PeopleCount(device=A, value=count) for count in (1, 2, 1)))
    history.wait(60)
    history.feed(
        requested(U2, at=70, last=240, title=TITLE),
        created(U2, uuid=U2, at=70, last=240, title=TITLE, email=PERSON),
    )
    if history.handed:
        history.send()
    history.wait(30)
    return history


def in_turn(*histories: History) -> list[Record]:
    """Their records in the order of time, as one journal has them."""
    return sorted(
        (record for each in histories for record in each.records), key=lambda record: (record.at, record.mono)
    )


def write_journal(path: Path, records: Sequence[Record]) -> Path:
    """A real journal that holds *records*."""

    async def write() -> None:
        async with SqlJournal.open(f"sqlite:///{path}", clock=lambda: records[-1].at) as journal:
            await journal.append(records)

    asyncio.run(write())
    return path


def write_capture(path: Path, journal: Path, *, steps: bool = True, packed: bool = False) -> Path:
    """A real capture of all that *journal* holds, with the *steps* or without."""
    header = Header(
        format=FORMAT,
        version=VERSION,
        written_at=T0,
        software="tests",
        origin="journal",
        redacted=False,
        steps=steps,
    )
    with opened(journal) as recording, capture_file(path) as file:
        writer = CaptureWriter(file, header, packed=packed)
        for entry in recording.entries():
            assert isinstance(entry, Entry)
            writer.write(entry if steps else msgspec.structs.replace(entry, reasons=None, commands=None, refusal=None))
        writer.end()
    return path


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    """The journal at *path*, to be gone through."""
    with recorded(f"sqlite:///{path}") as recording:
        yield recording
