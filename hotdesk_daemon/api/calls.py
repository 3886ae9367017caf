"""
One call on its way through the door: what was asked, of whom, and by whom.

Handlers get a `Call` and return an `Answer`; only the server and the live stream touch the HTTP library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import attrs
from aiohttp import web
from msgspec import Struct

from hotdesk_daemon.api.problems import Kind, Problem, not_found, refused, unavailable
from hotdesk_daemon.api.render import Quote, render_booking
from hotdesk_daemon.api.site import Asked, CommandView, Site
from hotdesk_daemon.api.wire import Taken, encode
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.core.desk import Booking, Desk
    from hotdesk_daemon.core.inputs import Input

Query = TypeVar("Query", bound=Struct | None)
Body = TypeVar("Body", bound=Struct | None)

ASK_LIMIT_S: Final = 10.0  # a commit takes milliseconds; after this a person should look before repeating


@attrs.frozen(kw_only=True)
class Answer:
    """A finished answer; ``media_type`` is JSON's unless said otherwise."""

    content: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = attrs.field(factory=dict)


def answer(body: Struct, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return Answer(content=encode(body), status=status, headers=headers or {})


@attrs.frozen(kw_only=True)
class Streams:
    """How live streams behave: silence is filled every ``heartbeat_s``, a reader stuck for ``stuck_s`` is dropped."""

    heartbeat_s: float = 15.0
    stuck_s: float = 30.0


@attrs.frozen(kw_only=True)
class Call(Generic[Query, Body]):
    """
    One request, read and checked.

    ``path`` holds the parts of the path that stand for ids. ``persons`` says whether the caller may see titles and
    organizers. ``closing`` is set when the server stops.
    """

    site: Site
    path: Mapping[str, str]
    query: Query
    body: Body
    persons: bool
    new_uuid: Callable[[], str]
    streams: Streams
    closing: asyncio.Event
    request: web.Request

    @property
    def quote(self) -> Quote | None:
        """What other people's words have to go through for this caller; None for one who may see everything."""
        return None if self.persons else self.site.quote

    @property
    def now(self) -> datetime:
        return self.site.now()

    def desk(self) -> Desk:
        """The desk of the path, or a 404."""
        return self.desk_named(self.path["desk"])

    def desk_named(self, name: str) -> Desk:
        """The desk of this id, or a 404."""
        desk = self.site.desk(DeskId(name))
        if desk is None:
            raise not_found(f"desk: {name}")
        return desk

    def booking(self) -> tuple[Desk, Booking]:
        """The booking of the path and its desk, or a 404."""
        name = self.path["booking"]
        desk = self.site.desk(DeskId(name.rpartition(".")[0]))
        booking = None if desk is None else desk.bookings.get(BookingId(name))
        if desk is None or booking is None:
            raise not_found(f"booking: {name}")
        return desk, booking

    async def command(self) -> CommandView:
        """The command of the path, or a 404."""
        name = self.path["command"]
        view = await self.site.command(CommandId(name))
        if view is None:
            raise not_found(f"command: {name}")
        return view

    async def ask(self, desk_id: DeskId, wish: Input) -> Asked:
        """
        Hand in a wish and wait until it is durable.

        Raises:
            Problem: It was refused, cannot be taken now, or nobody knows in time whether it was.
        """
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                asked = await self.site.ask(desk_id, wish)
        except TransientError as exc:
            raise unavailable(str(exc), retry_after_s=exc.retry_after_s) from exc
        except TimeoutError as exc:
            raise Problem(
                status=504,
                kind=Kind.UNKNOWN_OUTCOME,
                detail=f"no commit within {ASK_LIMIT_S:g} s: the wish may still be taken, look before repeating it",
            ) from exc
        if asked.refusal is not None:
            raise refused(asked.refusal)
        return asked

    def taken(self, desk_id: DeskId, asked: Asked, *, headers: Mapping[str, str] | None = None) -> Answer:
        """The 202 for a recorded wish, with the booking as it is now."""
        desk = self.site.desk(desk_id)
        booking = None if desk is None or asked.booking_id is None else desk.bookings.get(asked.booking_id)
        shown = None if booking is None else render_booking(booking, desk_id=desk_id, quote=self.quote)
        return answer(Taken(desk=desk_id, seq=asked.seq, booking=shown), status=202, headers=headers)
