"""The machine's wall clock is set while the daemon serves; devices and the cloud know the right time all along."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import pytest

from hotdesk_daemon.app.clockwatch import LOOK_EVERY_S
from hotdesk_daemon.simulator import ManualClock
from tests.scenarios.test_cloud_tokens import activate_anew, cloud_of, refreshes
from tests.scenarios.test_start_and_stop import readiness
from tests.scenarios.transports import over_cloud

if TYPE_CHECKING:
    import io

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Transport

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
SYNC_S: Final = 900.0
STEPS: Final = {"an hour ahead": HOUR_S, "an hour back": -HOUR_S, "a day ahead": DAY_S, "a day back": -DAY_S}
each_step: Final = pytest.mark.parametrize("step", STEPS)


@attrs.define(eq=False)
class SetClock:
    """The machine's clock: the floor's, until somebody sets it; its steady seconds nobody can set."""

    clock: ManualClock
    ahead_s: float = 0.0

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.ahead_s)

    def mono(self) -> float:
        return self.clock.mono()

    def real_s(self, seconds: float) -> float:
        return seconds

    async def sleep_until(self, when: datetime) -> None:
        """As the system's clock does: the wall clock is looked at again and again, because it may be set."""
        while (left_s := (when - self.now()).total_seconds()) > 0:
            await self.clock.sleep(min(left_s, 30.0))


async def living_by_a_clock_that_is_set(open_site: OpenSite, *desks: str, **options: Any) -> tuple[Site, SetClock]:
    site = await open_site(*desks, start=False, **options)
    clock = SetClock(site.clock)
    site.lives_by = clock
    await site.start()
    return site, clock


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def is_lost_to_replays(transport: Transport, step: str) -> bool:
    """By a clock that is a day ahead, every post of the webhook might be one that somebody recorded yesterday."""
    return transport.name == "webhook" and step == "a day ahead"


@each_step
async def test_what_devices_say_is_taken_as_before(open_site: OpenSite, transport: Transport, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local", "hybrid", sync_s=SYNC_S)
    clock.ahead_s += STEPS[step]
    await site.advance(60)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(3000))
    await site.book(begins_in_min=4 * 24 * 60, desk=1)
    await site.advance(2 * SYNC_S if is_lost_to_replays(transport, step) else 30)

    assert [1, 1] == [len(site.bookings(desk)) for desk in (0, 1)]
    assert ["", ""] == [site.disagreement(desk) for desk in (0, 1)]
    assert site.is_live()


@each_step
async def test_timed_lists_come_neither_late_nor_in_a_flood(open_site: OpenSite, log: io.StringIO, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local", sync_s=SYNC_S)
    await site.advance(SYNC_S / 2)
    site.mark()
    clock.ahead_s += STEPS[step]
    await site.advance(4 * SYNC_S)

    assert site.lists() in (4, 5)
    assert [STEPS[step]] == [line["by_s"] for line in lines(log, "clock.stepped")]
    assert 1 == (await site.codes()).count("clock.set")


@each_step
async def test_a_list_that_is_asked_for_after_it_is_read_at_once(open_site: OpenSite, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local")
    clock.ahead_s += STEPS[step]
    site.mark()
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.advance(1)

    assert (1, False) == (site.lists(), site.is_stale)


@each_step
async def test_a_command_that_waits_for_its_device_waits_as_long_as_it_would_have(
    open_site: OpenSite, step: str
) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local")
    site.device.reboot(600)
    await site.advance(5)
    await site.book(begins_in_min=3 * 24 * 60)
    await site.advance(5)
    clock.ahead_s += STEPS[step]
    await site.advance(LOOK_EVERY_S + 60)

    assert ["pending"] == [command.state for command in site.commands()]

    await site.until(site.is_live)
    await site.advance(60)

    assert [("Bookings Book", "done")] == await site.outbox()
    assert 1 == site.effects("booked")


@each_step
@over_cloud
async def test_an_organisation_that_is_activated_anew_is_served_within_a_minute(open_site: OpenSite, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local")
    cloud = cloud_of(site)
    cloud.new_refresh_token()
    cloud.expire_tokens()
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.until(lambda: 400 in refreshes(site))
    clock.ahead_s += STEPS[step]
    await site.advance(5)
    await activate_anew(site)
    await site.advance(60)

    assert (200, []) == await readiness(site)


@each_step
@over_cloud
async def test_tokens_that_cannot_be_renewed_are_tried_again_as_soon(open_site: OpenSite, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local")
    cloud = cloud_of(site)
    cloud.faults.enable("refresh_error", status=503)
    cloud.expire_tokens()
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.until(lambda: 503 in refreshes(site))
    clock.ahead_s += STEPS[step]
    cloud.faults.clear()
    await site.advance(120)

    assert (200, []) == await readiness(site)


@each_step
async def test_the_status_line_goes_on_as_before(open_site: OpenSite, transport: Transport, step: str) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local")
    before = site.daemon.status.line()
    clock.ahead_s += STEPS[step]
    await site.advance(120)
    line = site.daemon.status.line()

    assert "1/1 desks live, 0 parked" == line.partition(", token")[0]
    days = [int(days) for text in (before, line) for days in re.findall(r"token (\d+) d", text)]
    assert (0 if transport.name == "socket" else 2) == len(days)
    assert not days or abs(days[1] - days[0]) <= 2
    assert (await site.call("GET", "/readyz"))[0] == 200


async def test_a_clock_that_is_trimmed_is_not_one_that_is_set(open_site: OpenSite, log: io.StringIO) -> None:
    site, clock = await living_by_a_clock_that_is_set(open_site, "local", sync_s=SYNC_S)
    for _ in range(60):
        clock.ahead_s -= 0.5
        await site.advance(60)

    assert ([], 0) == (lines(log, "clock.stepped"), (await site.codes()).count("clock.set"))
