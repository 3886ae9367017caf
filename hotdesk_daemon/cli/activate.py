"""``activate``: take the activation code that Control Hub shows, once for each organisation."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.screen import clean, clock, show_json
from hotdesk_daemon.core.errors import ConfigError, PermanentError, RefusedError

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import OrganisationSettings, Settings

_LONGEST = 65_536


@click.command("activate")
@click.argument("code", required=False)
@click.option("--org", help="Which [[organisation]] of the configuration, where there are several.")
@click.option(
    "--file", "file", type=click.File("r", errors="replace"), help="Read the code from here; - is standard input."
)
@with_config
@with_format
def command(config: Config, code: str | None, org: str | None, file: TextIO | None, *, as_json: bool) -> int:
    """
    Activate an organisation's integration with the CODE that Control Hub shows.

    Without CODE and --file it is asked for, and not shown. A running daemon takes the activation over by itself.
    """
    settings = config.load()
    wanted = _wanted(settings, org)
    from hotdesk_daemon.app.activate import activate_organisation

    text = _code(code, file)
    if not text:
        raise click.UsageError("there is no activation code in what was given")
    try:
        done = asyncio.run(activate_organisation(text, settings=settings, wanted=wanted, now=lambda: datetime.now(UTC)))
    except PermanentError as exc:
        raise RefusedError(f"{exc}; copy the activation code from Control Hub anew") from exc
    if as_json:
        show_json(
            {
                "organisation": wanted.id,
                "webex_organisation": done.organisation,
                "name": done.organisation_name,
                "statuses": list(done.statuses),
                "commands": list(done.commands),
                "events": list(done.events),
                "refresh_token_expires_at": done.refresh_expires_at.isoformat() if done.refresh_expires_at else None,
            }
        )
        return 0
    name = clean(done.organisation_name) or done.organisation
    granted = f"{len(done.statuses)} statuses, {len(done.commands)} commands and {len(done.events)} events"
    click.echo(f"{wanted.id} is activated for {name}: {granted} granted; a running daemon sees it within a minute")
    if done.refresh_expires_at is not None:
        until = clock(done.refresh_expires_at.isoformat(), now=datetime.now(UTC).isoformat())
        click.echo(f"its refresh token is good until {until}, and is renewed long before")
    return 0


def _wanted(settings: Settings, org: str | None) -> OrganisationSettings:
    known = {one.id: one for one in settings.organisations}
    if not known:
        raise ConfigError("the configuration has no [[organisation]] to activate")
    if org is None and len(known) > 1:
        raise ConfigError(f"name one of the organisations with --org: {', '.join(known)}")
    if org is not None and org not in known:
        raise ConfigError(f"the configuration has no organisation {org!r}; it has: {', '.join(known)}")
    return known[org] if org is not None else next(iter(known.values()))


def _code(code: str | None, file: TextIO | None) -> str:
    if code is not None and file is not None:
        raise click.UsageError("give the code or --file, not both")
    if file is not None:
        return file.read(_LONGEST).strip()
    if code is not None:
        return code.strip()
    if sys.stdin.isatty():
        return str(click.prompt("Activation code", hide_input=True)).strip()
    return sys.stdin.read(_LONGEST).strip()
