"""A packed file that was cut off is known as one, wherever it was cut."""

from __future__ import annotations

import io
import random

import pytest
import zstandard

from hotdesk_daemon.captures.frames import Frames

TEXT = random.Random(1).randbytes(300_000)


def packed(data: bytes, *, checksum: bool = True, sized: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=sized).compress(data)


def is_whole(data: bytes, *, at_once: int = 8_192) -> bool:
    frames = Frames(io.BytesIO(data))
    while frames.read(at_once):
        pass
    return frames.is_whole


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize("data", [b"", b"a", b"a" * 1_000_000, TEXT], ids=["none", "one", "alike", "many blocks"])
def test_a_whole_frame_is_whole_however_it_is_read(data: bytes, *, checksum: bool, sized: bool) -> None:
    frame = packed(data, checksum=checksum, sized=sized)

    assert is_whole(frame)
    assert is_whole(frame + frame, at_once=1 if len(frame) < 1_000 else 997)
    assert not any(is_whole(frame[:cut]) for cut in {1, 5, len(frame) // 3, len(frame) // 2, len(frame) - 1} - {0})


def test_frames_that_are_to_be_skipped_are() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"aside"

    assert is_whole(skippable + packed(b"text") + skippable)
    assert not is_whole(skippable + packed(b"text") + skippable[:-1])
