"""``run``: the daemon itself."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.options import Config, with_config


@click.command("run")
@with_config
def command(config: Config) -> int:
    """Run the daemon until it is told to stop."""
    settings = config.load()
    from hotdesk_daemon.app.daemon import main

    return main(settings)
