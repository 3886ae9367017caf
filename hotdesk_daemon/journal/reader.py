"""Reads, on a thread and a connection of their own, so that they block neither the event loop nor the writer."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import attrs
import sqlalchemy as sa

from hotdesk_daemon.journal import dialect
from hotdesk_daemon.journal.errors import (
    JournalClosedError,
    JournalDamagedError,
    JournalError,
    JournalUnavailableError,
)
from hotdesk_daemon.journal.store import unavailable

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: A read is broken off when the journal is closed; only a disk that hangs makes it last longer.
_CLOSE_TIMEOUT_S: Final = 1.0


def _unheard(_fault: str) -> None:
    """Nobody wants to know of damage."""


@attrs.define(eq=False)
class _Read:
    """One query, from the event loop to the thread and back."""

    query: Callable[[sa.Connection], Any]
    found: Future[Any] = attrs.field(factory=Future)
    is_wanted: bool = True


class Reader:
    """
    Runs the functions of ``queries`` one after another; who finds it busy waits in line.

    A read that nobody waits for any more is broken off, so that those behind it get their turn. The thread keeps no
    process from ending: a read holds nothing that must be saved.
    """

    def __init__(self, url: sa.URL, *, timeout_s: float, on_damage: Callable[[str], None] = _unheard) -> None:
        self._url: Final = url
        self._on_damage: Final = on_damage
        self._is_stale = False
        self._timeout_s: Final = timeout_s
        # Bounded by run(): whoever puts something in waits for it, and not for long.
        self._reads: Final[queue.SimpleQueue[_Read | None]] = queue.SimpleQueue()
        self._ended: Final[Future[None]] = Future()
        self._ended.set_running_or_notify_cancel()  # who gives up waiting for it does not cancel it
        self._closed = False
        threading.Thread(target=self._thread_main, name="journal reader", daemon=True).start()

    async def run(self, query: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What *query* finds, in one consistent view of the journal."""
        if self._closed:
            raise JournalClosedError("the journal is closed")
        read = _Read(lambda connection: query(connection, *args, **kwargs))
        self._reads.put(read)
        try:
            async with asyncio.timeout(self._timeout_s):
                found: _T = await asyncio.wrap_future(read.found)
        except JournalDamagedError as exc:
            self._on_damage(str(exc))
            raise
        except TimeoutError:
            raise JournalUnavailableError(
                f"the journal did not answer within {self._timeout_s:g} s", retry_after_s=self._timeout_s
            ) from None
        finally:
            read.is_wanted = False
        return found

    def reopen(self) -> None:
        """Read from the file that is in its place now, from the next read on."""
        self._is_stale = True

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reads.put(None)
        with suppress(TimeoutError):  # its disk hangs: it is left behind
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await asyncio.wrap_future(self._ended)

    def _thread_main(self) -> None:
        connection: sa.Connection | None = None
        while (read := self._reads.get()) is not None:  # waits for as long as nobody reads; close() ends it
            if not read.found.set_running_or_notify_cancel():
                continue
            try:
                if connection is not None and self._is_stale:
                    connection = self._thread_let_go(connection)
                if connection is None:
                    self._is_stale = False
                    connection = dialect.make_engine(self._url, read_only=True).connect()
                read.found.set_result(self._thread_read(connection, read))
            except BaseException as exc:  # noqa: BLE001  # the guard: whatever ends a read is told to who waits for it
                read.found.set_exception(self._explained(exc))
        if connection is not None:
            self._thread_let_go(connection)
        self._ended.set_result(None)

    @staticmethod
    def _thread_let_go(connection: sa.Connection) -> None:
        with suppress(sa.exc.SQLAlchemyError):  # its file may be broken
            connection.close()

    def _thread_read(self, connection: sa.Connection, read: _Read) -> object:
        with dialect.while_wanted(connection, lambda: read.is_wanted and not self._closed), connection.begin():
            return read.query(connection)

    def _explained(self, exc: BaseException) -> BaseException:
        """The journal's error for what ended a read."""
        if isinstance(exc, OverflowError | ValueError):  # a number or a moment that nobody wrote
            error: JournalError = JournalUnavailableError(f"the journal holds a value that cannot be: {exc}")
        elif not isinstance(exc, sa.exc.SQLAlchemyError):
            return exc
        else:
            error = JournalClosedError("the journal is closed") if self._closed else unavailable("read", exc)
        error.__cause__ = exc
        return error
