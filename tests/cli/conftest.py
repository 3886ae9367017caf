"""A real server in a thread of its own, and the command line against it."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from click.testing import CliRunner

from hotdesk_daemon.api import Streams, serve
from hotdesk_daemon.cli import main
from tests.api.memory_site import TOKEN, MemorySite, small_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.core.inputs import Input


@attrs.frozen(kw_only=True)
class Running:
    """A served site. Whatever touches it goes to its own loop, as if a device had spoken."""

    site: MemorySite
    url: str
    loop: asyncio.AbstractEventLoop

    def do(self, act: Callable[..., Any], *args: Any) -> Any:
        """Do something on the site's loop and wait for it."""

        async def call() -> Any:
            return act(*args)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(timeout=2)

    def feed(self, desk_id: DeskId, given: Input) -> None:
        self.do(self.site.feed, desk_id, given)


@pytest.fixture
def heartbeat_s() -> float:
    return 0.05


@pytest.fixture
def running(heartbeat_s: float) -> Iterator[Running]:
    started: list[Running] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def main_() -> None:
        site, streams = small_site(), Streams(heartbeat_s=heartbeat_s)
        async with serve(site, host="127.0.0.1", port=0, token=TOKEN, streams=streams) as listening:
            started.append(Running(site=site, url=listening.url, loop=asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main_(),), name="served site")
    thread.start()
    assert ready.wait(3)
    yield started[0]
    started[0].loop.call_soon_threadsafe(stop.set)
    thread.join(timeout=4)
    assert not thread.is_alive()


@attrs.frozen(kw_only=True)
class Terminal:
    """Somebody who types verbs; nothing of this machine's own configuration is seen."""

    environ: dict[str, str]

    def __call__(self, *words: str) -> Result:
        return CliRunner(env=self.environ).invoke(main, list(words))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal that knows of no daemon."""
    for name in [name for name in os.environ if name.startswith("HOTDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Terminal(environ={})


@pytest.fixture
def terminal(running: Running, token_file: Path, alone: Terminal) -> Terminal:
    """A terminal that knows the running daemon and its token."""
    return Terminal(environ={"HOTDESK_URL": running.url, "HOTDESK_TOKEN_FILE": str(token_file)})
