"""``version``: which one this is."""

from __future__ import annotations

import platform

import click

from hotdesk_daemon import __version__
from hotdesk_daemon.cli.options import with_format
from hotdesk_daemon.cli.screen import show_json


@click.command("version")
@with_format
def command(*, as_json: bool) -> None:
    """Show the version."""
    if as_json:
        show_json({"version": __version__, "python": platform.python_version()})
    else:
        click.echo(__version__)
