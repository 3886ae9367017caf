"""
The measures of looking back: how fast a long history is replayed, and how long an explanation of it takes.

Both look at the same million inputs, which are made once (`history.py`): a journal, written by the real writer, and a
capture of it, made by the real capture.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Line
from bench.history import BEGINS, history
from bench.wires import ROOT, Child, Words
from hotdesk_daemon.app.capture import Capture, Wanted
from hotdesk_daemon.journal import SqlJournal

if TYPE_CHECKING:
    from bench.measures import Scale
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.journal import Record

#: Records of one append, and between two snapshots of a desk, as the daemon does it.
_BATCH: Final = 2048
_SNAPSHOT_EVERY: Final = 64
_TENTH: Final = 10
_LIMIT_S: Final = 60.0


def replay(scale: Scale) -> list[Line]:
    """One core through a long capture, beside a loop that only decodes it with the same decoders."""
    recorded = _recorded(scale.history_inputs, scale.history_desks)
    found: dict[str, list[Words]] = {"ours": [], "bare": [], "tenth": []}
    for _ in range(scale.rounds):
        for side, rounds in found.items():
            file = recorded / ("tenth.jsonl" if side == "tenth" else "whole.jsonl")
            with Child("bench.replayed", {"side": side, "file": str(file)}) as child:
                rounds.append(child.hear())
    for words in (*found["ours"], *found["bare"]):
        assert words["inputs"] == scale.history_inputs, f"{words['inputs']} inputs were replayed"
    rates = {side: [words["inputs"] / words["cpu_s"] for words in rounds] for side, rounds in found.items()}
    name = f"replay of a capture of {scale.history_inputs:,} inputs, by CPU time"
    memory = [[words["kib"] / 1024 for words in found[side]] for side in ("ours", "tenth")]
    return [
        Line(name=name, unit="inputs/s", ours=rates["ours"], bare=rates["bare"], target=0.4, higher=True),
        Line(
            name="the same, beside what is asked of it", unit="inputs/s",
            ours=rates["ours"], target=100_000, higher=True,
        ),
        Line(
            name="its peak memory (here bare is: with a tenth of the inputs)", unit="MiB",
            ours=memory[0], bare=memory[1], target=1.2,
        ),
    ]  # fmt: skip


def explain(scale: Scale) -> list[Line]:
    """The program `explain`, from its start to its end, on a long journal."""
    journal = _recorded(scale.history_inputs, scale.history_desks) / "journal.sqlite3"
    took_s = [_explain_once(journal, f"desk-{number:04d}") for number in range(max(3, scale.rounds))]
    name = f"explain a desk from a journal of {scale.history_inputs:,} inputs, start of the program included"
    return [Line(name=name, unit="s", ours=took_s, target=1.0)]


def _explain_once(journal: Path, desk: str) -> float:
    words = [sys.executable, "-m", "hotdesk_daemon", "explain", desk, "--journal", str(journal), "--format", "json"]
    began = time.monotonic()
    subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=_LIMIT_S, check=True)
    return time.monotonic() - began


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="hotdesk-bench-")  # goes when the process ends


@cache
def _recorded(inputs: int, desks: int) -> Path:
    """Where `journal.sqlite3`, `whole.jsonl` and `tenth.jsonl` are."""
    folder = Path(_folder().name)
    journal = f"sqlite:///{folder / 'journal.sqlite3'}"
    asyncio.run(_write(journal, inputs, desks))
    with (folder / "whole.jsonl").open("wb") as file:
        Capture(journal, Wanted(redacted=False)).write(file)
    with (folder / "whole.jsonl").open("rb") as whole, (folder / "tenth.jsonl").open("wb") as tenth:
        tenth.writelines(itertools.islice(whole, inputs // _TENTH))
        tenth.write(b'{"type":"end","inputs":%d}\n' % (inputs // _TENTH - 1))
    return folder


async def _write(journal: str, inputs: int, desks: int) -> None:
    async with SqlJournal.open(journal, clock=lambda: BEGINS) as opened:
        steps = history(inputs=inputs, desks=desks)
        while batch := list(itertools.islice(steps, _BATCH)):
            await opened.append([record for record, _ in batch], snapshots=_snapshots(batch))


def _snapshots(batch: list[tuple[Record, Desk]]) -> list[Desk]:
    due = {record.desk_id: desk for record, desk in batch if record.seq % _SNAPSHOT_EVERY == 0 and not desk.buffer}
    return list(due.values())
