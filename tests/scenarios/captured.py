"""A day captured while it goes on, and what comes of it when it is replayed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.capture import Capture, Stop, Wanted
from hotdesk_daemon.app.replaying import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.app.replaying import Replayed

_LIMIT_S: Final = 10.0


@contextmanager
def captured_live(url: str, path: Path) -> Iterator[None]:
    """Capture what comes into the journal at *url* into *path*, redacted, from now until the block ends."""
    stop, is_begun = Stop(), threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with path.open("wb") as file:
                Capture(url, Wanted(live=True, packed=True), stop=stop, tick=is_begun.set).write(file)
        except BaseException as exc:  # noqa: BLE001 - told to the test below
            failed.append(exc)
            is_begun.set()

    # A thread of its own: those of the event loop are waited for before time goes on.
    thread = threading.Thread(target=run, name="live capture")
    thread.start()
    try:
        assert is_begun.wait(_LIMIT_S)
        yield
    finally:
        stop.set()
        thread.join(_LIMIT_S)
    assert [] == failed


def replayed(recording: Recording) -> list[Replayed]:
    """What comes of every desk."""
    return Replay(recording).run()


def told(found: list[Replayed]) -> dict[str, str]:
    """The verdict on each desk, with where and why it diverges."""
    return {
        one.desk: one.verdict if one.divergence is None else f"at {one.divergence.seq}: {one.divergence.differences}"
        for one in found
    }
