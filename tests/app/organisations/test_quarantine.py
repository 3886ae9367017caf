"""Keeping messages that belong to no desk."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from hotdesk_daemon.app.organisations import quarantine
from hotdesk_daemon.app.organisations.quarantine import Quarantine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AT = datetime(2026, 5, 4, 8, tzinfo=UTC)


def kept(path: Path) -> list[bytes]:
    decoded = (msgspec.json.decode(line) for line in path.read_bytes().splitlines())
    return [msgspec.convert(each["raw"], bytes) for each in decoded]


def test_what_is_kept_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "org.jsonl"
    box = Quarantine(path)
    for raw in (b"one", b"\xff\x00", b""):
        box.keep(raw, error="means nothing", at=AT)

    assert [b"one", b"\xff\x00", b""] == kept(path)
    assert 0o600 == path.stat().st_mode & 0o777


def test_many_at_once_at_the_limit_lose_nothing_but_what_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "LIMIT_BYTES", 2_000)
    path = tmp_path / "org.jsonl"
    box, errors = Quarantine(path), list[OSError]()

    def write() -> None:
        for _ in range(100):
            try:
                box.keep(b"x" * 700, error="e", at=AT)
            except OSError as exc:
                errors.append(exc)

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [] == errors
    assert {b"x" * 700} == {*kept(path.with_suffix(".jsonl.1"))}
    assert 2_000 <= path.with_suffix(".jsonl.1").stat().st_size <= 4_000


def test_an_endless_message_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "org.jsonl"
    Quarantine(path).keep(b"x" * (3 << 20), error="long", at=AT)

    assert [1 << 20] == [len(raw) for raw in kept(path)]
