"""
The HTTP server: from routes to sockets, and every error to problem details.

Read-only calls need no token, but see no titles and organizers without one; everything that changes something needs
it. Nothing of what callers send is logged beyond method, route and status.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMessage

from hotdesk_daemon import __version__
from hotdesk_daemon.api import openapi
from hotdesk_daemon.api.asks import parse_body, parse_query
from hotdesk_daemon.api.calls import Answer, Call, Streams
from hotdesk_daemon.api.connections import SILENT_S, Connections
from hotdesk_daemon.api.problems import MEDIA_TYPE, Kind, Problem, unavailable
from hotdesk_daemon.api.routes import API, ROUTES, Route
from hotdesk_daemon.api.site import Site
from hotdesk_daemon.core.errors import ConfigError, HotdeskError, TransientError
from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

BODY_LIMIT: Final = 64 * 1024
BODY_S: Final = 10.0
_REALM: Final = 'Bearer realm="hotdesk-daemon"'
_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "hotdesk-daemon"}


@attrs.frozen(kw_only=True)
class Listening:
    """
    Where the server can be reached; the port is the real one where 0 was asked for.

    ``use_token`` has another token count from the next request on.
    """

    host: str
    port: int
    use_token: Callable[[str | None], None]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@attrs.define(eq=False, kw_only=True)
class _Door:
    """What handlers are made with."""

    site: Site
    token: str | None
    streams: Streams
    new_uuid: Callable[[], str]
    closing: asyncio.Event
    body_s: float
    connections: Connections | None = None

    def use_token(self, token: str | None) -> None:
        """Let *token* count from the next request on."""
        self.token = token


def _new_uuid() -> str:
    return str(uuid.uuid4())


@asynccontextmanager
async def serve(
    site: Site,
    *,
    host: str,
    port: int,
    token: str | None,
    streams: Streams | None = None,
    new_uuid: Callable[[], str] = _new_uuid,
    silent_s: float = SILENT_S,
    body_s: float = BODY_S,
) -> AsyncIterator[Listening]:
    """
    The server, listening while the context is open.

    Args:
        site: What is shown and asked.
        host: The address to listen on; loopback unless somebody chose otherwise.
        port: The port, 0 for any.
        token: The bearer token; ``None`` switches changes off.
        streams: How live streams behave.
        new_uuid: Makes the BookingRequestUUID of each booking asked for here.
        silent_s: A connection that asks for nothing for so long is closed.
        body_s: How long the body of a request may take.

    Raises:
        ConfigError: The address cannot be had.
        TransientError: Somebody else listens there.
    """
    door = _Door(
        site=site,
        token=token,
        streams=streams or Streams(),
        new_uuid=new_uuid,
        closing=asyncio.Event(),
        body_s=body_s,
    )
    runner = web.AppRunner(_application(door), access_log=None, shutdown_timeout=2.0, logger=_library_log())
    await runner.setup()
    listener = watching = None
    try:
        if runner.server is None:
            raise AssertionError("it was set up")
        door.connections = Connections(runner.server, silent_s=silent_s)
        listener = await _listen(door.connections, host=host, port=port)
        watching = asyncio.create_task(door.connections.watch(), name="http: silent connections")
        listening = Listening(host=host, port=listener.sockets[0].getsockname()[1], use_token=door.use_token)
        get_log().info("http.started", url=listening.url)
        yield listening
    finally:
        door.closing.set()
        if watching is not None:
            watching.cancel()
        if listener is not None:
            listener.close()
        await runner.cleanup()


async def _listen(connections: Connections, *, host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(connections, host, port)
    except OSError as exc:
        where = f"http: cannot listen on {host} port {port}: {exc.strerror or exc}"
        if exc.errno == errno.EADDRINUSE:
            raise TransientError(
                f"http: port {port} of {host} is taken by another program; choose another http.port"
            ) from exc
        raise ConfigError(where) from exc


def _library_log() -> logging.Logger:
    """
    The HTTP library's logger, without its errors about bytes that are no HTTP.

    Whoever sent those was told; a port scanner must not fill the log of people who are to act on errors.
    """
    logger = logging.getLogger("aiohttp.server")
    if _is_ours_to_tell not in logger.filters:
        logger.addFilter(_is_ours_to_tell)
    return logger


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, BadHttpMessage | ConnectionError)


def _application(door: _Door) -> web.Application:
    application = web.Application(middlewares=[_problems(door)], client_max_size=BODY_LIMIT)
    resources: dict[str, web.Resource] = {}
    for route in ROUTES:
        resource = resources.get(route.path) or application.router.add_resource(route.path)
        resources[route.path] = resource
        handler = _handler(door, route)
        resource.add_route(route.method, handler)
        if route.method == "GET" and route.media is None:
            resource.add_route("HEAD", handler)

    async def get_openapi(request: web.Request) -> web.Response:
        return _respond(Answer(content=_document()))

    application.router.add_get(f"{API}/openapi.json", get_openapi)
    return application


@cache
def _document() -> bytes:
    """The OpenAPI document, made when it is first asked for: a start need not wait for it."""
    return msgspec.json.encode(openapi.document(version=__version__))


def _handler(door: _Door, route: Route) -> Handler:
    """The HTTP library's handler for one route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        persons = _may(door, request, changes=route.changes)
        query = None if route.query is None else parse_query(route.query, request.query.items())
        body = None if route.body is None else parse_body(route.body, await _read_body(request, within_s=door.body_s))
        result = await route.handler(
            Call(
                site=door.site,
                path=request.match_info,
                query=query,
                body=body,
                persons=persons,
                new_uuid=door.new_uuid,
                streams=door.streams,
                closing=door.closing,
                request=request,
            )
        )
        return _respond(result) if isinstance(result, Answer) else result

    return handle


def _may(door: _Door, request: web.Request, *, changes: bool) -> bool:
    """
    Check the caller's token and say whether persons may be shown.

    A wrong token is an error even where none is needed: its owner believes to see everything.
    """
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None and not changes:
        return False
    if door.token is None:
        raise Problem(
            status=403, kind=Kind.FORBIDDEN, detail="the daemon has no token configured, so nobody may do this"
        )
    scheme, _, given = (header or "").partition(" ")
    if header is None or scheme.lower() != "bearer":
        raise Problem(
            status=401,
            kind=Kind.UNAUTHENTICATED,
            detail="this needs the daemon's token, in a header Authorization: Bearer TOKEN",
            headers={hdrs.WWW_AUTHENTICATE: _REALM},
        )
    if not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), door.token.encode()):
        raise Problem(
            status=401,
            kind=Kind.UNAUTHENTICATED,
            detail="the token is not the daemon's",
            headers={hdrs.WWW_AUTHENTICATE: f'{_REALM}, error="invalid_token"'},
        )
    return True


async def _read_body(request: web.Request, *, within_s: float) -> bytes:
    """The body as bytes; it must be JSON by name, and is not read further than it may be long, nor for longer."""
    try:
        async with asyncio.timeout(within_s):
            raw = await request.read()
    except TimeoutError as exc:
        raise Problem(status=408, detail=f"the body did not come within {within_s:g} s") from exc
    if raw and request.content_type != "application/json":
        raise Problem(
            status=415,
            detail=f"the body must be application/json, not {request.content_type}",
            headers={"Accept": "application/json"},
        )
    return raw


def _problems(door: _Door) -> Middleware:
    """The guard around every request: whatever goes wrong leaves as problem details."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if door.connections is not None:
            door.connections.heard(request.protocol)
        try:
            return await handler(request)
        except Problem as problem:
            return _render(request, problem)
        except web.HTTPException as exc:
            return _render(request, _from_library(request, exc))
        except TransientError as exc:
            return _render(request, unavailable(str(exc), retry_after_s=exc.retry_after_s))
        except ConnectionError:
            raise  # the caller is gone; there is nobody to answer
        except Exception as exc:  # noqa: BLE001 each request is a task of its own, and this is its guard
            kept = str(exc) if isinstance(exc, HotdeskError) else "an unexpected error; the log has it"
            get_log().error(
                "http.request_failed", method=request.method, route=_route_of(request), status=500, exc_info=exc
            )
            return _render(request, Problem(status=500, kind=Kind.INTERNAL, detail=kept))

    return guard


def _from_library(request: web.Request, exc: web.HTTPException) -> Problem:
    """What the HTTP library refused by itself."""
    if exc.status == HTTPStatus.NOT_FOUND:
        return Problem(status=404, kind=Kind.NOT_FOUND, detail=f"nothing is at {request.path}")
    if isinstance(exc, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(exc.allowed_methods))
        detail = f"{request.method} is not possible here, but {allowed}"
        return Problem(status=405, detail=detail, headers={"Allow": allowed})
    if isinstance(exc, web.HTTPRequestEntityTooLarge):
        return Problem(status=413, detail=f"a body may have up to {BODY_LIMIT} bytes")
    return Problem(status=exc.status, detail=exc.text)


def _render(request: web.Request, problem: Problem) -> web.Response:
    body = problem.body(instance=request.path)
    return _respond(Answer(content=body, status=problem.status, media_type=MEDIA_TYPE, headers=problem.headers))


def _respond(answer: Answer) -> web.Response:
    headers = {**_ALWAYS, "Vary": "Authorization", "Content-Type": answer.media_type, **answer.headers}
    return web.Response(body=answer.content, status=answer.status, headers=headers)


def _route_of(request: web.Request) -> str:
    """The route's pattern, which has no ids in it."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical
