"""
Reloaded again and again while people are busy, half of the times with something that cannot be used.

`HOTDESK_RELOADS=100 HOTDESK_RELOAD_DESKS=40 pytest -s tests/scenarios/test_reload_under_load.py` is the full size.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.ops.settings import LogLevel, LogSettings, read_settings
from tests.scenarios.reloading import lines, metric, sessions
from tests.scenarios.site import ADMIN
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hotdesk_daemon.ops.settings import DeskSettings, Settings
    from hotdesk_daemon.simulator import Device
    from tests.scenarios.site import OpenSite, Site

RELOADS: Final = int(os.environ.get("HOTDESK_RELOADS", "12"))
DESKS: Final = int(os.environ.get("HOTDESK_RELOAD_DESKS", "6"))
#: Desks that reloads concern; the others are to notice nothing.
CONCERNED: Final = 3
PASSWORD: Final = {"DEVICE_PASSWORD": ADMIN.password}
EVENTS: Final = frozenset({"BookingCreated", "BookingMoved", "Deleted", "EditRequested", "Start", "End"})
BROKEN: Final[Mapping[str, Callable[[str], bytes | None]]] = {
    "gone": lambda _: None,
    "half-written": lambda text: text[: text.rindex('"')].encode(),
    "empty": lambda _: b"",
    "nothing but a comment": lambda _: b"# about to be written\n",
    "of another encoding": lambda text: text.encode("utf-16"),
    "with a byte that is no UTF-8": lambda text: b"# \xff\n" + text.encode(),
    "with a mistake": lambda text: text.replace("[policy]", "[polciy]").encode(),
    "with a desk that stands twice": lambda text: (text + text[text.index("[[desk]]") :]).encode(),
    "with a secret that is not there": lambda text: text.replace("env:DEVICE_PASSWORD", "env:NOBODY").encode(),
}


def written(desks: tuple[DeskSettings, ...], number: int) -> str:
    """The configuration as people would write it, another one each time: rules, a desk that comes and goes, a link."""
    text = f'[policy]\nmax_duration = "{8 + number % 4}h"\n[sync]\ninterval = "1d"\n'
    text += f"[dispatch]\nattempts = {20 + number}\n"
    for place, desk in enumerate(desks):
        if place == 0 and number % 2:
            continue  # it comes and goes
        text += f'[[desk]]\nid = "{desk.id}"\ncalendar = "{desk.calendar.value}"\n'
        if place == 1:
            text += f'policy.max_duration = "{1 + number % 3}h"\n'
        for device in desk.devices:
            username = "admin" if place != 2 or number % 2 else "other"  # its link is renewed
            text += f'[[desk.device]]\nid = "{device.id}"\nurl = "{device.url}"\nusername = "{username}"\n'
            text += 'password = "env:DEVICE_PASSWORD"\n'
    return text


@over_socket
@pytest.mark.timeout(30 + 2 * RELOADS)
async def test_reloads_under_load_drop_no_other_stream_and_lose_no_event(
    open_site: OpenSite, log: io.StringIO, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = await open_site(*(["local", "hybrid"] * (DESKS // 2)))
    configuration, beside = tmp_path / "hotdesk.toml", site.settings
    site.daemon.reload.load = lambda: with_the_rest(read_settings(configuration, PASSWORD, again=True).settings, beside)
    told = {desk: counted(site.station(desk)) for desk in range(CONCERNED, DESKS)}
    before, rng, broken = sessions(site), random.Random(1), [*BROKEN]
    good = bad = acts = 0
    for number in range(RELOADS):
        text = written(beside.desks, number // 2)
        is_bad = bool(number % 2)
        kind = broken[good % len(broken)]
        put(configuration, BROKEN[kind](text) if is_bad else text.encode())
        acts += act(site, rng)
        outcome = site.daemon.reload.ask()
        acts += act(site, rng)
        while not outcome.done():
            await site.advance(0.05)
            acts += act(site, rng)
        good, bad = good + (not is_bad), bad + is_bad

        assert is_bad == bool(outcome.result().problems), (kind, outcome.result().problems)
        assert (good, bad) == (len(lines(log, "config.reloaded")), len(lines(log, "config.reload_failed")))
        assert float(not is_bad) == await metric(site, "hotdesk_config_last_reload_successful")
    await site.advance(60)

    others = range(CONCERNED, DESKS)
    devices = {DeviceId(station.device.device_id) for desk in others for station in site.floor.desks[desk].stations}
    after = sessions(site)
    assert {device: before[device] for device in devices} == {device: after[device] for device in devices}
    assert [] == [line for line in lines(log, "link.down") if line["device_id"] in devices]
    # No list but those that devices ask for themselves, so all that is known came as events, and none is missing.
    causes = {reason.text for desk in others for reason in await site.reasons(desk) if reason.code == "list.asked"}
    assert causes <= {"list asked for: updated"}
    assert {desk: [*names] for desk, names in told.items()} == {desk: await heard(site, desk) for desk in others}
    assert dict.fromkeys(others, "") == {desk: site.disagreement(desk) for desk in others}
    with capsys.disabled():
        print(f"\n{good} good and {bad} bad reloads of {DESKS} desks, {acts} acts of people meanwhile")  # noqa: T201


@over_socket
async def test_a_file_cut_off_between_two_desks_lets_none_go_until_a_person_says_that_it_is_meant(
    open_site: OpenSite, log: io.StringIO, tmp_path: Path
) -> None:
    site = await open_site(*(["local"] * 4))
    configuration, beside = tmp_path / "hotdesk.toml", site.settings
    site.daemon.reload.load = lambda: with_the_rest(read_settings(configuration, PASSWORD, again=True).settings, beside)
    whole = written(beside.desks, 0)
    cut_off = whole[: whole.index("[[desk]]", whole.index("[[desk]]") + 1)]
    configuration.write_text(cut_off)
    before = sessions(site)
    refused = site.daemon.reload.ask()
    await site.until(refused.done)

    problem = "3 of 4 desks would be let go (desk-2, desk-3, desk-4); is the file whole? "
    problem += "if it is meant: hotdesk-daemon reload --remove-desks"
    assert [problem] == [line["problem"] for line in lines(log, "config.invalid")]
    assert before == sessions(site)

    outcomes = []
    for text, is_meant in ((cut_off, True), (whole, False), (cut_off, False)):  # what was meant once is not meant again
        configuration.write_text(text)
        asked = site.daemon.reload.ask(remove_desks=is_meant)
        await site.until(asked.done)
        outcomes.append((len(asked.result().problems), len(site.daemon.fleet.desks())))

    assert [(0, 1), (0, 4), (1, 4)] == outcomes


@over_socket
async def test_what_a_reload_cannot_have_followed_does_not_end_the_daemon(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")

    def no_file_left(_settings: Settings) -> None:
        raise OSError(24, "Too many open files")

    site.daemon.on_settings = no_file_left
    outcome = await site.reload(attrs.evolve(site.settings, log=LogSettings(level=LogLevel.DEBUG)))
    after = await site.reload(site.settings)

    assert (True, 0.0) == (bool(outcome.problems), await metric(site, "hotdesk_config_last_reload_successful"))
    assert ["[Errno 24] Too many open files"] == [*after.problems]


def put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def with_the_rest(read: Settings, beside: Settings) -> Settings:
    """What was *read*, where the daemon under test is."""
    return attrs.evolve(read, daemon=beside.daemon, http=beside.http, sockets=beside.sockets)


def counted(device: Device) -> list[str]:
    """The events of bookings that a device tells, by name, as they come."""
    names: list[str] = []
    tell = device.tell_booking

    def keep(name: str, *args: Any, **more: Any) -> None:
        names.append(name)
        tell(name, *args, **more)

    device.tell_booking = keep  # type: ignore[method-assign]
    return names


async def heard(site: Site, desk: int) -> list[str]:
    """The same events as the journal has them."""
    return [step.kind for step in await site.steps(desk) if step.kind in EVENTS]


def act(site: Site, rng: random.Random) -> int:
    """Somebody does something at every desk."""
    for desk in site.floor.desks:
        people = desk.device.people
        mine = [entry.meeting_id for entry in desk.calendar.entries.values() if entry.by == "person"]
        match rng.randrange(4):
            case 0 if len(mine) > 3:
                people.delete(rng.choice(mine))
            case 1 if mine:
                people.edit(rng.choice(mine), duration_min=rng.choice((20, 40, 80)))
            case 2:
                people.come()
            case _:
                people.book(30, "Desk", "person1@example.com", start=site.at(rng.randrange(60, 5000)))
    return len(site.floor.desks)
