"""``check-config``: everything that can be known to be wrong before anything starts."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import show_json
from hotdesk_daemon.core.errors import ConfigError


@click.command("check-config")
@with_config
@with_format
def command(config: Config, *, as_json: bool) -> int:
    """Check the whole configuration and start nothing; exit code 78 if it cannot be used."""
    try:
        settings = config.load()
    except ConfigError as exc:
        if not as_json:
            raise
        from hotdesk_daemon.cli.program import CONFIGURATION

        show_json({"usable": False, "problems": list(exc.problems), "warnings": []})
        return CONFIGURATION
    if as_json:
        show_json({"usable": True, "problems": [], "warnings": list(settings.warnings)})
        return 0
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    devices = sum(len(desk.devices) for desk in settings.desks)
    simulated = f", and a simulated site of {settings.simulator.desks} desks" if settings.simulator.enabled else ""
    click.echo(f"the configuration can be used: {len(settings.desks)} desks, {devices} devices{simulated}")
    return 0
