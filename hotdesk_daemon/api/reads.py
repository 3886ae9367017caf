"""What can be read: desks, bookings, commands, past steps, and how the daemon is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hotdesk_daemon.api import wire
from hotdesk_daemon.api.calls import Answer, Call, answer
from hotdesk_daemon.api.problems import Flaw, Kind, Problem, invalid
from hotdesk_daemon.api.render import occupancy, render_booking, render_command, render_desk, render_event
from hotdesk_daemon.core.errors import AmbiguousError, PermanentError
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId

if TYPE_CHECKING:
    from hotdesk_daemon.api.asks import BookingsQuery, CommandsQuery, DesksQuery, EventsQuery, ExplainQuery

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def get_health(call: Call[None, None]) -> Answer:
    return answer(wire.Alive(alive=True))


async def get_readiness(call: Call[None, None]) -> Answer:
    readiness = call.site.readiness()
    body = wire.Ready(ready=readiness.ready, reasons=list(readiness.reasons))
    return answer(body, status=200 if readiness.ready else 503)


async def get_metrics(call: Call[None, None]) -> Answer:
    return Answer(content=await call.site.metrics(), media_type=METRICS_TYPE)


async def list_desks(call: Call[DesksQuery, None]) -> Answer:
    query, now = call.query, call.now
    desks = [
        desk
        for desk in sorted(call.site.desks(), key=lambda d: d.desk_id)
        if (query.after is None or desk.desk_id > query.after)
        and (query.stale is None or desk.is_stale is query.stale)
        and (not query.state or occupancy(desk, now=now) in query.state)
    ]
    page = desks[: query.limit]
    return answer(
        wire.DeskPage(
            now=now,
            items=[render_desk(desk, now=now, quote=call.quote) for desk in page],
            next=page[-1].desk_id if len(page) < len(desks) else None,
        )
    )


async def get_desk(call: Call[None, None]) -> Answer:
    now = call.now
    shown = render_desk(call.desk(), now=now, quote=call.quote)
    return answer(msgspec.structs.replace(shown, now=now))


async def explain_desk(call: Call[ExplainQuery, None]) -> Answer:
    query = call.query
    try:
        found = await call.site.explain(
            DeskId(call.path["desk"]),
            at=query.at,
            since=query.since,
            booking=query.booking,
            over_too=query.all,
        )
    except AmbiguousError as exc:
        raise invalid(Flaw(detail=str(exc), parameter="booking")) from exc
    except PermanentError as exc:
        raise Problem(status=404, kind=Kind.NOT_FOUND, detail=str(exc)) from exc
    return answer(found)


async def list_bookings(call: Call[BookingsQuery, None]) -> Answer:
    query, desk = call.query, call.desk()
    bookings = sorted(
        (b for b in desk.bookings.values() if not query.state or b.state in query.state),
        key=lambda b: (b.start, b.booking_id),
    )
    if query.after is not None:
        after = desk.bookings.get(BookingId(query.after))
        if after is None:
            raise invalid(Flaw(detail="after: no cursor, or its booking is forgotten", parameter="after"))
        bookings = [b for b in bookings if (b.start, b.booking_id) > (after.start, after.booking_id)]
    page = bookings[: query.limit]
    return answer(
        wire.BookingPage(
            now=call.now,
            items=[render_booking(b, desk_id=desk.desk_id, quote=call.quote) for b in page],
            next=page[-1].booking_id if len(page) < len(bookings) else None,
        )
    )


async def get_booking(call: Call[None, None]) -> Answer:
    desk, booking = call.booking()
    return answer(render_booking(booking, desk_id=desk.desk_id, quote=call.quote))


async def list_commands(call: Call[CommandsQuery, None]) -> Answer:
    query = call.query
    desk_id = None if query.desk is None else call.desk_named(query.desk).desk_id
    before = None if query.before is None else CommandId(query.before)
    if before is not None and await call.site.command(before) is None:
        raise invalid(Flaw(detail="before: no cursor, or its command is forgotten", parameter="before"))
    views = await call.site.commands(
        desk_id=desk_id,
        states=frozenset(query.state) or None,
        limit=query.limit + 1,  # one more tells whether there is more
        before=before,
    )
    page = views[: query.limit]
    return answer(
        wire.CommandPage(
            now=call.now,
            items=[render_command(view, quote=call.quote) for view in page],
            next=page[-1].command.command_id if len(page) < len(views) else None,
        )
    )


async def get_command(call: Call[None, None]) -> Answer:
    return answer(render_command(await call.command(), quote=call.quote))


async def list_events(call: Call[EventsQuery, None]) -> Answer:
    query, desk = call.query, call.desk_named(call.query.desk)
    since = query.since if query.since is not None else max(0, desk.seq - query.limit)
    items = await call.site.history(DeskId(query.desk), since_seq=since, limit=query.limit)
    return answer(
        wire.EventPage(
            now=call.now,
            items=[render_event(item, quote=call.quote) for item in items],
            next=str(items[-1].seq) if items and items[-1].seq < desk.seq else None,
        )
    )
