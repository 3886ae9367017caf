"""Whom a link believes to be its device."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.transport import SetbackKind, SslContexts, Tls
from tests.transport.doubles import LIMIT_S, Identity, a_device, a_link, an_endpoint, make_identity

if TYPE_CHECKING:
    from pathlib import Path


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


async def test_a_401_over_tls_means_wrong_credentials(identity: Identity, server_tls: ssl.SSLContext) -> None:
    async with a_device(tls=server_tls) as device:
        device.refuse_with = 401
        async with a_link(device.url, tls=Tls(fingerprint_sha256=identity.fingerprint)) as running:
            await running.waits.begun(1)

            assert SetbackKind.CREDENTIALS is running.link.setback.kind


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
        ("WSS://desk.example.com/ws", Tls(), False),
        ("ws://desk.example.com/ws", Tls(), True),
        ("ws://127.0.0.1:8080/ws", Tls(), False),
        ("ws://localhost/ws", Tls(), False),
    ],
)
def test_exposed_is_what_gives_credentials_to_anybody(url: str, tls: Tls, exposed: bool) -> None:  # noqa: FBT001
    assert exposed is an_endpoint(url, tls=tls).is_exposed
