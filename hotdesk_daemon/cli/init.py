"""``init``: an annotated configuration to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hotdesk_daemon.core.errors import ConfigError


@click.command("init")
@click.argument("file", default="hotdesk.toml", type=click.Path(path_type=Path, allow_dash=True, readable=False))
@click.option("--devices", is_flag=True, help="Desks whose devices are reached by their own sockets (the default).")
@click.option("--organisation", is_flag=True, help="Desks found in an organisation of the Webex cloud.")
@click.option("--simulated", is_flag=True, help="A site that does not exist, to try things out.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(file: Path, *, devices: bool, organisation: bool, simulated: bool, force: bool) -> None:
    """
    Write an annotated configuration to FILE, hotdesk.toml unless named; `-` is stdout.

    Every setting stands in it with its meaning and its default. What the chosen kinds of site need is written out, for
    you to put your own names in.
    """
    from hotdesk_daemon.ops.settings.example import Part, render_example

    asked = {Part.DEVICES: devices, Part.ORGANISATION: organisation, Part.SIMULATED: simulated}
    if simulated and (devices or organisation):
        raise click.UsageError("a simulated site lives in its own time: write one configuration for each")
    text = render_example([part for part, is_asked in asked.items() if is_asked] or [Part.DEVICES])
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    _write(file, text, force=force)
    click.echo(f"wrote {file}; put your own names in, then: hotdesk-daemon check-config --config {file}", err=True)


def _write(file: Path, text: str, *, force: bool) -> None:
    """Write the whole file or none."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        try:
            if force:
                draft.replace(file)
            else:
                file.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(f"{file}: is there already; --force writes over it, another name leaves it") from None
    except OSError as exc:
        raise ConfigError(f"{file}: cannot be written: {exc.strerror or exc}") from exc
