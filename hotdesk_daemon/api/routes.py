"""
The routes as data: the server and the OpenAPI document are both made from `ROUTES`.

A path's ``{desk}`` and the like are one segment each; ids with other characters come percent-encoded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs
from aiohttp import web
from msgspec import Struct

from hotdesk_daemon.api import asks, reads, reloads, stream, switches, wire, wishes
from hotdesk_daemon.api.calls import Answer

_Handler: TypeAlias = Callable[[Any], Awaitable[Answer | web.StreamResponse]]  # each takes its own kind of Call
_Given: TypeAlias = Any

API: Final = "/api/v1"


@attrs.frozen(kw_only=True)
class Route:
    """
    One method of one path.

    ``answers`` maps each status of success (and readiness' 503) to the shape of its JSON, ``media`` names the media
    type where it is another. A route that ``changes`` something wants a token. ``problems`` are the statuses of the
    problem details that it may answer with, besides those that every route has.
    """

    method: str
    path: str
    handler: _Handler
    name: str
    summary: str
    answers: Mapping[int, type[Struct] | None]
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    media: str | None = None
    problems: tuple[int, ...] = ()

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def _read(path: str, handler: _Handler, summary: str, shape: type[Struct] | None, **more: _Given) -> Route:
    """A GET."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        name=handler.__name__,
        summary=summary,
        answers=more.pop("answers", {200: shape}),
        **more,
    )


def _wish(method: str, path: str, handler: _Handler, summary: str, *, body: type[Struct]) -> Route:
    """A change that is recorded first and carried out later: 202, or a problem that says why not."""
    return Route(
        method=method,
        path=API + path,
        handler=handler,
        name=handler.__name__,
        summary=summary,
        answers={202: wire.Taken},
        body=body,
        problems=(400, 401, 403, 404, 413, 415, 422, 503, 504),
    )


def _switch(path: str, handler: _Handler, summary: str, *, body: type[Struct]) -> Route:
    """A switch that works at once."""
    return Route(
        method="POST",
        path=API + path,
        handler=handler,
        name=handler.__name__,
        summary=summary,
        answers={200: wire.Safety},
        body=body,
        problems=(400, 401, 403, 413, 415, 422, 503),
    )


ROUTES: Final[tuple[Route, ...]] = (
    _read("/healthz", reads.get_health, "Whether the process answers", wire.Alive),
    _read(
        "/readyz",
        reads.get_readiness,
        "Whether the daemon does its work",
        wire.Ready,
        answers={200: wire.Ready, 503: wire.Ready},
    ),
    _read("/metrics", reads.get_metrics, "Metrics in Prometheus' text format", None, media=reads.METRICS_TYPE),
    _read(f"{API}/desks", reads.list_desks, "Desks", wire.DeskPage, query=asks.DesksQuery),
    _read(f"{API}/desks/{{desk}}", reads.get_desk, "One desk", wire.Desk, problems=(404,)),
    _read(
        f"{API}/desks/{{desk}}/bookings",
        reads.list_bookings,
        "Bookings of one desk",
        wire.BookingPage,
        query=asks.BookingsQuery,
        problems=(404,),
    ),
    _read(
        f"{API}/desks/{{desk}}/explain",
        reads.explain_desk,
        "Why a desk is as it is",
        wire.Explanation,
        query=asks.ExplainQuery,
        problems=(404, 503),
    ),
    _wish("POST", "/desks/{desk}/bookings", wishes.book, "Ask for a booking", body=asks.NewBooking),
    _wish("POST", "/desks/{desk}/sign-out", wishes.sign_out, "Sign out whoever is signed in", body=asks.SignOut),
    _wish("POST", "/desks/{desk}/resync", wishes.resync, "Read the desk's list again", body=asks.Nothing),
    _wish("POST", "/desks/{desk}/maintenance", wishes.maintain, "Leave the desk alone", body=asks.Maintenance),
    _wish("DELETE", "/desks/{desk}/maintenance", wishes.end_maintenance, "Care for the desk again", body=asks.Nothing),
    _read(f"{API}/safety", switches.get_safety, "What keeps commands from leaving", wire.Safety),
    _switch("/safety/halt", switches.halt, "Stop all sending", body=asks.Halt),
    _switch("/safety/resume", switches.resume, "Send again", body=asks.Nothing),
    _switch("/safety/close-breaker", switches.close_breaker, "Let the rules go on", body=asks.Nothing),
    Route(
        method="POST",
        path=f"{API}/reload",
        handler=reloads.reload,
        name="reload",
        summary="Read the configuration again",
        answers={200: wire.Reloaded},
        body=asks.Reload,
        problems=(400, 401, 403, 413, 415, 422, 503, 504),
    ),
    _read(f"{API}/bookings/{{booking}}", reads.get_booking, "One booking", wire.Booking, problems=(404,)),
    _wish("PATCH", "/bookings/{booking}", wishes.edit, "Ask for another time or title", body=asks.BookingChange),
    _wish("DELETE", "/bookings/{booking}", wishes.delete, "Ask for a booking's end", body=asks.Nothing),
    _read(
        f"{API}/commands",
        reads.list_commands,
        "Commands, newest first",
        wire.CommandPage,
        query=asks.CommandsQuery,
        problems=(404, 503),
    ),
    _read(f"{API}/commands/{{command}}", reads.get_command, "One command", wire.Command, problems=(404, 503)),
    _wish("POST", "/commands/{command}/retry", wishes.retry, "Send a parked command again", body=asks.Nothing),
    _wish("POST", "/commands/{command}/drop", wishes.drop, "Give a parked command up", body=asks.Nothing),
    _read(
        f"{API}/events",
        reads.list_events,
        "Past steps of one desk",
        wire.EventPage,
        query=asks.EventsQuery,
        problems=(404, 503),
    ),
    _read(
        f"{API}/stream",
        stream.follow,
        "Steps as they happen, as server-sent events: each data line is an Event or LostItems",
        None,
        query=asks.StreamQuery,
        media=stream.MEDIA_TYPE,
        problems=(404, 503),
    ),
)
