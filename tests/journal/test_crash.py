from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import SqlJournal
from tests.journal.values import now, record

ROOT = Path(__file__).parents[2]


def kill_a_busy_writer(url: str, *, after_lines: int) -> dict[DeskId, int]:
    """What the writer had said was durable when it was killed, per desk."""
    acknowledged: dict[DeskId, int] = {}
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journal.crash_writer", url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=ROOT,
    ) as writer:
        assert writer.stdout is not None
        for number, line in enumerate(writer.stdout):
            if number == after_lines:
                writer.kill()
            if line.endswith(b"\n"):  # the last one may have been cut
                desk_id, seq = line.decode().split()
                acknowledged[DeskId(desk_id)] = int(seq)
    return acknowledged


@pytest.mark.may_block(reason="waits for a child to be killed; the journal is used afterwards")
@pytest.mark.parametrize("seed", range(5))
async def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(seed: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    acknowledged = kill_a_busy_writer(url, after_lines=random.Random(seed).randrange(400))

    async with SqlJournal.open(url, clock=now) as journal:
        loaded = await journal.load()
        commands = {row.command_id for row in await journal.outbox(limit=100_000)}
        for desk_id, seq in acknowledged.items():
            stored = loaded[desk_id]
            seqs = [r.seq for r in await journal.history(desk_id, limit=100_000)]
            reached = [stored.snapshot.seq if stored.snapshot else 0, *(entry.seq for entry in stored.tail)]

            assert list(range(1, len(seqs) + 1)) == seqs
            assert seq <= len(seqs)
            assert (None, len(seqs)) == (stored.missing_seq, reached[-1])
            assert {f"{desk_id}.c{n}" for n in seqs} <= commands
            await journal.append([record(len(seqs) + 1, desk_id=desk_id)])
