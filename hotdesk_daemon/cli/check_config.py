"""``check-config``: everything that can be known to be wrong before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import show_json
from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import Loaded


@click.command("check-config")
@with_config
@with_format
@click.option(
    "--files-only",
    is_flag=True,
    help="Look at nothing but the files: no secrets, certificates and directories, which are on another machine.",
)
@click.option("--print-effective", is_flag=True, help="Show every setting as it counts, and where it comes from.")
def command(config: Config, *, as_json: bool, files_only: bool, print_effective: bool) -> int:
    """
    Check the whole configuration and start nothing; exit code 78 if it cannot be used.

    Every problem is told at once, with file and line. Look as the user that the daemon runs as: whether secrets can be
    read and directories written to is part of it. Secrets are shown by reference only.
    """
    from hotdesk_daemon.ops.settings import Look

    try:
        loaded = config.read(Look.AT_FILES if files_only else Look.AROUND)
    except ConfigError as exc:
        if not as_json:
            raise
        from hotdesk_daemon.cli.program import CONFIGURATION

        show_json({"usable": False, "problems": list(exc.problems), "warnings": []})
        return CONFIGURATION
    if as_json:
        shown = _effective(loaded) if print_effective else {}
        show_json({"usable": True, "problems": [], "warnings": list(loaded.settings.warnings), **shown})
        return 0
    for warning in loaded.settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    if print_effective:
        from hotdesk_daemon.ops.settings.effective import render_effective

        click.echo(render_effective(loaded), nl=False)
    settings = loaded.settings
    devices = sum(len(desk.devices) for desk in settings.desks)
    simulated = f", and a simulated site of {settings.simulator.desks} desks" if settings.simulator.enabled else ""
    click.echo(
        f"the configuration can be used: {len(settings.desks)} desks, {devices} devices{simulated}",
        err=print_effective,
    )
    return 0


def _effective(loaded: Loaded) -> dict[str, object]:
    from hotdesk_daemon.ops.settings.effective import effective

    return {"settings": [value.json() for value in effective(loaded)]}
