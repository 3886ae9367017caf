"""
The one thread that writes, and the event loop's end of it.

Group commit without lingering: the thread takes everything that waits, commits it in one transaction, wakes the
event loop once for all of it, and takes what has come meanwhile. So a lone append is committed at once, and the
groups grow by themselves when the disk is slow or the load is high.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.journal.errors import JournalClosedError, JournalError, JournalUnavailableError
from hotdesk_daemon.journal.records import WriterStats
from hotdesk_daemon.journal.store import Outcome, Store

if TYPE_CHECKING:
    from hotdesk_daemon.journal.work import Work

_OpenStore = Callable[[], AbstractContextManager[Store]]


class Writer:
    """
    Everything here runs on the event loop, except what is named ``_thread_…``.

    *max_waiting* bounds the records that are not durable yet: beyond it appends wait in line. *max_commit* bounds the
    records of one transaction. One large append may pass either.
    """

    def __init__(self, open_store: _OpenStore, *, max_waiting: int, max_commit: int) -> None:
        self._open_store: Final = open_store
        self._max_waiting: Final = max_waiting
        self._max_commit: Final = max_commit
        self._loop: Final = asyncio.get_running_loop()
        self._ready: Final[asyncio.Future[None]] = self._loop.create_future()
        self._ended: Final[asyncio.Future[None]] = self._loop.create_future()
        # Bounded by write(): whoever finds it full waits there.
        self._queue: Final[queue.SimpleQueue[Work | None]] = queue.SimpleQueue()
        self._taken: Sequence[Work] = ()
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
        if self._closed is not None:
            raise JournalClosedError(str(self._closed)) from self._closed.__cause__
        self._waiting += work.size
        self._queue.put(work)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        """Tell the appenders of one group what became of it."""
        durable = 0
        for work, error in outcomes:
            self._waiting -= work.size
            if error is None:
                durable += work.size
            else:
                self._failures += 1
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
        left = list(self._taken)
        with suppress(queue.Empty):
            while True:
                if (work := self._queue.get_nowait()) is not None:
                    left.append(work)
        self._settle([(work, error) for work in left if not work.done.done()])

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
            self._taken, told_to_end = self._thread_take()
            if self._taken:
                self._thread_post(self._settle, store.commit(self._taken))
                self._taken = ()

    def _thread_take(self) -> tuple[list[Work], bool]:
        """Wait for work, then take all there is up to the bound; second is whether it was the last."""
        taken: list[Work] = []
        size = 0
        work = self._queue.get()  # waits for as long as nobody appends; close() ends it
        with suppress(queue.Empty):
            while work is not None:
                taken.append(work)
                size += work.size
                if size >= self._max_commit:
                    return taken, False
                work = self._queue.get_nowait()
            return taken, True
        return taken, False

    def _thread_post(self, callback: Callable[..., None], *args: object) -> None:
        # The loop is closed only if the daemon gave up waiting for us; then nobody is left to be told.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)
