"""The line between the process that measures and the processes that are measured: JSON, one object per line."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).parent.parent
#: No process of a measurement lives longer than this, whatever happens to the others.
LIFE_S: Final = 120.0
_STOP_S: Final = 20.0

Words = dict[str, Any]


class ChildError(Exception):
    """A measured process ended or went silent; its last words are in the message."""


class Child:
    """A process of ours as its parent sees it; entering starts it, leaving ends it."""

    def __init__(self, module: str, order: Words) -> None:
        self._module = module
        self._order = msgspec.json.encode(order).decode()
        self._killer = threading.Timer(LIFE_S, self.kill)
        self._killer.daemon = True

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, self._order],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._killer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._killer.cancel()
        if kind is not None:
            self.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()  # the child's sign to end
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.kill()

    def say(self, **words: object) -> None:
        """Tell the child something."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(words) + b"\n")
        self._process.stdin.flush()

    def hear(self) -> Words:
        """
        The next thing that the child says.

        Raises:
            ChildError: it ended instead.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildError(f"{self._module} ended with status {self._process.wait()}")
        heard: Words = msgspec.json.decode(line)
        return heard

    def ask(self, **words: object) -> Words:
        """Say something and hear the answer."""
        self.say(**words)
        return self.hear()


class Parent:
    """The parent as a process of ours sees it; used on its event loop."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    @classmethod
    async def meet(cls) -> Parent:
        """Begin to listen."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        return cls(reader)

    async def hear(self) -> Words | None:
        """What the parent wants next; None when there is nothing more."""
        line = await self._reader.readline()
        return msgspec.json.decode(line) if line else None

    @staticmethod
    def say(**words: object) -> None:
        """Tell the parent something."""
        sys.stdout.buffer.write(msgspec.json.encode(words) + b"\n")
        sys.stdout.buffer.flush()


def order() -> Words:
    """What this process was started for."""
    given: Words = msgspec.json.decode(sys.argv[1])
    return given


def private_kib() -> int:
    """The memory that this process alone holds."""
    rows = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_"))
