"""How the kill switch and the breaker stand, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hotdesk_daemon.cli.screen import clean, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.cli.options import Client


def show_switches(client: Client, safety: Mapping[str, Any]) -> None:
    """Show what the daemon answered."""
    if client.as_json:
        show_json(dict(safety))
        return
    halted, opened = safety["halted"], safety["breaker_open"]
    most = "any number" if safety["most"] is None else f"at most {safety['most']}"
    click.echo("sending\t" + (clean(f"stopped: {halted}") if halted is not None else "on"))
    click.echo("breaker\t" + (clean(f"open: {opened}") if opened is not None else "closed"))
    click.echo(f"hit by rules\t{safety['hit']} desks within {safety['window_s']:g} s, {most} may be")
