"""
What keeps decided commands from leaving: the kill switch for all of them, the breaker for what the rules destroy.

Both are files in the state directory, so that they outlast a restart, and anybody who can log in can use them when
nothing else answers: where the file ``halt`` is, nothing is sent; where ``breaker`` is, the breaker is open. Commands
that are held back wait in the outbox as they do for a device that is away.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.api import SafetyView
from hotdesk_daemon.core.commands import AlertDisplay
from hotdesk_daemon.core.desk import OpenCommand
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from hotdesk_daemon.journal import Journal

HALT_FILE: Final = "halt"
BREAKER_FILE: Final = "breaker"
NO_REASON: Final = "no reason was given"
#: How long somebody who takes a file away by hand waits for its effect; one that is put there counts at once.
LOOK_EVERY_S: Final = 15.0
#: So many commands of an earlier run are looked at.
MOST_COUNTED: Final = 10_000
#: Fewer desks than this do not open the breaker by their share: of three desks one is a third.
LEAST_BY_SHARE: Final = 5


@attrs.frozen(kw_only=True)
class BreakerLimits:
    """So many ``desks``, or such a ``share`` of all, may be hit within ``window``; ``None`` does not count."""

    desks: int | None = 50
    share: float | None = 0.2
    window: timedelta = timedelta(minutes=10)

    def most(self, fleet: int) -> int | None:
        """How many desks of a *fleet* of so many; None if any number."""
        by_share = None if self.share is None else max(LEAST_BY_SHARE, int(self.share * fleet))
        return min((limit for limit in (self.desks, by_share) if limit is not None), default=None)


@attrs.define(eq=False)
class Safety:
    """
    The two switches of one daemon.

    ``admits`` is asked right before a command is sent. `watch` keeps switches and files in step.
    """

    directory: Path
    limits: BreakerLimits
    now: Callable[[], datetime]
    fleet: Callable[[], int]
    metrics: Metrics
    halted: str | None = None
    opened: str | None = None
    _hits: deque[tuple[datetime, DeskId]] = attrs.field(factory=deque)
    _clear: asyncio.Event = attrs.field(factory=asyncio.Event)
    _writing: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _unwritten: dict[str, str | None] = attrs.field(factory=dict)
    _is_unwritten: asyncio.Event = attrs.field(factory=asyncio.Event)

    # --- asked before a command is sent ------------------------------------------------------------------------------

    def admits(self, desk: DeskId, command: OpenCommand) -> bool:
        """Whether *command* may leave now; one that the rules destroy something with counts from here on."""
        if self.halted is not None:
            return False
        if not _is_destructive(command):
            return True
        if self.opened is None and not self._count(desk):
            most, within_s = self.limits.most(self.fleet()), self.limits.window.total_seconds()
            why = f"the rules would hit more than {most} {'desk' if most == 1 else 'desks'} within {within_s:g} s"
            self._unwritten[BREAKER_FILE] = why
            self._is_unwritten.set()
            self._set_open(why)
        return self.opened is None

    async def check(self) -> None:
        """
        Insist that sending is not stopped, also by a file that was put there just now.

        Raises:
            TransientError: it is.
        """
        if self.halted is None:
            await self._look_around()
        if self.halted is not None:
            raise TransientError(f"sending is stopped by a person: {self.halted}")

    async def wait(self, desk: DeskId, command: OpenCommand) -> None:
        """Return when *command* may leave; the caller bounds the wait."""
        while not self.admits(desk, command):
            self._clear.clear()
            await self._clear.wait()

    def _count(self, desk: DeskId) -> bool:
        """Count one more desk, unless that were too many."""
        now = self.now()
        while self._hits and self._hits[0][0] <= now - self.limits.window:
            self._hits.popleft()
        hit = {name for _, name in self._hits}
        most = self.limits.most(self.fleet())
        if desk not in hit and most is not None and len(hit) >= most:
            return False
        self._hits.append((now, desk))
        return True

    # --- what people do ----------------------------------------------------------------------------------------------

    def view(self) -> SafetyView:
        """Both switches, for people."""
        return SafetyView(
            halted=self.halted,
            breaker_open=self.opened,
            hit=len({name for _, name in self._hits}),
            most=self.limits.most(self.fleet()),
            window_s=self.limits.window.total_seconds(),
        )

    def notes(self) -> list[str]:
        """What a status line must not leave out."""
        found = ["SENDING IS STOPPED"] if self.halted is not None else []
        return [*found, "BREAKER OPEN"] if self.opened is not None else found

    async def halt(self, why: str) -> None:
        """
        Stop all sending, at once and until `resume`.

        Raises:
            TransientError: it is stopped, but that cannot be written down yet.
        """
        why = why or NO_REASON
        self._set_halted(why)
        await self._write(HALT_FILE, why)

    async def resume(self) -> None:
        """
        Send again.

        Raises:
            TransientError: the file cannot be taken away yet; until it is, a restart would stop sending anew.
        """
        self._set_halted(None)
        await self._write(HALT_FILE, None)

    async def close_breaker(self) -> None:
        """
        Let the rules go on; what was hit until now is forgiven.

        Raises:
            TransientError: as `resume`.
        """
        self._set_closed()
        await self._write(BREAKER_FILE, None)

    # --- files -------------------------------------------------------------------------------------------------------

    async def load(self, journal: Journal) -> None:
        """Take the switches over as an earlier run, or a person, left them, and count what that run sent."""
        since = self.now() - self.limits.window
        commands = [row for row in await journal.outbox(limit=MOST_COUNTED) if row.decided_at > since]
        self._hits.extend(
            (row.decided_at, row.desk_id)
            for row in reversed(commands)
            if isinstance(row.open, OpenCommand) and row.open.attempts and _is_destructive(row.open)
        )
        self._follow(await asyncio.to_thread(self._look))

    async def watch(self, sleep: Callable[[float], Awaitable[None]]) -> Never:
        """Keep switches and files in step, for ever."""
        while True:
            await self._nap(sleep)
            with suppress(TransientError):  # tried again; the switch stands as it was set meanwhile
                for name, why in list(self._unwritten.items()):
                    await self._write(name, why)
            await self._look_around()

    async def _nap(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Until it is time to look again, or there is something to write: a kill must not close the breaker."""
        waits = [
            asyncio.ensure_future(sleep(LOOK_EVERY_S)),
            asyncio.create_task(self._is_unwritten.wait(), name="switches: something to write"),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        self._is_unwritten.clear()

    async def _look_around(self) -> None:
        """Do what the files say; of one whose switch was just set they say nothing yet."""
        async with self._writing:
            found = await asyncio.to_thread(self._look)
            self._follow({name: why for name, why in found.items() if name not in self._unwritten})

    def _look(self) -> dict[str, str | None]:
        return {name: _text(self.directory / name) for name in (HALT_FILE, BREAKER_FILE)}

    def _follow(self, found: Mapping[str, str | None]) -> None:
        """Set the switches as *found*."""
        if HALT_FILE in found:
            self._set_halted(found[HALT_FILE])
        opened = found.get(BREAKER_FILE)
        if opened is not None and self.opened is None:
            self._set_open(opened)
        elif opened is None and BREAKER_FILE in found:
            self._set_closed()

    async def _write(self, name: str, why: str | None) -> None:
        self._unwritten[name] = why
        async with self._writing:
            try:
                await asyncio.to_thread(_put, self.directory / name, why)
            except OSError as exc:
                raise TransientError(f"done, but not to outlast a restart: {self.directory / name}: {exc}") from exc
            if self._unwritten.get(name) == why:
                del self._unwritten[name]

    # --- switches ----------------------------------------------------------------------------------------------------

    def _set_halted(self, why: str | None) -> None:
        if why is not None and self.halted is None:
            get_log().warning("sending.halted", reason=why)
        elif why is None and self.halted is not None:
            get_log().warning("sending.resumed")
        self.halted = why
        self.metrics.sending_halted.set(why is not None)
        if why is None:
            self._clear.set()

    def _set_open(self, why: str) -> None:
        self.opened = why
        self.metrics.breaker_open.set(1)
        get_log().error("breaker.opened", reason=why)

    def _set_closed(self) -> None:
        if self.opened is not None:
            get_log().warning("breaker.closed")
            self._hits.clear()
        self.opened = None
        self.metrics.breaker_open.set(0)
        self._clear.set()


def _is_destructive(command: OpenCommand) -> bool:
    return command.by_rule and not isinstance(command.command, AlertDisplay)


def _text(path: Path) -> str | None:
    """What stands in the file; None where there is none. One that cannot be read is there."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return " ".join(file.read(500).split()) or NO_REASON
    except FileNotFoundError:
        return None
    except OSError as exc:
        return f"{path.name} cannot be read: {exc.strerror}"


def _put(path: Path, why: str | None) -> None:
    if why is None:
        path.unlink(missing_ok=True)
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{why}\n")
        file.flush()
        os.fsync(file.fileno())
