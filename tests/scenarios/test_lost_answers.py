"""A command whose answer was lost has one effect and ends: done, or parked where nothing can tell what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.ops.settings import SocketSettings
from tests.scenarios.expecting import seen
from tests.scenarios.site import LIMIT_S
from tests.scenarios.transports import over

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.scenarios.site import OpenSite, Site

KINDS = ("local", "hybrid")
#: So short that the test can wait for it; the machine's time, not the site's.
IMPATIENT = SocketSettings(connects_per_s=10_000, handshakes=1_000, request_timeout_s=LIMIT_S / 16)

PATHS: Final[Mapping[str, str]] = {
    "Book": "Bookings Book",
    "Edit": "Bookings Edit",
    "Delete": "Bookings Delete",
    "Logout": "Webex Registration Logout",
}
EFFECTS: Final[Mapping[str, str]] = {"Book": "booked", "Edit": "moved", "Delete": "deleted", "Logout": "signed_out"}
FAULTS: Final[Mapping[str, dict[str, Any]]] = {
    "cut_before": {},
    "cut_after": {},
    "late_reply": {"seconds": 45.0},
    "no_reply": {},
}


async def _book(site: Site) -> None:
    await site.book(organizer={"email": "person9@example.com"})


async def _edit(site: Site) -> None:
    await site.edit(site.booking().booking_id, duration_min=90)


async def _delete(site: Site) -> None:
    await site.delete(site.booking().booking_id)


async def _log_out(site: Site) -> None:
    await site.sign_out()


ASK: Final[Mapping[str, Callable[[Site], Awaitable[None]]]] = {
    "Book": _book,
    "Edit": _edit,
    "Delete": _delete,
    "Logout": _log_out,
}


async def prepare(site: Site, command: str) -> None:
    """Have what the command is about."""
    if command == "Logout":
        await site.play("F32")
        await site.advance(20)
    elif command != "Book":
        await site.play("F13" if site.plan.kind == "local" else "F14")
        await site.advance(5)
    site.mark()


#: Commands go over the same doors with a webhook as with a queue.
over_every_door: Final = over("socket", "queue")


@over_every_door
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", PATHS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_answer_has_one_effect(open_site: OpenSite, kind: str, command: str, fault: str) -> None:
    site = await open_site(kind, sockets=IMPATIENT)
    await prepare(site, command)
    before = site.effects(EFFECTS[command])
    site.device.faults.enable(fault, command=PATHS[command], times=1, **FAULTS[fault])
    await ASK[command](site)
    if fault in ("late_reply", "no_reply"):
        await site.real(lambda: not any(c.state is CommandState.SENDING for c in site.commands()))
    await site.until(site.is_live)
    await site.advance(400)

    # Nothing but its content could tell a booking that a hybrid calendar never heard of from one that is still coming.
    is_hopeless = (kind, command, fault) == ("hybrid", "Book", "cut_before")
    assert [(PATHS[command], "parked" if is_hopeless else "done")] == (await site.outbox())[-1:]
    assert (0 if is_hopeless else 1) == site.effects(EFFECTS[command]) - before
    assert (0 if is_hopeless else 1) == len(site.sent())
    assert [] == [c for c in site.commands() if c.state is not CommandState.PARKED]
    await seen(site)


@over_every_door
@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_answer_and_lost_events_still_make_one_booking(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind, sockets=IMPATIENT)
    site.device.faults.enable("lost")
    site.device.faults.enable("no_reply", command="Bookings Book", times=1)
    await site.book()
    await site.real(lambda: all(c.state is not CommandState.SENDING for c in site.commands()))
    await site.advance(400)

    assert [("Bookings Book", "done")] == await site.outbox()
    assert 1 == site.effects("booked")
    assert ["created"] == [booking.state for booking in site.bookings()]


async def test_two_bookings_that_fit_leave_the_decision_to_a_person(open_site: OpenSite) -> None:
    """
    The answer is lost and somebody made the same booking in the calendar: nobody can tell which one is ours.
    """
    site = await open_site("hybrid")
    site.device.faults.enable("lost")
    site.device.faults.enable("cut_after", command="Bookings Book", times=1)
    await site.book()
    site.plan.backend.create("person1@example.com", site.at(60), 30, title="Desk")
    await site.advance(5)
    await site.until(site.is_live)
    await site.advance(400)

    assert [("Bookings Book", "parked")] == await site.outbox()
    assert 1 == len(site.sent())


@over_every_door
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["Book", "Edit", "Delete"])
async def test_a_restart_while_the_answer_is_outstanding_sends_nothing_twice(
    open_site: OpenSite, kind: str, command: str
) -> None:
    site = await open_site(kind)
    await prepare(site, command)
    before = site.effects(EFFECTS[command])
    site.device.faults.enable("no_reply", command=PATHS[command], times=1)
    site.device.faults.enable("lost")
    await ASK[command](site)
    await site.stop()
    site.device.faults.clear()
    await site.start()
    await site.advance(400)

    assert [(PATHS[command], "done")] == (await site.outbox())[-1:]
    assert 1 == site.effects(EFFECTS[command]) - before
    await seen(site)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_command_for_a_desk_that_is_off_waits_for_it(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    site.device.reboot(60)
    await site.clock.settle()
    await site.book()

    assert [] == site.sent()
    assert ["requested"] == [booking.state for booking in site.bookings()]

    await site.until(site.is_live)
    await site.advance(10)

    assert 1 == len(site.sent())
    assert ["created"] == [booking.state for booking in site.bookings()]
    assert [("Bookings Book", "done")] == await site.outbox()


async def test_a_desk_that_stays_off_parks_its_commands_at_their_deadline(open_site: OpenSite) -> None:
    site = await open_site("local")
    site.device.reboot(1100)
    await site.clock.settle()
    await site.book(begins_in_min=60)
    await site.advance(1000)

    assert [("Bookings Book", "parked")] == await site.outbox()
    assert [] == site.sent()

    site.floor.faults.clear()
    await site.until(site.is_live)
    await site.advance(60)

    assert [] == site.sent()
    assert "parked" == site.parked()[0].state
