from __future__ import annotations

import asyncio
import base64
import ssl
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.transport import SetbackKind, SslContexts, Tls
from tests.transport.doubles import LIMIT_S, TICK_S, Identity, a_device, a_link, an_endpoint, make_identity

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret/?>"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def server_tls(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    return context


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


async def test_a_401_over_tls_means_wrong_credentials(identity: Identity, server_tls: ssl.SSLContext) -> None:
    async with a_device(tls=server_tls) as device:
        device.refuse_with = 401
        async with a_link(device.url, tls=Tls(fingerprint_sha256=identity.fingerprint)) as running:
            await running.waits.begun(1)

            assert SetbackKind.CREDENTIALS is running.link.setback.kind


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
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with server, a_link(url) as running:
        await running.waits.begun(1)

        assert ["down"] == running.sink.kinds()


# --- certificates ----------------------------------------------------------------------------------------------------


async def test_a_pinned_certificate_is_accepted_however_the_pin_is_written(
    identity: Identity, server_tls: ssl.SSLContext
) -> None:
    digits = identity.fingerprint.upper()
    written = ":".join(digits[i : i + 2] for i in range(0, 64, 2))
    async with a_device(tls=server_tls) as device, a_link(device.url, tls=Tls(fingerprint_sha256=written)) as running:
        await running.up()

        assert 1 == len(device.upgrades)


async def test_another_certificate_than_the_pinned_one_gets_nothing_at_all(
    stranger: Identity, server_tls: ssl.SSLContext
) -> None:
    heard: list[bytes] = []
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while byte := await reader.read(1):
                heard.append(byte)
        except ConnectionError:  # dropped without ceremony
            pass
        writer.close()
        over.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=server_tls)
    url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with server, a_link(url, tls=Tls(fingerprint_sha256=stranger.fingerprint)) as running:
        await running.waits.begun(1)
        await asyncio.wait_for(over.wait(), LIMIT_S)

    assert SetbackKind.CERTIFICATE is running.link.setback.kind
    assert [] == heard
    assert [8] == running.waits.asked


async def test_a_certificate_of_a_known_authority_is_accepted(identity: Identity, server_tls: ssl.SSLContext) -> None:
    tls = Tls(ca_file=str(identity.certificate))
    async with a_device(tls=server_tls) as device, a_link(device.url, tls=tls) as running:
        await running.up()


async def test_a_certificate_of_an_unknown_authority_gets_nothing(
    stranger: Identity, server_tls: ssl.SSLContext
) -> None:
    tls = Tls(ca_file=str(stranger.certificate))
    async with a_device(tls=server_tls) as device, a_link(device.url, tls=tls) as running:
        await running.waits.begun(1)

        assert SetbackKind.CERTIFICATE is running.link.setback.kind
        assert [] == device.upgrades


async def test_verification_is_off_only_when_said_so_and_then_logged(server_tls: ssl.SSLContext) -> None:
    async with a_device(tls=server_tls) as device:
        with capture_logs() as logs:
            async with a_link(device.url, tls=Tls(verify=False)) as running:
                await running.up()

    assert ["warning"] == [line["log_level"] for line in logs if line["event"] == "link.unverified"]


def test_contexts_are_shared_between_devices_with_equal_demands() -> None:
    contexts = SslContexts()

    assert contexts.context(Tls(fingerprint_sha256="a" * 64)) is contexts.context(Tls(fingerprint_sha256="b" * 64))
    assert contexts.context(Tls(fingerprint_sha256="a" * 64)) is not contexts.context(Tls())


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "no certificate"])
def test_an_unusable_file_of_authorities_is_a_configuration_mistake(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(ConfigError, match="cannot be used"):
        SslContexts().context(Tls(ca_file=str(file)))


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 63, "a" * 128])
def test_a_fingerprint_that_is_none_is_a_configuration_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        Tls(fingerprint_sha256=text)


@pytest.mark.parametrize(
    ("url", "tls", "exposed"),
    [
        ("wss://desk.example.com/ws", Tls(), False),
        ("wss://desk.example.com/ws", Tls(verify=False), True),
        ("wss://desk.example.com/ws", Tls(verify=False, fingerprint_sha256="a" * 64), False),
        ("ws://desk.example.com/ws", Tls(), True),
        ("ws://127.0.0.1:8080/ws", Tls(), False),
        ("ws://localhost/ws", Tls(), False),
    ],
)
def test_exposed_is_what_gives_credentials_to_anybody(url: str, tls: Tls, exposed: bool) -> None:  # noqa: FBT001
    assert exposed is an_endpoint(url, tls=tls).is_exposed
