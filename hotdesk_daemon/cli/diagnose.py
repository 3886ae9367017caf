"""``diagnose``: what a ticket needs in one file, without persons and secrets."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from hotdesk_daemon.cli.amounts import DURATION, render_bytes
from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import clean, show_json

_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False)
_HOUR_S: Final = 3600.0


@click.command("diagnose")
@click.option("--output", "-o", type=_FILE, help="Where to write it.  [default: hotdesk-diagnose-TIME.tar.gz here]")
@click.option("--since", "last_s", type=DURATION, help="How far capture and log go back.  [default: 1h]")
@click.option("--url", envvar="HOTDESK_URL", help="Address of the daemon, instead of the configured one.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@with_config
@with_format
def command(
    config: Config, *, output: Path | None, last_s: float | None, url: str | None, force: bool, as_json: bool
) -> None:
    """
    Write versions, settings, the doctor's findings, readiness, metrics, desks, and the last hour to one file.

    Persons, titles, secrets and user names are left out; look into it before you send it all the same. What cannot be
    had is noted and no failure: manifest.json inside says what is what.
    """
    from hotdesk_daemon.app.diagnosis import gather, write_bundle
    from hotdesk_daemon.core.errors import ConfigError
    from hotdesk_daemon.ops.logs import configure_logs
    from hotdesk_daemon.ops.settings import LogLevel

    settings = config.load()
    path = output or Path(f"hotdesk-diagnose-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    if path.exists() and not force:
        raise ConfigError(f"{path}: is there already; choose another --output, or --force")
    configure_logs(level=LogLevel.ERROR, form=settings.log.format, stream=sys.stderr)
    if sys.stderr.isatty():
        click.echo("gathering; this takes half a minute at most, mostly", err=True)
    bundle = asyncio.run(gather(settings, last_s=_HOUR_S if last_s is None else last_s, url=url))
    write_bundle(bundle, path, replace=force)
    missing = {part.name: part.trouble for part in bundle.missing}
    if as_json:
        files = [part.name for part in bundle.parts if part.content is not None]
        show_json({"file": str(path), "files": files, "missing": missing})
        return
    for name, why in missing.items():
        click.echo(f"without {name}: {clean(why)}", err=True)
    click.echo(f"{path} is written, {render_bytes(path.stat().st_size)}: look into it before you send it", err=True)
    click.echo(str(path))
