"""``run``: the daemon itself."""

from __future__ import annotations

import signal
import sys

import click

from hotdesk_daemon.cli.options import Config, with_config


@click.command("run")
@with_config
def command(config: Config) -> int:
    """
    Run the daemon until it is told to stop.

    SIGTERM and SIGINT stop it: commands that are being sent are waited for a moment; a second signal waits for none.
    SIGHUP has the configuration read again.
    """
    # A reload that is asked for from here on is neither lost nor the end: it waits until somebody can take it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    settings = config.load()
    from hotdesk_daemon.app.process import main

    return main(settings, load=config.load_again, origin=str(config.origin), on_ready=_show_the_way)


def _show_the_way(url: str, desks: int) -> None:
    """Tell a person at a terminal where to look; services and scripts have the log line ``daemon.ready``."""
    if not sys.stderr.isatty():
        return
    program = sys.argv[0]
    click.echo(
        f"\n{desks} desks are served at {url}. Ctrl-C ends it. In a second terminal:\n"
        f"  {program} desks       who is where\n"
        f"  {program} bookings    what is booked\n"
        f"  {program} tap         everything as it happens\n"
        f'  {program} book DESK --start now --duration 60 --title "Focus time"\n',
        err=True,
    )
