"""Guards that watch every test: tasks left behind, blocking calls, and what ``observed`` finds in logs and metrics.

The limit per test and warnings as errors are settings in ``pyproject.toml``.
"""

from __future__ import annotations

import asyncio
import io
import logging
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import structlog
from blockbuster import BlockBuster
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from tests.observed import Observing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# A change is judged by the same examples on any machine, however slow; ``--hypothesis-profile searching`` takes others.
_UNHURRIED = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("searching", _UNHURRIED)
hypothesis_settings.register_profile("steady", _UNHURRIED, derandomize=True)
hypothesis_settings.load_profile("steady")

TURNS_TO_FINISH = 10
"""Turns of the event loop a task that is already ending may take, such as a closed connection's."""


@pytest_asyncio.fixture
async def _task_watch() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    for _ in range(TURNS_TO_FINISH):
        if not _strangers(before):
            return
        await asyncio.sleep(0)
    left = _strangers(before)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    pytest.fail(f"the test left tasks behind: {', '.join(sorted(map(repr, left)))}", pytrace=False)


def _strangers(before: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - before - {asyncio.current_task()}


@pytest.fixture(autouse=True)
def _no_task_left_behind(request: pytest.FixtureRequest) -> None:
    # Set up before a test's own fixtures, so it looks after they have been torn down.
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("_task_watch")


@pytest.fixture(autouse=True)
def _logs_stay_as_they_were() -> Iterator[None]:
    # A daemon under test takes logging over; the next test must not write through it, or at its level. Whoever logs
    # without having set logging up is heard by the observer, and by nobody else.
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(level=LogLevel.DEBUG, form=LogFormat.JSON, quote=quoted, stream=_Nowhere(), environ={})
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _block_detector() -> BlockBuster:
    # Only calls that come from the package count: a test may read its own files.
    return BlockBuster("hotdesk_daemon")


@pytest.fixture(autouse=True)
def _no_blocking_call(
    request: pytest.FixtureRequest, _no_task_left_behind: None, _block_detector: BlockBuster
) -> Iterator[None]:
    if not pytest_asyncio.is_async_test(request.node) or request.node.get_closest_marker("may_block"):
        yield
        return
    _block_detector.activate()
    try:
        yield
    finally:
        _block_detector.deactivate()


class _Nowhere(io.StringIO):
    def write(self, text: str, /) -> int:
        return len(text)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Observing(), "observing")
