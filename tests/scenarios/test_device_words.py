"""What devices say in their own words may name somebody: logs, metrics, explanations and strangers do not get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tests.scenarios.test_bad_input import event, say
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from tests.scenarios.conftest import Log
    from tests.scenarios.site import OpenSite, Site

#: A person who is in none of our words, as devices may write one.
NAMES: Final = ("Kirsebom", "kirsebom", "KIRSEBOM", "4791234567")
WORDS: Final = "refused by Ane Kirsebom (ane.kirsebom@example.com, +4791234567), KIRSEBOM's own desk"


async def speak(site: Site) -> None:
    """Have the device use the words wherever it has words of its own."""
    faults = site.device.faults
    await site.book()
    await site.until(lambda: [b.state for b in site.bookings()] == ["created"])
    booking = site.booking()
    known: dict[str, Any] = {"Id": "webex-1", "MeetingId": booking.meeting_id}
    for name in ("BookingFailed", "EditFailed", "ExtensionFailed"):
        say(site, event(name, **known, FailureCause=WORDS, Reason=WORDS, Cause=WORDS))
    say(site, event("KirsebomLeft", Id=WORDS))
    say(site, event("BookingMoved", Id=WORDS, StartTime=WORDS, Duration=WORDS))
    say(site, b'{"jsonrpc":"2.0","id":"Kirsebom","error":{"code":1,"message":"' + WORDS.encode() + b'"}}')
    say(site, b'{"jsonrpc":"2.0","method":"xFeedback/Kirsebom","params":{}}')
    say(site, b"Kirsebom")
    await site.advance(5)
    faults.enable("command_error", command="Bookings Edit", message=WORDS)
    await site.edit(booking.booking_id, title="Other")
    await site.advance(5)
    faults.enable("command_error", command="Bookings Delete", message=WORDS)
    await site.delete(booking.booking_id)
    await site.advance(30)
    say(site, event("Deleted", **known, Cause=WORDS))
    await site.advance(5)
    faults.enable("command_error", command="Bookings List", message=WORDS)
    say(site, event("SyncRequired"))
    await site.advance(60)


async def shown_to_strangers(site: Site) -> str:
    desk = site.desk_id()
    paths = (
        "/metrics", "/api/v1/desks", f"/api/v1/desks/{desk}", f"/api/v1/desks/{desk}/bookings", "/api/v1/commands",
        f"/api/v1/events?desk={desk}", f"/api/v1/desks/{desk}/explain?all=true",
    )  # fmt: skip
    async with aiohttp.ClientSession(site.daemon.url) as http:
        answers = [await http.get(path) for path in paths]
        assert [200] * len(paths) == [answer.status for answer in answers]
        return "\n".join([await answer.text() for answer in answers])


@over_socket
async def test_names_in_the_words_of_devices_reach_no_log_and_no_stranger(open_site: OpenSite, log: Log) -> None:
    site = await open_site("hybrid")
    await speak(site)
    told = "".join((log.getvalue(), *log.debug))
    shown = await shown_to_strangers(site)

    assert [] == [name for name in NAMES if name in told]
    assert [] == [name for name in NAMES if name in shown]
    assert ("refused by …" in told, "refused by …" in shown) == (True, True)


@over_socket
async def test_who_has_the_token_reads_what_the_device_said(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    await speak(site)
    _, commands = await site.call("GET", "/api/v1/commands")

    assert [True, True] == [command["message"].endswith(WORDS) for command in commands["items"] if command["message"]]
