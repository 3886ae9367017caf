"""What people on call see: lines that follow a booking, lasting failures said once, numbers for what pages them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.scenarios.expecting import Raced
from tests.scenarios.test_cloud_tokens import cloud_of
from tests.scenarios.test_signing_in import signed_in
from tests.scenarios.test_start_and_stop import FullDisk, lines, readiness
from tests.scenarios.transports import over, over_cloud, over_socket

if TYPE_CHECKING:
    from tests.scenarios.conftest import Log
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

TITLE = "Strategy of the board"


def told(log: Log, **fields: str) -> list[str]:
    """Events of all lines with these fields, debug lines after the others."""
    parsed = [msgspec.json.decode(line) for line in (*log.getvalue().splitlines(), *log.debug)]
    return [line["event"] for line in parsed if all(line.get(name) == value for name, value in fields.items())]


async def number(site: Site, name: str, **labels: str) -> float | None:
    """One sample of the metrics page."""
    families = text_string_to_metric_families(await site.text("/metrics"))
    found = (s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels))
    return next(found, None)


# --- one booking -----------------------------------------------------------------------------------------------------


async def test_one_id_follows_a_booking_through_wish_command_event_and_answer(open_site: OpenSite, log: Log) -> None:
    site = await open_site("local")
    asked = await site.book(title=TITLE)
    await site.advance(5)
    await site.delete(asked["id"])
    await site.advance(5)

    made = ["booking.requested", "command.decided", "command.sent", "booking.created", "command.done"]
    gone = ["booking.deletion_asked", "command.decided", "command.sent", "booking.deleted", "command.done"]
    by_request = ["cloud.answered", "cloud.answered"] if site.cloud is not None else []
    found = [event for event in told(log, booking_id=asked["id"]) if event not in {"command.taken", "command.late"}]
    assert Raced([*made, *gone, *by_request]) == Raced(found)
    answers = [event for event in told(log, booking_id=asked["id"]) if event in {"command.taken", "command.late"}]
    assert 2 == len(answers)
    assert TITLE not in log.getvalue() + "".join(log.debug)


async def test_a_command_that_a_person_retries_and_drops_names_its_booking_each_time(
    open_site: OpenSite, log: Log
) -> None:
    site = await open_site("local")
    site.device.reboot(4000)
    await site.clock.settle()
    asked = await site.book()
    await site.advance(1000)

    assert (1, 0) == (await number(site, "hotdesk_parked"), await number(site, "hotdesk_outbox_oldest_unsent_seconds"))

    command = site.parked()[0].command_id
    assert 202 == (await site.call("POST", f"/api/v1/commands/{command}/retry", {}))[0]
    await site.advance(600)

    assert 600 <= (await number(site, "hotdesk_outbox_oldest_unsent_seconds") or 0) < 700

    await site.advance(400)
    assert 202 == (await site.call("POST", f"/api/v1/commands/{command}/drop", {}))[0]

    lives = [event for event in told(log, booking_id=asked["id"], command_id=command) if event != "command.repeated"]
    assert [
        "command.decided", "command.parked", "command.retried", "command.parked", "booking.failed", "command.dropped",
    ] == lives  # fmt: skip


@over_socket
async def test_a_device_that_is_not_ready_is_told_of_once_with_the_booking(open_site: OpenSite, log: Log) -> None:
    site = await open_site("local")
    site.device.faults.enable("command_error", command="Bookings Book", code=-31997, message="Not ready", times=3)
    asked = await site.book()
    await site.advance(60)

    assert ["command.repeated"] == told(log, booking_id=asked["id"], level="warning")
    assert 2 == told(log, booking_id=asked["id"], level="debug").count("command.repeated")
    assert ["command.sent"] == [e for e in told(log, booking_id=asked["id"], level="info") if e == "command.sent"]
    assert 3 == await number(site, "hotdesk_command_retries_total")


# --- what lasts ------------------------------------------------------------------------------------------------------


async def test_lists_that_fail_are_told_at_the_first_and_when_it_is_over(open_site: OpenSite, log: Log) -> None:
    site = await open_site("local")
    if site.cloud is None:
        site.device.faults.enable("command_error", command="Bookings List")
    else:
        site.device.faults.enable("cloud_error", command="Bookings List", status=400)
    await site.call("POST", f"/api/v1/desks/{site.desk_id()}/resync")
    await site.advance(120)
    site.device.faults.clear()
    await site.advance(120)

    assert 1 == len(lines(log, "list.failed"))
    repeats = [line["repeats"] for line in lines(log, "list.recovered")]
    assert repeats == [told(log, level="debug").count("list.failed")]
    assert repeats[0] > 2
    assert [("desk-1", "device-0001-1")] == [(x["desk_id"], x["device_id"]) for x in lines(log, "list.recovered")]


@over("webhook")
async def test_an_organisation_without_a_good_token_warns_once_and_not_for_each_post(
    open_site: OpenSite, log: Log
) -> None:
    site = await open_site("local")
    cloud_of(site).new_refresh_token()
    cloud_of(site).expire_tokens()
    await site.until(lambda: site.is_stale)
    for minute in (60, 90, 120):
        site.device.people.book(20, TITLE, "person1@example.com", start=site.at(minute))
        await site.advance(5)

    assert (1, []) == (len(lines(log, "org.reauthorise")), lines(log, "desk.surprise"))
    assert "link.unexpected" in told(log, level="debug")
    assert 1 == await number(site, "hotdesk_token_state", org="simulated-org-1", state="reauthorise")
    assert 3 <= (await number(site, "hotdesk_surprises_total") or 0)


async def test_somebody_who_stays_for_a_call_is_told(open_site: OpenSite, log: Log) -> None:
    site = await open_site("local")
    await signed_in(site, call=True)
    site.device.people.delete()
    await site.advance(5)

    assert ["staying on"] == site.sign_ins()
    assert 1 == len(lines(log, "sign_in.staying"))


@over_cloud
async def test_an_activation_code_that_comes_by_the_cloud_is_ignored(open_site: OpenSite, log: Log) -> None:
    site = await open_site("local")
    cloud_of(site).send_action("provision")
    await site.advance(5)

    assert ["ProvisionAction"] == [line["action"] for line in lines(log, "org.action_ignored")]
    assert (200, []) == await readiness(site)


@over_cloud
async def test_what_the_cloud_pushes_may_stay_unknown(
    open_site: OpenSite, transport: Cloud, log: Log, unused_tcp_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}/supported"
    site = await open_site("local", transport=attrs.evolve(transport, wanted={"supported_url": nowhere}))

    assert 1 == len(lines(log, "org.supported_unknown"))
    assert 0 < site.state().reconcile_s


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_gone", [True, False], ids=["it was done and not told", "somebody signs in again"])
async def test_a_sign_out_that_a_device_took_and_that_does_not_show_is_counted_once(
    open_site: OpenSite, log: Log, *, is_gone: bool
) -> None:
    site = await open_site("local")
    await signed_in(site)
    device = site.device
    device.faults.enable("lost")
    await site.sign_out()
    if not is_gone:
        device.people.book(60, "Desk", "person1@example.com")
        device.people.sign_in("person1@example.com")
    await site.advance(200)

    overdue = lines(log, "command.overdue")
    assert ["Webex Registration Logout"] == [line["command"] for line in overdue]
    assert 1 == await number(site, "hotdesk_sign_outs_unverified_total")
    assert [("Webex Registration Logout", "done" if is_gone else "parked")] == (await site.outbox())[-1:]


@over_socket
async def test_a_command_whose_answer_is_lost_is_a_number_until_it_is_settled(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    site.device.faults.enable("lost")
    site.device.faults.enable("cut_after", command="Bookings Book", times=1)
    await site.book()
    await site.advance(1)

    assert 1 == await number(site, "hotdesk_outbox_unknown")

    site.device.faults.clear()
    await site.until(site.is_live)
    await site.advance(400)

    assert 0 == await number(site, "hotdesk_outbox_unknown")


async def test_desks_that_are_lost_and_heard_are_numbers(open_site: OpenSite) -> None:
    site = await open_site("local", "hybrid", sync_s=3600)
    began = await number(site, "hotdesk_last_event_timestamp_seconds")
    site.device.people.come()
    await site.advance(10)

    assert began is not None
    assert began < (await number(site, "hotdesk_last_event_timestamp_seconds") or 0)
    assert began < (await number(site, "hotdesk_stream_last_event_timestamp_seconds", desk="desk-1") or 0)
    assert (2, 0) == (
        await number(site, "hotdesk_desks", state="live"),
        await number(site, "hotdesk_desks", state="stale"),
    )
    assert 1 == await number(site, "hotdesk_stream_up", desk="desk-2")
    assert 3600 == await number(site, "hotdesk_sync_interval_seconds")
    assert 0 == await number(site, "hotdesk_outbox_oldest_unsent_seconds")


async def test_a_journal_that_cannot_be_written_is_a_number_and_a_reason(open_site: OpenSite) -> None:
    site = await open_site("local")
    with FullDisk(site) as disk:
        site.device.people.come()
        await site.advance(1)
        status, reasons = await readiness(site)

        assert (503, 1, 0) == (status, len(reasons), await number(site, "hotdesk_journal_writable"))

        disk.is_full = False
        await site.real(lambda: site.daemon.fleet.readiness().ready)

    assert 1 == await number(site, "hotdesk_journal_writable")
    assert 0 < (await number(site, "hotdesk_journal_append_seconds_count") or 0)


async def test_the_page_tells_of_the_process_too(open_site: OpenSite) -> None:
    site = await open_site("local")

    assert 0 < (await number(site, "process_resident_memory_bytes") or 0)
