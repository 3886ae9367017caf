from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.transport import Setback, SetbackKind
from tests.transport.doubles import TICK_S, a_device, a_link, an_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "s3cret/?>"


@asynccontextmanager
async def a_host(answer: bytes) -> AsyncIterator[str]:
    """Give the URL of a host that answers the upgrade with these bytes and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"


# --- credentials -----------------------------------------------------------------------------------------------------


async def test_credentials_travel_as_a_subprotocol() -> None:
    async with a_device() as device, a_link(device.url, auth="subprotocol") as running:
        await running.up()

        token = device.upgrades[0]["Sec-WebSocket-Protocol"].removeprefix("auth-")
        assert f"admin:{SECRET}".encode() == base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        assert not set("+/=") & set(token)
        assert "Authorization" not in device.upgrades[0]


async def test_credentials_travel_as_http_basic() -> None:
    async with a_device() as device, a_link(device.url, auth="basic") as running:
        await running.up()

        scheme, token = device.upgrades[0]["Authorization"].split()
        assert "Basic" == scheme
        assert f"admin:{SECRET}".encode() == base64.b64decode(token)
        assert "Sec-WebSocket-Protocol" not in device.upgrades[0]


async def test_the_password_is_asked_at_every_connect() -> None:
    passwords = iter(["old", "new"])
    async with a_device() as device, a_link(device.url, auth="basic", password=lambda: next(passwords)) as running:
        await running.up()
        device.sockets[0].transport.abort()
        await running.waits.begun(1)
        running.waits.end_one()
        await running.up(2)

        sent = [base64.b64decode(upgrade["Authorization"].split()[1]) for upgrade in device.upgrades]
        assert [b"admin:old", b"admin:new"] == sent


async def test_a_password_that_cannot_be_had_is_told_and_tried_again_slowly() -> None:
    def unreadable() -> str:
        raise ConfigError("credential webex-password is missing")

    async with a_device() as device, a_link(device.url, password=unreadable) as running:
        await running.waits.begun(1)

        assert [8] == running.waits.asked
        assert [("the password cannot be had: credential webex-password is missing",)] == running.sink.all("down")


async def test_a_password_that_is_no_text_is_not_taken_for_a_wrong_host() -> None:
    async with a_device() as device, a_link(device.url, password=lambda: "s3cret\ud800") as running:
        await running.waits.begun(1)

        assert SetbackKind.CREDENTIALS is running.link.setback.kind
        assert [("the password cannot be had: it or the user's name is no proper text",)] == running.sink.all("down")


async def test_a_host_that_cannot_be_asked_for_does_not_end_the_link() -> None:
    async with a_link("ws://a\x00b:1/ws") as running:
        await running.waits.begun(1)

        assert [("nothing can be connected to by this URL",)] == running.sink.all("down")


def test_an_endpoint_shows_no_password() -> None:
    assert SECRET not in repr(an_endpoint("wss://desk.example.com/ws"))


async def test_no_log_line_shows_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with a_device() as device, a_link(device.url, auth="basic") as running:
        await running.up()

    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("websockets.server")]
    assert not [line for line in ours if "Authorization" in line]


@pytest.mark.parametrize(
    "url",
    ["http://a.example.com/ws", "a.example.com", "wss:///ws", "wss://a.example.com:99999/ws", "wss://[::1/ws", ""],
)
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="device dev-1: the URL must read"):
        an_endpoint(url)


def test_credentials_in_a_url_are_refused_without_showing_them() -> None:
    with pytest.raises(ConfigError, match="do not belong into the URL") as caught:
        an_endpoint("wss://admin:hunter2@a.example.com/ws")

    assert "hunter2" not in str(caught.value)


# --- refused upgrades ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "wait_s", "level"),
    [
        (401, SetbackKind.CLEARTEXT_OFF, 8, "error"),
        (403, SetbackKind.CREDENTIALS, 8, "error"),
        (502, SetbackKind.BOOTING, 1, "warning"),
        (503, SetbackKind.CROWDED, 4, "warning"),
        (404, SetbackKind.SERVICE_OFF, 4, "warning"),
        (500, SetbackKind.SERVICE_OFF, 4, "warning"),
    ],
)
async def test_each_refused_upgrade_in_clear_text_has_its_own_meaning(
    status: int, kind: SetbackKind, wait_s: float, level: str
) -> None:
    async with a_device() as device:
        device.refuse_with = status
        with capture_logs() as logs:
            async with a_link(device.url) as running:
                await running.waits.begun(1)

        assert (kind, [wait_s]) == (running.link.setback.kind, running.waits.asked)
        assert ["down"] == running.sink.kinds()
        told = "link.refused" if level == "error" else "link.down"
        assert [(told, level)] == [
            (line["event"], line["log_level"]) for line in logs if line["event"] in {"link.down", "link.refused"}
        ]


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "90"}, 94),
        (
            {"Date": "Mon, 04 May 2026 08:00:00 GMT", "Retry-After": "Mon, 04 May 2026 08:02:00 GMT"},
            124,
        ),
        ({"Retry-After": "999999"}, 3604),
        ({"Retry-After": "soon"}, 4),
        ({"Retry-After": "-5"}, 4),
    ],
    ids=["seconds", "date", "absurd", "words", "negative"],
)
async def test_a_device_that_takes_no_more_connections_is_left_alone_as_long_as_it_asks(
    headers: dict[str, str], wait_s: float
) -> None:
    async with a_device() as device:
        device.refuse_with, device.refuse_headers = 503, headers
        async with a_link(device.url) as running:
            await running.waits.begun(1)

            assert [wait_s] == running.waits.asked


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        (b"Retry-After: 10\r\nRetry-After: 20\r\n", 14),
        (
            (
                b"Retry-After: Mon, 04 May 2026 08:02:00 GMT\r\n"
                b"Date: Mon, 04 May 2026 08:00:00 GMT\r\nDate: Mon, 04 May 2026 08:01:00 GMT\r\n"
            ),
            124,
        ),
        (
            b"Retry-After: Mon, 01 Jan 99999999999999 00:00:00 GMT\r\nDate: Mon, 04 May 2026 08:00:00 GMT\r\n",
            4,
        ),
    ],
    ids=["two", "two dates", "beyond all dates"],
)
async def test_an_odd_wish_to_be_left_alone_does_not_end_the_link(headers: bytes, wait_s: float) -> None:
    async with a_host(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n" + headers + b"\r\n") as url, a_link(url) as running:
        await running.waits.begun(1)

        assert (SetbackKind.CROWDED, [wait_s]) == (running.link.setback.kind, running.waits.asked)


async def test_a_mistake_of_ours_while_connecting_is_told_and_ends_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    def curse(*_: object) -> Setback:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("hotdesk_daemon.transport.opening.diagnose_opening", curse)
    async with a_device() as device:
        device.refuse_with = 502
        with capture_logs() as logs:
            async with a_link(device.url) as running:
                await running.waits.begun(1)
                device.refuse_with = None
                running.waits.end_one()
                await running.up()

    assert ["connect"] == [line["task"] for line in logs if line["event"] == "task.failed"]
    assert 1 == running.link.counters.setbacks[SetbackKind.MISTAKE]
    assert [4] == running.waits.asked


async def test_a_redirect_is_not_followed_with_the_credentials() -> None:
    async with a_device() as elsewhere, a_device() as device:
        device.refuse_with, device.refuse_headers = 302, {"Location": elsewhere.url}
        async with a_link(device.url) as running:
            await running.waits.begun(1)

            assert SetbackKind.SERVICE_OFF is running.link.setback.kind
            assert [] == elsewhere.upgrades


async def test_a_proxy_in_the_environment_does_not_get_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_device() as proxy, a_device() as device:
        monkeypatch.setenv("http_proxy", proxy.url.replace("ws:", "http:"))
        async with a_link(device.url) as running:
            await running.up()

            assert [] == proxy.upgrades


async def test_nobody_listening_is_a_network_matter() -> None:
    async with a_device() as device:
        url = device.url
    async with a_link(url) as running:
        await running.waits.begun(1)

        assert [("the connection is refused",)] == running.sink.all("down")
        assert [2] == running.waits.asked


async def test_an_unknown_name_is_a_network_matter() -> None:
    async with a_link("wss://desk.invalid/ws") as running:
        await running.waits.begun(1)

        assert SetbackKind.NETWORK is running.link.setback.kind


async def test_a_host_that_takes_connections_and_says_nothing_is_a_network_matter() -> None:
    parting = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await parting.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with server, a_link(url, open_timeout_s=TICK_S) as running:
        await running.waits.begun(1)
        parting.set()

        assert [("no connection within 0.1 s",)] == running.sink.all("down")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n"], ids=["hangs up", "another protocol"])
async def test_a_host_of_another_kind_is_told_apart_and_tried_again(answer: bytes) -> None:
    async with a_host(answer) as url, a_link(url) as running:
        await running.waits.begun(1)

        assert ["down"] == running.sink.kinds()
