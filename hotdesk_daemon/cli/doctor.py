"""``doctor``: everything that will hurt later, one line each, with what helps."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from hotdesk_daemon.cli.options import Config, with_config, with_format
from hotdesk_daemon.cli.progress import following
from hotdesk_daemon.cli.screen import clean, show_json
from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdesk_daemon.app.doctor import Asked, Finding
    from hotdesk_daemon.ops.settings import Settings

_COLOURS: Final = {"failed": "red", "warning": "yellow", "skipped": "cyan", "ok": "green"}


@click.command("doctor")
@click.option("--desk", "desks", multiple=True, help="Visit the devices of this desk only; may be repeated.")
@click.option(
    "--only", "checks", multiple=True, metavar="CHECK", help="This check or section only, such as device.role; repeat."
)
@click.option("--all", "show_all", is_flag=True, help="Show what is fine too.")
@with_config
@with_format
def command(config: Config, *, desks: tuple[str, ...], checks: tuple[str, ...], show_all: bool, as_json: bool) -> int:
    """
    Look at configuration, machine, devices and organisations, and say what will hurt later and what helps.

    It runs beside the daemon or without it, as the daemon's user, and changes nothing. Exit code 0 if nothing failed,
    1 if something did, 78 if the configuration cannot be used. docs/doctor.md explains each check.
    """
    from hotdesk_daemon.app.doctor import Level

    try:
        settings = config.load()
    except ConfigError as exc:
        if not as_json:
            raise
        from hotdesk_daemon.cli.program import CONFIGURATION

        show_json({"usable": False, "problems": list(exc.problems), "counts": {}, "findings": []})
        return CONFIGURATION
    asked = _asked(settings, desks, checks)
    began = time.monotonic()
    found = examine(settings, asked, config=config)
    shown = [one for one in found if show_all or one.level is not Level.OK]
    counts = Counter(one.level.value for one in found)
    if as_json:
        show_json({"usable": True, "problems": [], "counts": counts, "findings": [as_document(one) for one in shown]})
    else:
        _show(shown)
        _sum_up(counts, took_s=time.monotonic() - began)
    return 1 if counts[Level.FAILED.value] else 0


def examine(settings: Settings, asked: Asked | None, *, config: Config) -> list[Finding]:
    """All findings, with a bar meanwhile where somebody looks."""
    from hotdesk_daemon.app.doctor import Doctor
    from hotdesk_daemon.ops.logs import configure_logs
    from hotdesk_daemon.ops.settings import LogLevel

    is_told = "HOTDESK_LOG__LEVEL" in config.overrides  # else the findings say it all
    configure_logs(level=settings.log.level if is_told else LogLevel.ERROR, form=settings.log.format, stream=sys.stderr)
    doctor = Doctor(settings, asked=asked)
    with following(doctor) as tick:
        return asyncio.run(doctor.examine(tick=tick))


def as_document(finding: Finding) -> dict[str, str]:
    """A finding as JSON."""
    return {
        "name": finding.name,
        "level": finding.level.value,
        "subject": finding.subject,
        "text": finding.text,
        "remedy": finding.remedy,
    }


def _asked(settings: Settings, desks: tuple[str, ...], checks: tuple[str, ...]) -> Asked:
    from hotdesk_daemon.app.doctor import CHECKS, Asked, known_checks

    strange = sorted(set(desks) - {desk.id for desk in settings.desks})
    if strange:
        raise click.UsageError(f"no [[desk]] of the configuration is called {', '.join(strange)}")
    names: set[str] = set()
    for wanted in checks:
        known = known_checks(wanted)
        if not known:
            sections = dict.fromkeys(check.section for check in CHECKS.values())
            raise click.UsageError(
                f"{wanted!r} is no check; sections are {', '.join(sections)}, checks {', '.join(CHECKS)}"
            )
        names.update(known)
    return Asked(desks=frozenset(desks), checks=frozenset(names))


def _show(found: Sequence[Finding]) -> None:
    """To people two lines each, to programs one with tabs."""
    if not sys.stdout.isatty():
        for one in found:
            fields = (one.level.value, one.name, one.subject, one.text, one.remedy)
            click.echo("\t".join(map(clean, fields)).rstrip())
        return
    for one in found:
        level = click.style(f"{one.level.value:<8}", fg=_COLOURS[one.level.value], bold=True)
        about = f"{one.subject}: " if one.subject else ""
        click.echo(f"{level} {click.style(one.name, bold=True)}  {clean(about + one.text)}")
        if one.remedy:
            click.echo(f"         → {clean(one.remedy)}")


def _sum_up(counts: Counter[str], *, took_s: float) -> None:
    words = {"failed": "failed", "warning": "warnings", "skipped": "skipped", "ok": "fine"}
    told = ", ".join(f"{counts[level]} {word}" for level, word in words.items())
    click.echo(f"{told} ({took_s:.1f} s)", err=True)
