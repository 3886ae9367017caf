"""Reads, on a thread and a connection of their own, so that they block neither the event loop nor the writer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

import sqlalchemy as sa

from hotdesk_daemon.journal import dialect
from hotdesk_daemon.journal.errors import JournalClosedError, JournalUnavailableError
from hotdesk_daemon.journal.store import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Reader:
    """Runs the functions of ``queries`` one after another; who finds it busy waits in line."""

    def __init__(self, url: sa.URL, *, timeout_s: float) -> None:
        self._url: Final = url
        self._timeout_s: Final = timeout_s
        self._executor: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal reader")
        self._connection: sa.Connection | None = None
        self._closed = False

    async def run(self, query: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What *query* finds, in one consistent view of the journal."""
        if self._closed:
            raise JournalClosedError("the journal is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(
                    self._executor, lambda: self._thread_run(lambda c: query(c, *args, **kwargs))
                )
        except TimeoutError:
            raise JournalUnavailableError(
                f"the journal did not answer within {self._timeout_s:g} s", retry_after_s=self._timeout_s
            ) from None

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.get_running_loop().run_in_executor(self._executor, self._thread_close)
        except TimeoutError:
            pass  # a read that never ends holds nothing that must be saved
        finally:
            self._executor.shutdown(wait=False)

    def _thread_run(self, query: Callable[[sa.Connection], _T]) -> _T:
        try:
            if self._connection is None:
                self._connection = dialect.make_engine(self._url, read_only=True).connect()
            with self._connection.begin():
                return query(self._connection)
        except sa.exc.SQLAlchemyError as exc:
            raise unavailable("read", exc) from exc

    def _thread_close(self) -> None:
        if self._connection is not None:
            self._connection.close()
