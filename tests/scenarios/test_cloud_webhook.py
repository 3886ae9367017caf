"""The webhook's door: who knocks must prove to be the cloud, and is told yes only when nothing can get lost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest

from hotdesk_daemon.simulator.cloud.outbox import proof
from tests.scenarios.site import LIMIT_S
from tests.scenarios.test_cloud_actions import door, standing
from tests.scenarios.test_cloud_tokens import NAME, cloud_of
from tests.scenarios.test_start_and_stop import FullDisk, lines, readiness
from tests.scenarios.transports import over

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.scenarios.site import OpenSite, Site

pytestmark = over("webhook")

SIGNATURE: Final = "X-Spark-Signature"
Headers = dict[str, str]


def message(site: Site, *, number: int = 1, desk: int = 0, **more: object) -> bytes:
    """A booking that a device tells of, as the cloud would post it."""
    start = site.at(60 * number).strftime("%Y-%m-%dT%H:%M:%SZ")
    booking = {"Id": f"webex-{number}", "MeetingId": f"m-{number}", "StartTime": start, "Duration": 30, "Title": "Desk"}
    cloud = cloud_of(site)
    event = {"key": "Bookings.BookingCreated", "value": booking | more, "timestamp": cloud.timestamp()}
    return json.dumps(cloud.envelope("events", site.station(desk)) | {"events": [event]}).encode()


def proven(site: Site, body: bytes) -> Headers:
    settings = cloud_of(site).webhook.settings
    assert settings is not None
    return proof(settings, body)


async def post(site: Site, body: bytes, headers: Headers | None = None, *, url: str | None = None) -> tuple[int, bytes]:
    """The answer to one post, with what proves it unless told otherwise."""
    shown = proven(site, body) if headers is None else headers
    async with aiohttp.request("POST", url or door(site, "events"), data=io.BytesIO(body), headers=shown) as response:
        return response.status, await response.read()


async def answered(site: Site, body: bytes, headers: Headers | None = None, *, url: str | None = None) -> int:
    """The status, once everybody has reacted."""
    async with asyncio.timeout(LIMIT_S):
        status, _ = await post(site, body, headers, url=url)
    await site.clock.settle()
    return status


async def posts(site: Site) -> dict[str, float]:
    """How many posts had which outcome."""
    page = await site.text("/metrics")
    counted = [line for line in page.splitlines() if line.startswith("hotdesk_webhook_posts_total{")]
    return {line.split('outcome="')[1].split('"')[0]: float(line.rpartition(" ")[2]) for line in counted}


async def journaled(site: Site, body: bytes) -> int:
    """How often the journal holds what was posted."""
    records = await site.daemon.fleet.journal.history(site.desk_id(), limit=100_000)
    return sum(1 for record in records if record.raw == body)


# --- who is let in ---------------------------------------------------------------------------------------------------


def signed_with(secret: str, algorithm: str = "sha1") -> Callable[[Site, bytes], Headers]:
    return lambda _, body: {SIGNATURE: hmac.new(secret.encode(), body, algorithm).hexdigest()}


def changed(how: Callable[[str], str], name: str = SIGNATURE) -> Callable[[Site, bytes], Headers]:
    """What would prove the body, but for a change."""
    return lambda site, body: {name: how(proven(site, body)[SIGNATURE])}


def with_another_hash(site: Site, body: bytes) -> Headers:
    settings: Mapping[str, Any] | None = cloud_of(site).webhook.settings
    assert settings is not None
    return signed_with(settings["secret"], "sha256")(site, body)


BAD: Final[Mapping[str, Callable[[Site, bytes], Headers]]] = {
    "none": lambda *_: {},
    "empty": changed(lambda _: ""),
    "one character short": changed(lambda good: good[:-1]),
    "half": changed(lambda good: good[:20]),
    "one character more": changed(lambda good: good + "0"),
    "one character other": changed(lambda good: ("1" if good[0] == "0" else "0") + good[1:]),
    "all zeros": changed(lambda _: "0" * 40),
    "of another body": lambda site, body: proven(site, body + b" "),
    "of no body": lambda site, _: proven(site, b""),
    "by another secret": signed_with("another secret of some length"),
    "by an empty secret": signed_with(""),
    "by another hash": with_another_hash,
    "no key, the hash alone": lambda _, body: {SIGNATURE: hashlib.sha1(body).hexdigest()},  # noqa: S324 - the cloud's
    "no character of a number": changed(lambda good: "ä" + good[1:]),
    "in another header": changed(lambda good: good, "X-Signature"),
    "as a password": changed(lambda good: f"Basic {good}", "Authorization"),
}


async def test_who_does_not_prove_to_be_the_cloud_is_turned_away(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", "hybrid")
    await site.advance(1)
    before, body = await standing(site), message(site)
    refused = {name: await answered(site, body, bad(site, body)) for name, bad in BAD.items()}

    assert dict.fromkeys(BAD, 401) == refused
    assert before == await standing(site)
    assert {"refused": len(BAD)} == await posts(site)
    assert lines(log, "webhook.refused")
    assert (200, []) == await readiness(site)

    assert 204 == await answered(site, body)
    assert "m-1" == site.booking().meeting_id


async def test_who_is_turned_away_learns_nothing(open_site: OpenSite) -> None:
    site = await open_site("local")
    known, unknown = message(site), message(site).replace(b'"deviceId"', b'"nobody"')
    answers = {await post(site, body, {SIGNATURE: "0"}) for body in (known, unknown, b"", b"{", b"\xff")}

    assert 1 == len(answers)
    secret = cloud_of(site).settings["webhook"]["secret"].encode()
    assert not any(secret in content or b"desk" in content for _, content in answers)


async def test_there_are_no_other_doors(open_site: OpenSite) -> None:
    site = await open_site("local")
    before, body = await standing(site), message(site)
    base = door(site, "").removesuffix(f"/{NAME}/")
    for path in ("/nobody/events", f"/{NAME}", f"/{NAME}/", f"/{NAME}/event", f"/{NAME}/events/1", "/../events"):
        assert 404 == await answered(site, body, url=base + path), path
    async with aiohttp.request("GET", door(site, "events")) as response:
        assert 405 == response.status

    assert before == await standing(site)


async def test_a_proven_post_that_means_nothing_is_taken_and_kept_aside(open_site: OpenSite, log: io.StringIO) -> None:
    """
    Sent again it would mean no more; the cloud must not be kept busy with it, and people can look at it.
    """
    site = await open_site("local")
    before = await standing(site)
    garbage = [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"type":"party"}', b'{"type":"events"}', b'{"type":7}']
    garbage += [message(site).replace(b'"deviceId": "', b'"deviceId": "%%'), b'{"a":' * 10_000]
    assert [204] * len(garbage) == [await answered(site, body) for body in garbage]

    assert before == await standing(site)
    kept = await asyncio.to_thread(
        (site.settings.daemon.state_dir / "organisations" / f"{NAME}.undecodable.jsonl").read_text
    )
    assert len(garbage) == len(kept.splitlines()) == len(lines(log, "org.undecodable"))
    assert 204 == await answered(site, message(site))
    assert "m-1" == site.booking().meeting_id


# --- what comes again or too big -------------------------------------------------------------------------------------


async def test_a_post_that_is_repeated_has_one_effect(open_site: OpenSite) -> None:
    site = await open_site("local")
    bodies = [message(site, number=number) for number in (1, 2, 3)]
    for body in [*bodies, *bodies, *reversed(bodies)]:
        assert 204 == await answered(site, body)
        await site.advance(60)

    assert [1, 1, 1] == [await journaled(site, body) for body in bodies]
    assert ["m-1", "m-2", "m-3"] == [booking.meeting_id for booking in site.bookings()]
    assert {"taken": 9} == await posts(site)


async def test_a_post_that_is_repeated_at_once_has_one_effect(open_site: OpenSite) -> None:
    site = await open_site("local")
    body = message(site)
    async with asyncio.timeout(LIMIT_S):
        answers = await asyncio.gather(*(post(site, body) for _ in range(20)))

    assert {204} == {status for status, _ in answers}
    assert 1 == await journaled(site, body)


async def test_a_recorded_post_that_comes_after_a_restart_changes_nothing(open_site: OpenSite) -> None:
    site = await open_site("local")
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(5)
    records = await site.daemon.fleet.journal.history(site.desk_id(), limit=1000)
    told = [record.raw for record in records if record.raw is not None and b'"key":"Bookings.' in record.raw]
    assert told
    await site.stop()
    await site.start()
    before = site.bookings()
    for body in told:
        assert 204 == await answered(site, body)
    await site.advance(60)

    assert before == site.bookings()
    assert site.agrees(), site.disagreement()


@pytest.mark.parametrize("what", ["events", "actions"])
async def test_a_body_that_is_too_big_is_not_read_to_its_end(open_site: OpenSite, what: str) -> None:
    site = await open_site("local")
    before, body = await standing(site), message(site, Title="x" * (1 << 20))
    assert 413 == await answered(site, body, url=door(site, what))

    assert before == await standing(site)
    assert {"too big": 1} == await posts(site)

    big = message(site, Note="x" * 500_000)
    assert 204 == await answered(site, big)
    assert "m-1" == site.booking().meeting_id


# --- yes means kept --------------------------------------------------------------------------------------------------


async def test_a_post_is_answered_well_only_when_the_journal_has_it(open_site: OpenSite) -> None:
    site = await open_site("local")
    body = message(site)
    with FullDisk(site) as disk:
        posting = asyncio.create_task(post(site, body), name="a post")
        async with asyncio.timeout(LIMIT_S):
            await disk.refused.wait()
            await site.clock.settle()
        assert not posting.done()
        assert 0 == await journaled(site, body)
        assert [] == site.bookings()

        disk.is_full = False
        async with asyncio.timeout(LIMIT_S):
            status, _ = await posting
        assert (204, 1) == (status, await journaled(site, body))
    await site.clock.settle()
    assert "m-1" == site.booking().meeting_id


async def test_what_was_answered_well_is_there_after_a_restart(open_site: OpenSite) -> None:
    site = await open_site("local")
    cloud_of(site).faults.enable("cloud_error", command="Bookings List", status=503)
    assert 204 == await answered(site, message(site))
    await site.stop()
    await site.start(live=False)

    assert "m-1" == site.booking().meeting_id
