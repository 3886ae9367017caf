"""
The simulated cloud's HTTP server: token endpoint, installations, queues, keys, devices, workspaces and xAPI.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import aiohttp
from aiohttp import web

from . import listings, xapi
from .ids import uuid_in
from .organisation import CloudOrganisation, Request
from .signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hotdesk_daemon.simulator.certificates import Certificate
    from hotdesk_daemon.simulator.device import Device
    from hotdesk_daemon.simulator.floor import Floor

_MOST_BYTES: Final = 1 << 20
_PAGE: Final = 100
#: Whom a request was about, for the log of requests.
_DEVICE: Final = web.RequestKey("device", str)
_OVER_RATE_S: Final = 2.0

_Handler: TypeAlias = "Callable[[CloudOrganisation, web.Request], Awaitable[web.Response]]"


class SimulatedCloud:
    """
    The cloud in front of a started floor; its desks are dealt out to the organisations in turn.

    Args:
        floor: whose devices it reaches; must have been started.
        organisations: how many.
        certificate: listen with TLS, with this certificate.

    """

    def __init__(self, floor: Floor, *, organisations: int = 1, certificate: Certificate | None = None) -> None:
        self.key = SigningKey()
        self.strangers_key = SigningKey("a-stranger")
        self.organisations: tuple[CloudOrganisation, ...] = ()
        self.url = ""
        self._floor = floor
        self._count = organisations
        self._certificate = certificate
        self._closing = contextlib.AsyncExitStack()
        self._sending: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def api_url(self) -> str:
        """The REST API."""
        return f"{self.url}/v1"

    @property
    def jwks_url(self) -> str:
        """The keys."""
        return f"{self.url}/jwks"

    @property
    def supported_url(self) -> str:
        """The list of what is pushed."""
        return f"{self.url}/xapi/api/apps/supportedSubscriptions"

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """
        Listen.

        Raises:
            OSError: the port cannot be had.

        """
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._closing.push_async_callback(runner.cleanup)
        context = self._certificate.context if self._certificate is not None else None
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        scheme = "https" if context is not None else "http"
        self.url = f"{scheme}://{host}:{runner.addresses[0][1]}"
        self.organisations = tuple(
            CloudOrganisation(
                number + 1,
                floor=self._floor,
                desks=self._floor.desks[number :: self._count],
                key=self.key,
                base=self.url,
            )
            for number in range(self._count)
        )
        session = await self._closing.enter_async_context(aiohttp.ClientSession())
        loop = asyncio.get_running_loop()
        for organisation in self.organisations:
            organisation.begin_full_syncs()
            name = f"simulated webhook of {organisation.name}"
            self._sending.append(loop.create_task(organisation.webhook.run(session), name=name))

    async def stop(self) -> None:
        """Listen and send no more."""
        for task in self._sending:
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)
        for organisation in self.organisations:
            organisation.queue.wake()
            organisation.withhold_no_more()
        await self._closing.aclose()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BYTES, middlewares=[_explain])
        place = "/{region}/xapi/api/organizations/{org}/apps/{app}"
        app.add_routes(
            [
                web.get("/jwks", self._jwks),
                web.get("/xapi/api/apps/supportedSubscriptions", self._supported),
                web.post("/v1/access_token", self._token),
                web.get(place, self._within(_read_app)),
                web.patch(place, self._within(_patch_app)),
                web.delete(place, self._within(_delete_app)),
                web.get(f"{place}/queue", self._within(_poll, counts=False)),
                web.get("/v1/devices", self._within(_list_devices)),
                web.get("/v1/devices/{id}", self._within(_one_device)),
                web.get("/v1/workspaces", self._within(_list_workspaces)),
                web.get("/v1/workspaces/{id}", self._within(_one_workspace)),
                web.post("/v1/xapi/command/{name}", self._within(_command)),
                web.get("/v1/xapi/status", self._within(_status)),
                web.get("/v1/deviceConfigurations", self._within(_configurations)),
                web.get("/v1/xapi/status/", self._within(_status)),
            ]
        )
        return app

    # Without a token.

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.public()]})

    async def _supported(self, _request: web.Request) -> web.Response:
        some = self.organisations[0]
        return web.json_response({"supportedStatuses": some.pushed_statuses, "supportedEvents": some.pushed_events})

    async def _token(self, request: web.Request) -> web.Response:
        try:
            is_json = request.content_type == "application/json"
            given: dict[str, Any] = await request.json() if is_json else dict(await request.post())
        except ValueError:
            return _error(400, "The request cannot be read.")
        organisation = next((one for one in self.organisations if one.client_id == given.get("client_id")), None)
        if organisation is None or organisation.client_secret != given.get("client_secret"):
            return _error(401, "The client is not known.")
        fault = organisation.faults.strike("refresh_error")
        status = int(fault.number("status")) if fault is not None else 200
        reply = organisation.refresh(str(given.get("refresh_token"))) if fault is None else None
        if reply is None and fault is None:
            status = 400
        organisation.requests.append(
            Request(at=organisation.now(), method="POST", path="/v1/access_token", status=status)
        )
        return web.json_response(reply) if reply is not None else _error(status, "The token is refused.")

    # With one.

    def _within(self, handler: _Handler, *, counts: bool = True) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            organisation = next((one for one in self.organisations if token in one.access_tokens), None)
            if scheme != "Bearer" or organisation is None or not organisation.accepts(token):
                for one in self.organisations:
                    if one.uuid in request.path:
                        _note(one, request, 401)
                return _error(401, "The request requires a valid access token set in the Authorization header.")
            try:
                if counts:
                    _within_rate(organisation)
                response = await handler(organisation, request)
            except xapi.RestError as error:
                response = _refusal(organisation, error)
            _note(organisation, request, response.status)
            return response

        return handle


def _within_rate(organisation: CloudOrganisation) -> None:
    if organisation.is_over_rate():
        raise xapi.RestError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.", _OVER_RATE_S)


def _note(organisation: CloudOrganisation, request: web.Request, status: int) -> None:
    device = str(request.get(_DEVICE, ""))
    organisation.requests.append(
        Request(at=organisation.now(), method=request.method, path=request.path, status=status, device=device)
    )


@web.middleware
async def _explain(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what the server itself refuses (no such place, too long) as everything else is refused."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return _error(refusal.status, refusal.reason)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    tracking = f"SIMULATED_{status}"
    body = {"message": message, "errors": [{"description": message}], "trackingId": tracking}
    return web.json_response(body, status=status, headers={"TrackingID": tracking, **(headers or {})})


def _refusal(organisation: CloudOrganisation, error: xapi.RestError) -> web.Response:
    headers = {}
    if error.retry_after_s is not None:
        when = organisation.now() + timedelta(seconds=error.retry_after_s)
        as_date = organisation.retry_after_as_date
        headers["Retry-After"] = format_datetime(when, usegmt=True) if as_date else str(round(error.retry_after_s))
        headers["Date"] = format_datetime(organisation.now(), usegmt=True)  # what such a date is relative to
    return _error(error.status, error.message, headers)


# The installation.


def _place(organisation: CloudOrganisation, request: web.Request) -> str:
    """The path of the installation that the request is for."""
    path = request.path.removesuffix("/queue")
    if not organisation.is_at(path):
        raise xapi.RestError(404, "The requested resource could not be found.")
    return path


async def _read_app(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    _place(organisation, request)
    return web.json_response(organisation.app())


async def _patch_app(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    path = _place(organisation, request)
    try:
        settings = await request.json()
    except ValueError as exc:
        raise xapi.RestError(400, "The request cannot be read.") from exc
    if not isinstance(settings, dict):
        raise xapi.RestError(400, "The settings are no object.")
    organisation.configure(path, settings)
    return web.json_response(organisation.app())


async def _delete_app(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    _place(organisation, request)
    organisation.settings = {}
    organisation.queue.wake()
    return web.json_response({})


async def _poll(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    path = _place(organisation, request)
    fault = organisation.faults.strike("poll_error")
    if fault is not None:
        raise xapi.RestError(int(fault.number("status")), "Something went wrong.", fault.number("retry_after") or None)
    if organisation.faults.strike("poll_malformed") is not None:
        return web.Response(body=b'{"messages": [', content_type="application/json")
    if organisation.settings.get("queue", {}).get("state") != "enabled":
        raise xapi.RestError(404, "There is no queue.")
    await organisation.queue.wait()
    if not organisation.is_at(path):
        raise xapi.RestError(404, "There is no queue here any more.")
    body = b'{"messages":[' + b",".join(organisation.queue.take()) + b"]}"
    return web.Response(body=body, content_type="application/json")


# Listings.


def _page(request: web.Request, items: Sequence[listings.Item]) -> web.Response:
    """One page, and where the next one is."""
    try:
        start, most = int(request.query.get("start", "0")), int(request.query.get("max", str(_PAGE)))
    except ValueError as exc:
        raise xapi.RestError(400, "start and max are numbers.") from exc
    shown = items[start : start + max(1, min(most, 1000))]
    headers = {}
    following = start + len(shown)
    if following < len(items):
        url = request.url.update_query({"start": str(following), "max": str(most)})
        headers["Link"] = f'<{url}>; rel="next"'
    return web.json_response({"items": shown}, headers=headers)


def _filtered(request: web.Request, items: Sequence[listings.Item], names: tuple[str, ...]) -> Sequence[listings.Item]:
    for name in names:
        wanted = request.query.get(name)
        if wanted is not None:
            items = [item for item in items if uuid_in(str(item.get(name))) == uuid_in(wanted)]
    tag = request.query.get("tag")
    if tag is not None:
        items = [item for item in items if set(tag.split(",")) <= set(item.get("tags", ()))]
    return items


async def _list_devices(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    return _page(request, _filtered(request, listings.devices(organisation), ("workspaceId", "locationId")))


async def _list_workspaces(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    return _page(request, _filtered(request, listings.workspaces(organisation), ("locationId",)))


def _one(request: web.Request, items: Sequence[listings.Item]) -> web.Response:
    wanted = uuid_in(request.match_info["id"])
    for item in items:
        if uuid_in(str(item["id"])) == wanted:
            return web.json_response(item)
    raise xapi.RestError(404, "The requested resource could not be found.")


async def _one_device(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    return _one(request, listings.devices(organisation))


async def _one_workspace(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    return _one(request, listings.workspaces(organisation))


# xAPI.


def _device(organisation: CloudOrganisation, request: web.Request, given: str) -> Device:
    uuid = uuid_in(given)
    device = organisation.find(uuid)
    if device is None:
        raise xapi.RestError(404, "The device is not known.")
    request[_DEVICE] = device.device_id
    if uuid in organisation.elsewhere:
        raise xapi.RestError(403, "The device is at another location.")
    return device


async def _command(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    try:
        body = json.loads(await request.read())
        arguments = body.get("arguments") or {}
        device = _device(organisation, request, str(body["deviceId"]))
    except (ValueError, KeyError, AttributeError) as exc:
        raise xapi.RestError(400, "The request cannot be read.") from exc
    result, withheld = xapi.run_command(organisation, device, request.match_info["name"], arguments)
    if withheld is not None:
        await organisation.withhold(device, withheld.seconds)
    return web.json_response({"deviceId": body["deviceId"], "arguments": arguments, "result": result})


async def _status(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    given = request.query.get("deviceId", "")
    names = [name for part in request.query.getall("name", []) for name in part.split(",") if name]
    tree = xapi.read_statuses(organisation, _device(organisation, request, given), names)
    return web.json_response({"deviceId": given, "result": tree})


async def _configurations(organisation: CloudOrganisation, request: web.Request) -> web.Response:
    given, key = request.query.get("deviceId", ""), request.query.get("key", "*")
    items = xapi.read_configurations(organisation, _device(organisation, request, given), key)
    return web.json_response({"deviceId": given, "items": items})
