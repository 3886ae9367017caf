"""
The HTTP door to a floor that runs by itself, on loopback: see the desks, switch faults, play flows, act as a person.

    GET    /desks                      every desk with its devices
    GET    /faults                     the faults there are, and those that are on
    PUT    /faults/{name}              {"device": "...", "times": 1, "options": {...}}; no device: the whole floor
    DELETE /faults/{name}?device=...
    GET    /flows                      the flows there are
    POST   /flows/{name}               {"desk": "Desk 0001", "variant": ""}; answers at once, the flow goes on
    POST   /devices/{id}/people/{act}  {"email": "..."} and what else the act takes
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from .faults import FAULTS, FaultBoard, UnknownFaultError
from .flow_steps import StageError
from .flows import FLOWS, FlowError, play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .desks import Desk
    from .floor import Floor

_MAX_BODY = 64 << 10
_MAX_PLAYS = 100
_ACTS = (
    "book",
    "come",
    "delete",
    "edit",
    "end_call",
    "extend",
    "leave",
    "share",
    "sign_in",
    "sign_out",
    "start_call",
    "stop_sharing",
)


class ControlDoor:
    """The door of one floor; it ends every flow it plays when it is closed."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._plays: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, *, host: str, port: int) -> str:
        """
        Open the door and return its URL.

        Raises:
            OSError: the port cannot be had.

        """
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[_explain])
        app.add_routes(
            [
                web.get("/desks", self._desks),
                web.get("/faults", self._faults),
                web.put("/faults/{name}", self._enable),
                web.delete("/faults/{name}", self._disable),
                web.get("/flows", self._flows),
                web.post("/flows/{name}", self._play),
                web.post("/devices/{device}/people/{act}", self._act),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the door."""
        for task in self._plays:
            task.cancel()
        if self._plays:
            await asyncio.wait(self._plays)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _desks(self, _request: web.Request) -> web.Response:
        return _json({"desks": [describe(desk) for desk in self._floor.desks]})

    async def _faults(self, _request: web.Request) -> web.Response:
        places = {"": self._floor.faults} | {
            station.device_id: station.device.faults for desk in self._floor.desks for station in desk.stations
        }
        active = [
            {"device": place, "name": fault.name, "options": fault.options, "times": fault.times}
            for place, board in places.items()
            for fault in board.active.values()
        ]
        known = {name: {"title": spec.title, "options": dict(spec.options)} for name, spec in FAULTS.items()}
        return _json({"active": active, "known": known})

    async def _enable(self, request: web.Request) -> web.Response:
        body = await _body(request, "device", "times", "options")
        options, times = body.get("options", {}), body.get("times")
        if not isinstance(options, dict) or not isinstance(times, int | None):
            raise UnknownFaultError("options must be an object and times a number")
        board = self._board(str(body.get("device", "")))
        fault = board.enable(request.match_info["name"], times=times, **options)
        return _json({"name": fault.name, "options": fault.options, "times": fault.times})

    async def _disable(self, request: web.Request) -> web.Response:
        self._board(request.query.get("device", "")).disable(request.match_info["name"])
        return _json({})

    def _board(self, device: str) -> FaultBoard:
        return self._floor.device(device).faults if device else self._floor.faults

    async def _flows(self, _request: web.Request) -> web.Response:
        flows = {
            name: {"title": flow.title, "kinds": sorted(flow.kinds), "variants": list(flow.variants)}
            for name, flow in FLOWS.items()
        }
        return _json({"flows": flows})

    async def _play(self, request: web.Request) -> web.Response:
        body = await _body(request, "desk", "variant")
        if len(self._plays) >= _MAX_PLAYS:
            raise web.HTTPTooManyRequests(text="too many flows are being played")
        name, desk = request.match_info["name"], self._floor.desk(str(body.get("desk", "")))
        running = asyncio.get_running_loop().create_task(
            self._run(name, desk, str(body.get("variant", ""))), name=f"flow {name} {desk.workspace}"
        )
        self._plays.add(running)
        running.add_done_callback(self._plays.discard)
        await asyncio.sleep(0)  # what is wrong with the order itself shows at once
        if running.done():
            running.result()
        return _json({"flow": name, "desk": desk.workspace})

    async def _run(self, name: str, desk: Desk, variant: str) -> None:
        try:
            await play(name, desk, self._floor.clock, variant=variant)
        except StageError:
            return  # the living floor got in the way of the play: nothing is broken

    async def _act(self, request: web.Request) -> web.Response:
        act, body = request.match_info["act"], await _body(request)
        if act not in _ACTS:
            raise KeyError(f"nobody can {act!r}; people can {', '.join(_ACTS)}")
        device = self._floor.device(request.match_info["device"])
        try:
            done = getattr(device.people, act)(**body)
        except (TypeError, AttributeError) as exc:
            raise FlowError(f"{act} does not take that: {exc}") from exc
        return _json({"result": done if isinstance(done, str | bool) else None})


def describe(desk: Desk) -> dict[str, Any]:
    """Return what a client needs to know about a desk, for JSON."""
    devices = [
        {
            "device_id": station.device_id,
            "url": station.url,
            "username": station.username,
            "password": station.password,
            "release": station.release,
            "state": station.device.state,
            "signed_in": station.device.people.signed_in,
        }
        for station in desk.stations
    ]
    return {"workspace": desk.workspace, "kind": desk.kind, "devices": devices}


@web.middleware
async def _explain(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what a person got wrong with a sentence."""
    try:
        return await handler(request)
    except KeyError as exc:
        return _json({"error": str(exc.args[0])}, status=404)
    except (UnknownFaultError, FlowError, TypeError, msgspec.DecodeError) as exc:
        return _json({"error": str(exc)}, status=400)


async def _body(request: web.Request, *members: str) -> dict[str, Any]:
    """The body's members: these and no others, unless none is named."""
    raw = await request.read()
    body = msgspec.json.decode(raw) if raw else {}
    if not isinstance(body, dict):
        raise FlowError("the body must be a JSON object")
    unknown = [name for name in body if members and name not in members]
    if unknown:  # passed over, a fault would be another one, or hit the whole floor
        raise FlowError(f"the body takes {', '.join(members)}, and not {', '.join(unknown)}")
    return body


def _json(document: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), status=status, content_type="application/json")
