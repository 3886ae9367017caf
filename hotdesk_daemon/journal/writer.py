"""
The one thread that writes, and the event loop's end of it.

Group commit without lingering: the thread takes everything that waits, commits it in one transaction, wakes the
event loop once for all of it, and takes what has come meanwhile. So a lone append is committed at once, and the
groups grow by themselves when the disk is slow or the load is high.

Between two groups it does chores, such as a slice of pruning: each delays the commits behind it, so it has to be short.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, TypeVar

import attrs
import sqlalchemy as sa

from hotdesk_daemon.journal.errors import (
    JournalClosedError,
    JournalDamagedError,
    JournalError,
    JournalUnavailableError,
)
from hotdesk_daemon.journal.records import WriterStats
from hotdesk_daemon.journal.store import Outcome, Store
from hotdesk_daemon.journal.work import Work

_OpenStore = Callable[[], AbstractContextManager[Store]]
_T = TypeVar("_T")


def _unheard(_fault: str) -> None:
    """Nobody wants to know of damage."""


@attrs.define(eq=False)
class _Chore:
    """Something other than an append that the thread does with its store."""

    action: Callable[[Store], Any]
    done: asyncio.Future[Any]


class Writer:
    """
    Everything here runs on the event loop, except what is named ``_thread_…``.

    *max_waiting* bounds the records that are not durable yet: beyond it appends wait in line. *max_commit* bounds the
    records of one transaction. One large append may pass either.
    """

    def __init__(
        self, open_store: _OpenStore, *, max_waiting: int, max_commit: int, on_damage: Callable[[str], None] = _unheard
    ) -> None:
        self._open_store: Final = open_store
        self._max_waiting: Final = max_waiting
        self._max_commit: Final = max_commit
        self._loop: Final = asyncio.get_running_loop()
        self._ready: Final[asyncio.Future[None]] = self._loop.create_future()
        self._ended: Final[asyncio.Future[None]] = self._loop.create_future()
        # Bounded by write(): whoever finds it full waits there.
        self._queue: Final[queue.SimpleQueue[Work | _Chore | None]] = queue.SimpleQueue()
        self._taken: Sequence[Work] = ()
        self._chore: _Chore | None = None
        self._on_damage: Final = on_damage
        self._turn: Final = asyncio.Lock()
        self._in_line = 0
        self._space: Final = asyncio.Event()
        self._waiting = self._commits = self._records = self._failures = self._largest = 0
        self._closed: JournalClosedError | None = None
        self._thread: Final = threading.Thread(target=self._thread_main, name="journal writer", daemon=True)

    @property
    def stats(self) -> WriterStats:
        return WriterStats(
            commits=self._commits,
            records=self._records,
            failures=self._failures,
            largest_commit=self._largest,
            waiting=self._waiting,
        )

    def new_future(self) -> asyncio.Future[None]:
        """What the `Work` to be written resolves."""
        return self._loop.create_future()

    async def start(self) -> None:
        """Open the store; raises what hinders it."""
        self._thread.start()
        await asyncio.shield(self._ready)

    async def write(self, work: Work) -> None:
        """Return when *work* is durable; raises the journal's error when it never will be."""
        if self._in_line or self._waiting >= self._max_waiting:
            await self._wait_in_line(work)
        else:
            self._submit(work)
        await work.done

    async def do(self, action: Callable[[Store], _T]) -> _T:
        """
        What *action* returns, done by the thread in its turn; whoever asks sees to it that it is short.

        Raises:
            JournalError: it could not be done.
        """
        chore = _Chore(action, self._loop.create_future())
        self._put(chore)
        self._waiting += 1
        result: _T = await chore.done
        return result

    async def close(self, *, timeout_s: float) -> None:
        """Commit what was submitted and end the thread."""
        if not self._thread.ident:
            return
        if self._closed is None:
            self._closed = JournalClosedError("the journal is closed")
            self._space.set()
            self._queue.put(None)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._ended)
        except TimeoutError:
            raise JournalUnavailableError(
                f"the journal did not finish within {timeout_s:g} s; {self._waiting} records may be missing"
            ) from None

    async def _wait_in_line(self, work: Work) -> None:
        """Submit in the order of arrival, so that no desk's records overtake each other."""
        self._in_line += 1
        try:
            async with self._turn:
                while self._waiting >= self._max_waiting and self._closed is None:
                    self._space.clear()
                    await self._space.wait()  # ends with the next commit, or with the writer
                self._submit(work)
        finally:
            self._in_line -= 1

    def _submit(self, work: Work) -> None:
        self._put(work)
        self._waiting += work.size

    def _put(self, item: Work | _Chore) -> None:
        if self._closed is not None:
            raise JournalClosedError(str(self._closed)) from self._closed.__cause__
        self._queue.put(item)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        """Tell the appenders of one group what became of it."""
        durable = 0
        for work, error in outcomes:
            self._waiting -= work.size
            if error is None:
                durable += work.size
            else:
                self._failures += 1
                if isinstance(error, JournalDamagedError):
                    self._on_damage(str(error))
            if work.done.done():
                continue  # cancelled, or failed when the writer ended
            if error is None:
                work.done.set_result(None)
            else:
                work.done.set_exception(error)
        if durable:
            self._commits += 1
            self._records += durable
            self._largest = max(self._largest, durable)
        self._space.set()

    def _end_chore(self, chore: _Chore, result: object, error: BaseException | None) -> None:
        """Tell who asked for *chore* what became of it."""
        self._waiting -= 1
        if isinstance(error, JournalDamagedError):
            self._on_damage(str(error))
        if chore.done.done():
            return  # cancelled, or failed when the writer ended
        if error is None:
            chore.done.set_result(result)
        else:
            chore.done.set_exception(error)

    def _on_open(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _on_end(self, failure: BaseException | None) -> None:
        """The thread has ended: as it was told to, or by *failure*."""
        if failure is not None:
            self._closed = JournalClosedError(f"the journal's writer has ended: {failure}")
            self._closed.__cause__ = failure
            if not self._ready.done():
                self._ready.set_exception(failure)
            self._fail_the_rest(self._closed)
        self._space.set()
        self._ended.set_result(None)

    def _fail_the_rest(self, error: JournalError) -> None:
        left: list[Work | _Chore | None] = [*self._taken, self._chore]
        with suppress(queue.Empty):
            while True:
                left.append(self._queue.get_nowait())
        self._settle([(item, error) for item in left if isinstance(item, Work) and not item.done.done()])
        for item in left:
            if isinstance(item, _Chore):
                self._end_chore(item, None, error)

    def _thread_main(self) -> None:
        """The guard of the thread: whatever ends it is told to the event loop."""
        failure: BaseException | None = None
        try:
            with self._open_store() as store:
                self._thread_post(self._on_open)
                self._thread_serve(store)
        except BaseException as exc:  # noqa: BLE001  # the guard
            failure = exc
        self._thread_post(self._on_end, failure)

    def _thread_serve(self, store: Store) -> None:
        told_to_end = False
        while not told_to_end:
            self._taken, self._chore, told_to_end = self._thread_take()
            if self._taken:
                self._thread_post(self._settle, store.commit(self._taken))
                self._taken = ()
            if self._chore is not None:
                self._thread_do(store, self._chore)
                self._chore = None

    def _thread_do(self, store: Store, chore: _Chore) -> None:
        result: object = None
        error: BaseException | None = None
        try:
            result = chore.action(store)
        except sa.exc.SQLAlchemyError as exc:
            error = store.failed("kept in order", exc)
            error.__cause__ = exc
        except Exception as exc:  # noqa: BLE001 - it is told to who asked for it
            error = exc
        self._thread_post(self._end_chore, chore, result, error)

    def _thread_take(self) -> tuple[list[Work], _Chore | None, bool]:
        """Wait for work, then take all there is up to the bound or a chore; third is whether it was the last."""
        taken: list[Work] = []
        size = 0
        item = self._queue.get()  # waits for as long as nobody appends; close() ends it
        with suppress(queue.Empty):
            while item is not None:
                if isinstance(item, _Chore):
                    return taken, item, False
                taken.append(item)
                size += item.size
                if size >= self._max_commit:
                    return taken, None, False
                item = self._queue.get_nowait()
            return taken, None, True
        return taken, None, False

    def _thread_post(self, callback: Callable[..., None], *args: object) -> None:
        # The loop is closed only if the daemon gave up waiting for us; then nobody is left to be told.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)
