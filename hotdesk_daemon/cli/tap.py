"""``tap``: what comes in and what it does, live."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import clean, moment, show_json


@click.command("tap")
@click.option("--desk", multiple=True, help="Only of this desk; may be repeated.")
@click.option("--kind", multiple=True, help="Only this kind of input, such as BookingCreated; may be repeated.")
@click.option("--count", type=click.IntRange(min=1), help="Leave after so many.")
@with_daemon
def command(client: Client, desk: tuple[str, ...], kind: tuple[str, ...], count: int | None) -> None:
    """Show inputs and what they do, as they happen, one per line."""
    seen = 0
    with client.door.stream({"desk": desk, "kind": kind}) as events:
        for event in events:
            if event.name == "lost":
                click.echo(f"{json.loads(event.data)['lost']} lost: too much for this reader", err=True)
            elif event.name == "step":
                _show(json.loads(event.data), as_json=client.as_json)
                seen += 1
                if seen == count:
                    return


def _show(step: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(step)
    else:
        at, reasons = f"{moment(step['at']):%H:%M:%S}", "; ".join(_reason(reason) for reason in step["reasons"])
        if sys.stdout.isatty():  # short: what it did, else what it said
            cells = [at, step["desk"], step["kind"], reasons or _members(step["input"], without="device")]
        else:
            cells = [at, step["desk"], step["kind"], step["source"], _members(step["input"]), reasons]
        click.echo(("  " if sys.stdout.isatty() else "\t").join(clean(cell) for cell in cells).rstrip())
    sys.stdout.flush()


def _members(fact: dict[str, Any], *, without: str = "") -> str:
    """What an input says, in short; long lists only by their length."""
    return " ".join(
        f"{name}={len(value) if isinstance(value, list) else value}"
        for name, value in fact.items()
        if value not in (None, "", [], {}) and name != without
    )


def _reason(reason: dict[str, Any]) -> str:
    moved = reason["before"] != reason["after"]
    change = f" {reason['before']} → {reason['after']}" if moved else ""
    of = reason["booking"] or reason["command"] or reason["device"] or ""
    return " ".join(text for text in (f"{reason['code']}{change}", of) if text)
