"""F23 to F33: who is signed in, and what bookings do to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.expecting import LOGOUT, ONE, TWO, Seen, delete_command, seen, without
from tests.scenarios.rules import RULES, rule
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from tests.scenarios.expecting import Row
    from tests.scenarios.site import OpenSite, Site

KINDS = ("local", "hybrid")
#: Longer than the daemon waits before it takes a sign-in for the right person's.
SETTLED_S = 16.0
#: Longer than a hybrid calendar takes for anything here.
ANSWERED_S = 5.0


def made(kind: str) -> list[str]:
    """A booking that runs: made on a local desk's screen, or in a hybrid desk's calendar."""
    return ["booking.requested", "booking.created", "booking.started"] if kind == "local" else _IN_CALENDAR


_IN_CALENDAR = ["booking.created", "booking.started"]


def row(kind: str, state: str, minutes: int = 60, *, begins: float = 0, verdict: str = "accepted") -> Row:
    return state, begins, minutes, verdict, ONE if kind == "local" else "meeting"


async def signed_in(site: Site, *, call: bool = False) -> str:
    """Have somebody signed in to a running booking, and known to be its user; return its MeetingId."""
    played = await site.play("F32", "in_call" if call else "")
    await site.advance(SETTLED_S)
    assert ["signed in to booking"] == site.sign_ins()
    assert site.booking().signed_in
    site.mark()
    return played.meeting_id


@pytest.mark.parametrize("kind", KINDS)
async def test_f23_signed_in_then_booked(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F23")

    assert await seen(site) == Seen(
        bookings=[("started", 20 / 60, 60, "accepted", ONE if kind == "local" else TWO)],
        sign_ins=["signed in to booking"],
        codes=[
            "sign_in.started", "booking.requested", "booking.created", "sign_in.confirmed", "booking.started",
        ],
    )  # fmt: skip
    assert site.booking().signed_in


@pytest.mark.parametrize(("variant", "cause"), [("refused", "Decline"), ("timeout", "Timeout")])
async def test_f23_refused_by_the_calendar_signs_out(open_site: OpenSite, variant: str, cause: str) -> None:
    site = await open_site("hybrid")
    await site.play("F23", variant)

    assert await seen(site) == Seen(
        bookings=[("failed", 20 / 60, 60, "undecided", "request")],
        codes=["sign_in.started", "booking.requested", "booking.failed", "sign_in.ended"],
    )
    assert cause == site.booking().end_cause


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("kind", KINDS)
async def test_f23_rejected_by_us_signs_out(open_site: OpenSite, kind: str, name: str) -> None:
    site = await open_site(kind, policy=rule(name, max_min=30, closes_at=10))
    played = await site.play("F23")
    await site.advance(ANSWERED_S)

    answers = ["command.late"] if kind == "local" else []
    taken = [] if kind == "local" else ["command.taken"]
    assert await seen(site) == Seen(
        bookings=[("deleted", 20 / 60, 60, "rejected", ONE if kind == "local" else TWO)],
        codes=[
            "sign_in.started", "booking.requested", "booking.created", "sign_in.confirmed", "booking.rejected",
            "command.decided", "booking.started", "command.sent", *taken, "booking.deleted", "sign_in.over",
            "command.done", "sign_in.ended", *answers,
        ],
        sent=[delete_command(played.meeting_id)],
    )  # fmt: skip
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert RULES[name].format(asked=60, allowed=30) == reasons["booking.rejected"].text
    assert "BookingCreated" == await site.root(reasons["command.done"])


@pytest.mark.parametrize("kind", KINDS)
async def test_f24_signed_in_and_out_again_without_booking(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F24")

    assert await seen(site) == Seen(codes=["sign_in.started", "sign_in.ended"])


@pytest.mark.parametrize("kind", KINDS)
async def test_f25_the_organizer_signs_in(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F25")

    assert ["checking"] == site.sign_ins()

    await site.advance(SETTLED_S)

    assert await seen(site) == Seen(
        bookings=[row(kind, "started")],
        sign_ins=["signed in to booking"],
        codes=[*made(kind), "sign_in.started", "sign_in.confirmed"],
    )
    confirmed = (await site.reasons())[-1]
    assert "Personalized" == await site.root(confirmed)
    assert site.booking().signed_in


@pytest.mark.parametrize("kind", KINDS)
async def test_f26_a_sign_in_fails(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F26")
    await site.advance(SETTLED_S)

    assert await seen(site) == Seen(bookings=[row(kind, "started")], codes=made(kind))


@pytest.mark.parametrize("kind", KINDS)
async def test_f27_the_wrong_user_is_no_check_in(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F27")
    await site.advance(SETTLED_S)

    assert await seen(site) == Seen(
        bookings=[row(kind, "started")], codes=[*made(kind), "sign_in.started", "sign_in.wrong_user"]
    )
    assert (False, False) == (site.booking().signed_in, site.booking().checked_in)


@pytest.mark.parametrize("kind", KINDS)
async def test_f28_the_booking_ends_while_signed_in(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F28")

    assert await seen(site) == Seen(
        bookings=[row(kind, "ended", 10)],
        codes=[
            *made(kind), "sign_in.started", "sign_in.confirmed", "booking.ended", "sign_in.over", "sign_in.ended",
        ],
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_f28_a_call_keeps_the_user_signed_in_after_the_end(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await signed_in(site, call=True)
    await site.advance(3600)

    assert ["staying on"] == site.sign_ins()
    assert ["ended"] == [booking.state for booking in site.bookings()]

    site.device.people.end_call()
    await site.advance(1)

    assert await seen(site) == Seen(
        bookings=[row(kind, "ended")],
        codes=["booking.ended", "sign_in.over", "sign_in.leaving", "sign_in.ended"],
    )
    assert "a call is running" in (await site.reasons())[1].text


@pytest.mark.parametrize("call", [False, True], ids=["", "in call"])
@pytest.mark.parametrize("kind", KINDS)
async def test_f29_deleted_by_us_while_signed_in(open_site: OpenSite, kind: str, *, call: bool) -> None:
    site = await open_site(kind)
    meeting_id = await signed_in(site, call=call)
    await site.delete(site.booking().booking_id)
    await site.advance(ANSWERED_S)
    leaves = ["sign_in.ended"]
    if call:
        assert ["staying on"] == site.sign_ins()
        site.device.people.end_call()
        await site.advance(1)
        leaves = ["sign_in.leaving", "sign_in.ended"]

    gone = ["booking.deleted", "sign_in.over", "command.done"]
    result = await seen(site)
    assert ([row(kind, "deleted")], ["shared"], 0) == (result.bookings, result.sign_ins, result.lists)
    assert [delete_command(meeting_id)] == result.sent
    taken = [] if kind == "local" else ["command.taken"]
    expected = ["command.decided", "booking.deletion_asked", "command.sent", *taken, *gone, *leaves]
    assert expected == without(result.codes, "command.late")
    over = next(reason for reason in await site.reasons() if reason.code == "sign_in.over")
    assert call == ("a call is running" in over.text)


@pytest.mark.parametrize("kind", KINDS)
async def test_f29_deleted_at_the_device_while_signed_in(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    meeting_id = await signed_in(site)
    site.device.people.delete(meeting_id)
    await site.advance(ANSWERED_S)

    assert await seen(site) == Seen(
        bookings=[row(kind, "deleted")], codes=["booking.deleted", "sign_in.over", "sign_in.ended"]
    )


def move(site: Site, meeting_id: str, *, begins_min: float) -> None:
    """Move a booking where its calendar is."""
    if site.plan.kind == "local":
        site.device.people.edit(meeting_id, start=site.at(begins_min), duration_min=90)
    else:
        site.plan.backend.move(meeting_id, start=site.at(begins_min), duration_min=90)


@pytest.mark.parametrize("kind", KINDS)
async def test_f30_moved_but_still_running(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    meeting_id = await signed_in(site)
    move(site, meeting_id, begins_min=0)
    await site.advance(ANSWERED_S)

    codes = ["change.asked", "booking.moved", "change.done"] if kind == "local" else ["booking.moved"]
    assert await seen(site) == Seen(bookings=[row(kind, "started", 90)], sign_ins=["signed in to booking"], codes=codes)


@pytest.mark.parametrize("call", [False, True], ids=["", "in call"])
@pytest.mark.parametrize("kind", KINDS)
async def test_f30_moved_away(open_site: OpenSite, kind: str, *, call: bool) -> None:
    site = await open_site(kind)
    meeting_id = await signed_in(site, call=call)
    move(site, meeting_id, begins_min=180)
    await site.advance(ANSWERED_S)
    leaves = ["sign_in.ended"]
    if call:
        assert ["staying on"] == site.sign_ins()
        site.device.people.end_call()
        await site.advance(1)
        leaves = ["sign_in.leaving", "sign_in.ended"]

    codes = ["change.asked", "booking.moved", "change.done"] if kind == "local" else ["booking.moved"]
    assert await seen(site) == Seen(
        bookings=[row(kind, "created", 90, begins=180)], codes=[*codes, "sign_in.over", *leaves]
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_f31_signed_out_at_the_device(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await signed_in(site)
    site.device.people.sign_out()
    await site.advance(ANSWERED_S)

    assert await seen(site) == Seen(
        bookings=[row(kind, "deleted")], codes=["booking.deleted", "sign_in.over", "sign_in.ended"]
    )
    assert "HotdeskSignout" == site.booking().end_cause


@pytest.mark.parametrize("call", [False, True], ids=["", "in call"])
@pytest.mark.parametrize("kind", KINDS)
async def test_f32_signed_out_by_us(open_site: OpenSite, kind: str, *, call: bool) -> None:
    site = await open_site(kind)
    await signed_in(site, call=call)
    await site.sign_out(even_in_call=call)
    await site.advance(ANSWERED_S)

    result = await seen(site)
    assert ([row(kind, "deleted")], ["shared"], 0) == (result.bookings, result.sign_ins, result.lists)
    assert [LOGOUT] == result.sent
    taken = [] if kind == "local" else ["command.taken"]
    assert [
        "command.decided", "sign_in.sign_out_asked", "command.sent", *taken, "booking.deleted", "sign_in.over",
        "sign_in.ended", "command.done",
    ] == without(result.codes, "command.late")  # fmt: skip
    done = next(reason for reason in await site.reasons() if reason.code == "command.done")
    assert "SignOutAsked" == await site.root(done)
    assert not site.device.in_call


@pytest.mark.parametrize("kind", KINDS)
async def test_f32_during_a_call_is_refused_unless_said_so(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await signed_in(site, call=True)
    status, problem = await site.call("POST", f"/api/v1/desks/{site.desk_id()}/sign-out", {})

    assert 422 == status
    assert "a call is running" in problem["detail"]
    assert await seen(site) == Seen(
        bookings=[row(kind, "started")], sign_ins=["signed in to booking"], codes=["wish.refused"]
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_f33_the_organizer_is_not_in_the_organisation(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F33")

    assert await seen(site) == Seen(
        bookings=[row(kind, "deleted", 30, begins=1)], codes=[*made(kind), "booking.deleted"]
    )
    assert "HotdeskOrganizerNotFoundInOrg" == site.booking().end_cause


@over_socket
@pytest.mark.parametrize("kind", KINDS)
async def test_a_desk_disturbed_while_signed_in_knows_the_user_again(open_site: OpenSite, kind: str) -> None:
    """
    After a lost connection the current value of `Personalized` restores the sign-in, without another check.
    """
    site = await open_site(kind)
    await signed_in(site)
    site.device.faults.enable("cut")
    await site.clock.settle()

    assert site.is_stale
    assert ["unknown"] == site.sign_ins()

    await site.until(site.is_live, step_s=0.5)

    assert ["signed in to booking"] == site.sign_ins()
    assert [row(kind, "started")] == (await seen(site)).bookings
