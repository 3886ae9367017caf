"""``desks``: all of them, or a closer look at some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hotdesk_daemon.cli.door import API, Listed, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import Row, clock, show_json, show_table, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEADERS = ("DESK", "STATE", "NOW", "NEXT", "SIGN-IN", "PEOPLE", "LINK", "CALENDAR", "STAGE", "COMMANDS")
_DEVICE_HEADERS = ("DESK", "DEVICE", "LINK", "CAUSE", "SOFTWARE", "SIGN-IN", "CALL", "PEOPLE", "LISTED")
_SPARE = ("STAGE", "CALENDAR", "PEOPLE", "LINK", "NEXT")
_DEVICE_SPARE = ("DESK", "LISTED", "PEOPLE", "SOFTWARE", "CALL")


@click.command("desks")
@click.argument("desk", nargs=-1)
@click.option("--state", multiple=True, type=click.Choice(["free", "booked", "in_use"]), help="Only these.")
@click.option("--stale/--not-stale", default=None, help="Only desks whose picture may be wrong, or only the others.")
@with_daemon
def command(client: Client, desk: tuple[str, ...], state: tuple[str, ...], *, stale: bool | None) -> None:
    """Show all desks, or each device of the desks named."""
    if desk:
        shown = [client.door.get(f"{API}/desks/{part(name)}") for name in desk]
        listed = Listed(now=shown[0]["now"], items=shown)
    else:
        wanted = {"state": state, "stale": None if stale is None else str(stale).lower()}
        listed = client.door.items(f"{API}/desks", wanted, cursor="after")
    if client.as_json:
        show_json({"now": listed.now, "items": listed.items})
    elif desk:
        rows = [row for item in listed.items for row in _devices(item, now=listed.now)]
        show_table(_DEVICE_HEADERS, rows, now=listed.now, spare=_DEVICE_SPARE)
    else:
        show_table(_HEADERS, [_desk(item, now=listed.now) for item in listed.items], now=listed.now, spare=_SPARE)


def _desk(desk: dict[str, Any], *, now: str) -> Row:
    devices = desk["devices"]
    state = desk["state"].replace("_", " ") + (" (stale)" if desk["stale"] else "")
    return (
        desk["id"],
        state,
        _booking(desk["current"], now=now, usual="started"),
        _booking(desk["next"], now=now, usual="created"),
        _each(device["sign_in"] for device in devices),
        _each(device["people_count"] for device in devices),
        _each(device["link"] for device in devices),
        desk["calendar"],
        "maintenance" if desk["maintenance_until"] is not None else desk["stage"],
        waiting(desk["commands"]),
    )


def _devices(desk: dict[str, Any], *, now: str) -> list[Row]:
    return [
        (
            desk["id"],
            device["id"],
            device["link"],
            device["link_cause"],
            device["software"],
            device["sign_in"],
            "yes" if device["in_call"] else "no",
            device["people_count"],
            clock(device["listed_at"], now=now),
        )
        for device in desk["devices"]
    ]


def _booking(booking: dict[str, Any] | None, *, now: str, usual: str) -> str:
    """When it is, and its state where that is not the *usual* one."""
    if booking is None:
        return ""
    return span(booking, now=now) + ("" if booking["state"] == usual else f" {booking['state']}")


def waiting(commands: Mapping[str, int]) -> str:
    """How many wait for a person, for certainty, or to be sent and done, each counted once; nothing where none does."""
    open_ = commands["open"] - commands["parked"] - commands["unknown"]
    found = {"parked": commands["parked"], "unknown": commands["unknown"], "open": open_}
    return ", ".join(f"{count} {name}" for name, count in found.items() if count)


def _each(values: Iterable[object]) -> str:
    """The different values of a desk's devices, unknown ones left out."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None))
