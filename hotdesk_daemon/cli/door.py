"""
The daemon's HTTP door from the caller's side: plain requests, pages, and the live stream.

Built on the standard library so that a verb starts fast. Every wait has a limit; whatever goes wrong becomes one of
our errors, with a sentence for the person who typed the verb.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import attrs
import click

from hotdesk_daemon.core.errors import (
    ConfigError,
    HotdeskError,
    LostAnswerError,
    PermanentError,
    ProtocolError,
    RefusedError,
    TransientError,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hotdesk_daemon.cli.options import Config

Json: TypeAlias = Any  # what the daemon answers; the shapes are in its OpenAPI document

API: Final = "/api/v1"
ANSWER_LIMIT_S: Final = 30.0  # the daemon itself gives up on a commit after 10 s
PAGE: Final = 1000
SILENCE_LIMIT_S: Final = 45.0  # three heartbeats of the stream
_PREFIX: Final = "urn:hotdesk-daemon:problem:"
_WHOLE: Final = 16 * 1024 * 1024
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 addresses to listen on are none to call


@attrs.frozen(kw_only=True)
class ServerEvent:
    """One server-sent event; ``name`` is empty for a heartbeat."""

    name: str
    data: str


@attrs.frozen(kw_only=True)
class Door:
    """The daemon at *url*; ``token`` is needed to change something and to see persons."""

    url: str
    token: str | None = None
    talk: bool = False

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """What the daemon answers, decoded."""
        return self.send("GET", path, query=query)

    def probe(self, path: str) -> Json:
        """What the daemon answers, whatever its status: `/readyz` says no in the same words as yes."""
        connection = self._connect(ANSWER_LIMIT_S)
        try:
            with _translated(self.url, sent=False):
                self._request(connection, "GET", path)
                response = connection.getresponse()
                return _json(response.status, response.read(_WHOLE))
        finally:
            connection.close()

    def items(self, path: str, query: Mapping[str, Any], *, cursor: str, most: int | None = None) -> Listed:
        """Every item of a paged collection, or the first so *most*, with the site's time."""
        found: list[Any] = []
        now, position = "", None
        while True:
            page = self.get(path, {**query, "limit": min(most or PAGE, PAGE), cursor: position})
            now = now or page["now"]
            found += page["items"]
            position = page["next"]
            if position is None or (most is not None and len(found) >= most):
                return Listed(now=now, items=found[:most])

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Json:
        """
        Send one request and return what the daemon answers, decoded.

        Raises:
            TransientError: The daemon cannot be reached, or asks to come back later.
            LostAnswerError: A change was sent and no answer came.
            RefusedError: It says no.
            PermanentError: There is no such thing, or the daemon failed.
        """
        connection = self._connect(ANSWER_LIMIT_S)
        try:
            with _translated(self.url, sent=method != "GET"):
                self._request(connection, method, path, body=body, query=query)
                response = connection.getresponse()
                raw = response.read(_WHOLE)
        finally:
            connection.close()
        if self.talk:
            click.echo(f"{method} {path} → {response.status}", err=True)
        return _decoded(response.status, raw)

    @contextmanager
    def stream(self, query: Mapping[str, Any], *, limit_s: float = math.inf) -> Iterator[Iterator[ServerEvent]]:
        """
        Events from now on, for *limit_s*; the subscription stands when this enters.

        Raises:
            TransientError: The connection broke, fell silent, or the daemon stopped.
        """
        end = time.monotonic() + limit_s
        connection = self._connect(SILENCE_LIMIT_S)
        sock = connection.sock
        try:
            with _translated(self.url, sent=False):
                self._request(connection, "GET", f"{API}/stream", query=query)
                response = connection.getresponse()
                raw = b"" if response.status == http.HTTPStatus.OK else response.read(_WHOLE)
            if response.status != http.HTTPStatus.OK:
                raise _error_of(response.status, raw)
            yield self._events(_lines(response, sock, end=end, url=self.url))
        finally:
            connection.close()

    @staticmethod
    def _events(lines: Iterator[bytes]) -> Iterator[ServerEvent]:
        name, data = "", ""
        for raw in lines:
            line = raw.decode().rstrip("\r\n")
            if line.startswith(":"):
                yield ServerEvent(name="", data="")
            elif not line and data:
                yield ServerEvent(name=name, data=data)
                name, data = "", ""
            elif line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")

    def _connect(self, limit_s: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""  # never empty: find_door has checked
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(host, parts.port, timeout=limit_s)
        with _translated(self.url, sent=False):
            connection.connect()
        return connection

    def _request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> None:
        headers = {"Accept": "application/json, application/problem+json, text/event-stream"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        wanted = {name: value for name, value in (query or {}).items() if value not in (None, (), [])}
        target = urlsplit(self.url).path.rstrip("/") + path + (f"?{urlencode(wanted, doseq=True)}" if wanted else "")
        connection.request(method, target, body=None if body is None else json.dumps(body).encode(), headers=headers)


#: Where a person finds the token.
_HINT: Final = "name its file by --token-file, or the daemon's own configuration by --config"


@attrs.frozen(kw_only=True)
class Listed:
    """Items of a collection, and the site's time at which they were read."""

    now: str
    items: list[Any]


def find_door(config: Config, *, url: str | None, token_file: Path | None, talk: bool) -> Door:
    """
    The door that the options, else the configuration, lead to.

    Raises:
        ConfigError: They lead nowhere.
    """
    token = None if token_file is None else _token_of(token_file)
    if url is not None:
        return Door(url=_checked(url), token=token, talk=talk)
    from hotdesk_daemon.ops.settings import fetched, stored_http_token

    settings = config.places()
    if settings.http.port == 0:
        raise ConfigError("http.port is 0, so the daemon's port is not known here: give --url")
    host = _EVERYWHERE.get(settings.http.host, settings.http.host)
    if token is None:
        named = settings.http.token
        secret = stored_http_token(settings.daemon.state_dir) if named is None else fetched(named, os.environ)
        token = None if secret is None else secret.reveal()
    return Door(url=f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}", token=token, talk=talk)


def part(text: str) -> str:
    """*text* as one segment of a path."""
    return quote(text, safe="")


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{url!r} is no address such as http://127.0.0.1:8480", param_hint="--url")
    return url


def _token_of(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is not UTF-8 text"
        raise ConfigError(f"{path}: the token cannot be read: {why}") from exc
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigError(f"{path}: the token must be one line of visible ASCII characters")
    return text


def _lines(response: http.client.HTTPResponse, sock: socket.socket, *, end: float, url: str) -> Iterator[bytes]:
    """The lines of a stream that ends by itself only when it breaks; none any more at *end*, of the monotonic clock."""
    while (left_s := end - time.monotonic()) > 0:
        sock.settimeout(min(SILENCE_LIMIT_S, left_s))
        try:
            with _translated(url, sent=False):
                raw = response.readline()
        except TransientError as exc:
            if left_s < SILENCE_LIMIT_S and isinstance(exc.__cause__, TimeoutError):
                return
            raise
        if not raw:
            raise TransientError("the daemon ended the stream")
        yield raw


@contextmanager
def _translated(url: str, *, sent: bool) -> Iterator[None]:
    """Turn what sockets and HTTP raise into our errors; *sent*: a request may have been taken."""
    try:
        yield
    except http.client.HTTPException as exc:
        if not isinstance(exc, http.client.RemoteDisconnected):
            raise ProtocolError(f"what answers at {url} is no hotdesk daemon ({type(exc).__name__})") from exc
        raise _broken(url, "hung up", sent=sent) from exc
    except TimeoutError as exc:
        raise _broken(url, "does not answer", sent=sent) from exc
    except OSError as exc:
        raise _broken(url, f"cannot be reached: {exc.strerror or exc}", sent=sent) from exc


def _broken(url: str, how: str, *, sent: bool) -> TransientError:
    if sent:
        return LostAnswerError(f"the daemon at {url} {how}: it may have taken the wish, look before repeating it")
    return TransientError(f"the daemon at {url} {how}; does it run?")


def _decoded(status: int, raw: bytes) -> Json:
    """The answer's JSON, or the error that a problem stands for."""
    if status >= http.HTTPStatus.BAD_REQUEST:
        raise _error_of(status, raw)
    return _json(status, raw)


def _error_of(status: int, raw: bytes) -> Exception:
    problem = _json(status, raw)
    return _error(status, problem if isinstance(problem, dict) else {})


def _json(status: int, raw: bytes) -> Json:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(
            f"what answers there is no hotdesk daemon: status {status} and no JSON; mend --url"
        ) from exc


def _error(status: int, problem: Mapping[str, Any]) -> Exception:  # noqa: PLR0911 - one per kind of problem
    detail = str(problem.get("detail") or problem.get("title") or f"status {status}")
    match str(problem.get("type", "")).removeprefix(_PREFIX):
        case "refused":
            return RefusedError(detail, code=status)
        case "unauthenticated" | "forbidden":
            return RefusedError(f"{detail}: {_HINT}", code=status)
        case "invalid":
            return click.UsageError(detail)
        case "unknown-outcome":
            return LostAnswerError(detail)
        case "configuration":
            return ConfigError(*(str(one.get("detail")) for one in problem.get("errors", ())))
        case "unavailable":
            return TransientError(detail)
        case "not-found":
            return PermanentError(detail)
        case _:
            return HotdeskError(f"the daemon failed: {detail}")
