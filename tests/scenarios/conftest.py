"""Sites for scenarios: one factory, over every transport there is."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import structlog

from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.ops.floods import Floods
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from hotdesk_daemon.simulator import DeskPlan
from tests.scenarios.site import site_of
from tests.scenarios.transports import TRANSPORTS, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site


@pytest.fixture(params=sorted(TRANSPORTS))
def transport(request: pytest.FixtureRequest) -> Transport:
    return TRANSPORTS[request.param]


class Log(io.StringIO):
    """What was logged from info up, for most tests; ``debug`` has the lines below."""

    def __init__(self) -> None:
        super().__init__()
        self.debug: list[str] = []

    def write(self, text: str, /) -> int:
        if '"level":"debug"' not in text:
            return super().write(text)
        self.debug.append(text)
        return len(text)


@pytest.fixture
def log() -> Iterator[Log]:
    """What the daemon logged, as JSON lines; no desk may have met a mistake of ours."""
    stream = Log()
    configure_logs(level=LogLevel.DEBUG, form=LogFormat.JSON, quote=quoted, stream=stream, environ={})
    # Hours go by in a moment here, and floods are folded by the machine's time.
    steps = structlog.get_config()["processors"]
    structlog.configure(processors=[step for step in steps if not isinstance(step, Floods)])
    yield stream
    structlog.reset_defaults()
    assert [] == [line for line in stream.getvalue().splitlines() if "task.failed" in line]


@pytest_asyncio.fixture
async def open_site(transport: Transport, tmp_path: Path, log: io.StringIO) -> AsyncIterator[OpenSite]:
    """Open sites of the given desks: plans, or calendar kinds; they close with the test."""
    async with AsyncExitStack() as stack:

        async def begin(*desks: DeskPlan | str, **options: Any) -> Site:
            plans = [
                DeskPlan(workspace=f"Desk {number}", kind=desk) if isinstance(desk, str) else desk  # type: ignore[arg-type]  # a kind
                for number, desk in enumerate(desks or ("local",), start=1)
            ]
            chosen = {"directory": tmp_path, "transport": transport, **options}
            return await stack.enter_async_context(site_of(*plans, **chosen))

        yield begin
