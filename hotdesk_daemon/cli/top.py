"""``top``: the site at a glance, again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from hotdesk_daemon.cli.desks import waiting
from hotdesk_daemon.cli.door import API
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import clean, moment
from hotdesk_daemon.core.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hotdesk_daemon.cli.door import Door

#: Lines of the screen that are not desks.
_AROUND: Final = 9
_OPEN: Final = ("pending", "sending", "taken", "unknown", "parked")
_LINKS: Final = ("live", "syncing", "stale", "down")
_WIDE: Final = 34
_EVERY: Final = click.FloatRange(0.5, 3600)


@attrs.frozen(kw_only=True)
class Glance:
    """What one look gives; ``trouble`` is why there is nothing newer."""

    now: str = ""
    desks: Sequence[Mapping[str, Any]] = ()
    commands: Sequence[Mapping[str, Any]] = ()
    safety: Mapping[str, Any] = attrs.field(factory=dict)
    ready: Mapping[str, Any] = attrs.field(factory=dict)
    took_s: float = 0.0
    at_mono: float = 0.0
    trouble: str = ""

    @property
    def inputs(self) -> int:
        """How many inputs all desks have had."""
        return sum(desk["seq"] for desk in self.desks)


@click.command("top")
@click.option("--every", type=_EVERY, default=2.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@with_daemon
def command(client: Client, *, every: float, once: bool) -> None:
    """
    Show desks, what they wait for and what is wrong, worst first, until Ctrl-C; where nobody reads, once.
    """
    if client.as_json:
        raise click.UsageError("top is for people; use desks --format json or /metrics")
    from rich.console import Console

    glance = look(client.door)
    console = Console()
    if once or not sys.stdout.isatty():
        console.print(render(glance, None, rows=len(glance.desks)))
        return
    from rich.live import Live

    before: Glance | None = None
    with Live(render(glance, None, rows=console.height - _AROUND), console=console, screen=True) as live:
        while True:
            time.sleep(every)
            before, glance = glance, _look_again(client.door, glance)
            live.update(render(glance, before, rows=console.height - _AROUND), refresh=True)


def look(door: Door) -> Glance:
    """
    Ask the daemon for everything that is shown.

    Raises:
        HotdeskError: it does not answer.
    """
    began = time.monotonic()
    listed = door.items(f"{API}/desks", {}, cursor="after")
    commands = door.items(f"{API}/commands", {"state": _OPEN}, cursor="before", most=1000)
    return Glance(
        now=listed.now,
        desks=listed.items,
        commands=commands.items,
        safety=door.get(f"{API}/safety"),
        ready=_readiness(door),
        took_s=time.monotonic() - began,
        at_mono=began,
    )


def _look_again(door: Door, last: Glance) -> Glance:
    try:
        return look(door)
    except (TransientError, PermanentError) as exc:
        return attrs.evolve(last, trouble=str(exc))


def _readiness(door: Door) -> Mapping[str, Any]:
    found = door.probe("/readyz")
    return found if isinstance(found, dict) else {}


def render(glance: Glance, before: Glance | None, *, rows: int) -> RenderableType:
    """One screen: what is true of all, and as many desks as *rows* leave room for, the worst first."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines = [Text(line, style=style) for line, style in _headlines(glance, before)]
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for header in ("DESK", "STATE", "LINK", "SIGN-IN", "COMMANDS", "DRIFT", "INPUTS", "STAGE"):
        table.add_column(header, no_wrap=True, overflow="ellipsis", max_width=_WIDE)
    worst = sorted(glance.desks, key=_badness)
    for desk in worst[: max(1, rows)]:
        table.add_row(*(Text(clean(cell)) for cell in _row(desk)), style="red" if desk["stale"] else "")
    hidden = len(worst) - max(1, rows)
    rest = [Text(f"and {hidden} more, in a better state", style="dim")] if hidden > 0 else []
    return Group(*lines, Text(), table, *rest)


def _headlines(glance: Glance, before: Glance | None) -> list[tuple[str, str]]:
    desks = glance.desks
    stale = sum(1 for desk in desks if desk["stale"])
    states = {state: sum(1 for one in glance.commands if one["state"] == state) for state in _OPEN}
    oldest = min((one["decided_at"] for one in glance.commands if one["state"] != "parked"), default=None)
    waits = f", oldest {_age(oldest, now=glance.now)}" if oldest is not None else ""
    links = {link: sum(1 for desk in desks for one in desk["devices"] if one["link"] == link) for link in _LINKS}
    when = f"{moment(glance.now):%Y-%m-%d %H:%M:%S} UTC"
    counts = f"{len(desks)} desks: {len(desks) - stale} live, {stale} stale"
    asked = f"asked in {glance.took_s * 1000:.0f} ms"
    found = [
        ("   ".join((when, counts, _rate(glance, before), asked)), "bold red" if stale else "bold"),
        (f"devices   {_counted(links)}", ""),
        (f"commands  {_counted(states)}{waits}", "yellow" if states["parked"] or states["unknown"] else ""),
    ]
    if glance.safety.get("halted") is not None:
        found.append((clean(f"SENDING IS STOPPED: {glance.safety['halted']}"), "bold red"))
    if glance.safety.get("breaker_open") is not None:
        found.append((clean(f"BREAKER OPEN: {glance.safety['breaker_open']}"), "bold red"))
    found += [(clean(f"not ready: {reason}"), "bold red") for reason in glance.ready.get("reasons", ())]
    if glance.trouble:
        found.append((clean(f"as it was: {glance.trouble}"), "bold red"))
    return found


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "none"


def _rate(glance: Glance, before: Glance | None) -> str:
    if before is None or glance.trouble or glance.at_mono <= before.at_mono:
        return "– inputs/s"
    return f"{(glance.inputs - before.inputs) / (glance.at_mono - before.at_mono):.1f} inputs/s"


def _age(text: str, *, now: str) -> str:
    seconds = max(0, round((moment(now) - moment(text)).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004 - two minutes read better so


def _badness(desk: Mapping[str, Any]) -> tuple[object, ...]:
    """Sorts the worst first."""
    commands = desk["commands"]
    return (
        not desk["stale"],
        -commands["parked"],
        -commands["unknown"],
        -commands["open"],
        -desk["counters"]["drift"],
        desk["id"],
    )


def _row(desk: Mapping[str, Any]) -> list[str]:
    devices = desk["devices"]
    return [
        desk["id"],
        desk["state"].replace("_", " ") + (" (stale)" if desk["stale"] else ""),
        ", ".join(sorted({device["link"] for device in devices})),
        ", ".join(sorted({device["sign_in"] for device in devices})),
        waiting(desk["commands"]),
        str(desk["counters"]["drift"] or ""),
        str(desk["seq"]),
        "maintenance" if desk["maintenance_until"] is not None else desk["stage"],
    ]
