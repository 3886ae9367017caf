"""Recording the golden captures: only when somebody asks for it, for what was recorded once stays."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.app.capture import Capture, Wanted
from hotdesk_daemon.simulator import FLOWS, DeskPlan
from tests.captures.agreed import FORBIDDEN, REJECTED, golden
from tests.scenarios.rules import rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from tests.captures.agreed import Golden
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Transport

pytestmark = pytest.mark.skipif(
    os.environ.get("HOTDESK_RECORD_GOLDEN") != "1", reason="HOTDESK_RECORD_GOLDEN=1 records what is missing"
)
UUID: Final = "5f0e6f0c-7c1e-4f8e-9a58-3a5a4f6d2c11"
#: After a flow the calendar, the timers and the people have so long.
AFTER_S: Final = 90


async def book(site: Site) -> None:
    await site.book(booking_request_uuid=UUID)


async def delete(site: Site) -> None:
    await site.delete(site.booking().booking_id)


async def edit(site: Site) -> None:
    await site.edit(site.booking().booking_id, duration_min=45)


#: What an integration does in the flows that it begins.
OURS: Final[Mapping[str, Callable[[Site], Awaitable[None]]]] = {
    "F08": book,
    "F09": book,
    "F13": delete,
    "F14": delete,
    "F18": edit,
    "F19": edit,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted({f"{one.name}" for one in golden()}))
async def test_record(open_site: OpenSite, transport: Transport, name: str, tmp_path: Path) -> None:
    [one] = [one for one in golden() if one.name == name and one.transport == transport.name]
    if one.capture.exists():
        pytest.skip("recorded already")
    await record(open_site, one, tmp_path)

    assert one.capture.exists()


async def record(open_site: OpenSite, one: Golden, directory: Path) -> None:
    releases = ("26.4.1",) * FLOWS[one.flow].devices
    plan = DeskPlan(workspace="Desk 1", kind="hybrid" if one.kind == "hybrid" else "local", releases=releases)
    is_forbidden = one.variant == REJECTED
    policy = rule("maximum duration", max_min=FORBIDDEN[one.flow, one.kind]) if is_forbidden else None
    site = await open_site(plan, policy=policy)
    await site.play(one.flow, "" if is_forbidden else one.variant)
    if one.flow in OURS:
        await OURS[one.flow](site)
    await site.advance(AFTER_S)
    await site.stop()
    one.capture.parent.mkdir(parents=True, exist_ok=True)
    draft = directory / "golden.jsonl"
    await asyncio.to_thread(write, directory / "journal.sqlite3", draft)
    one.capture.write_text(settled(draft.read_text(encoding="utf-8"), key_of(draft)), encoding="utf-8")


def write(journal: Path, path: Path) -> None:
    with path.open("wb") as sink:
        Capture(f"sqlite:///{journal}", Wanted(steps=False, last_s=86_400.0 * 365)).write(sink)


def key_of(path: Path) -> str:
    found = re.search(r'"journal":"([^"]+)"', path.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def settled(text: str, journal: str) -> str:
    """*text* without what is different in every run and means nothing."""
    text = text.replace(journal, "00000000-0000-4000-8000-000000000000")
    text = re.sub(r'"written_at":"[^"]+"', '"written_at":"2026-05-04T12:00:00Z"', text)
    return re.sub(r'"mono":[0-9.]+', '"mono":0.0', text)
