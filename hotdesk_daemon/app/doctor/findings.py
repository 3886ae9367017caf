"""What a check found, under a name that stays the same, with what helps."""

from __future__ import annotations

from enum import StrEnum

import attrs

from hotdesk_daemon.app.doctor.catalogue import CHECKS
from hotdesk_daemon.ops.guard import scrub_text

_LONGEST = 400


class Level(StrEnum):
    """How it is; the worst first."""

    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"
    OK = "ok"


_ORDER = {level: place for place, level in enumerate(Level)}


def _known(finding: Finding, attribute: attrs.Attribute[str], name: str) -> None:
    if name not in CHECKS:
        raise AssertionError(f"{name} is not in the catalogue")


def _line(text: str) -> str:
    """One line, without addresses of persons: what devices and clouds answer stands in it."""
    return scrub_text(" ".join(text.split()))[:_LONGEST]


@attrs.frozen(kw_only=True)
class Finding:
    """
    One line of the doctor's.

    ``subject`` is what was looked at: a desk and its device, an organisation, a file, or nothing where it is the whole.
    ``remedy`` is empty where nothing needs mending. ``named`` are pieces of the text that people chose, such as
    names of workspaces: what leaves the house is without them.
    """

    name: str = attrs.field(validator=_known)
    level: Level
    subject: str
    text: str = attrs.field(converter=_line)
    remedy: str = ""
    named: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[object, ...]:
        """The worst first, then in order of names."""
        return _ORDER[self.level], self.name, self.subject, self.text


def failed(name: str, subject: str, text: str, *, remedy: str | None = None, named: tuple[str, ...] = ()) -> Finding:
    """Something does not work; the remedy is the check's own unless another one is told."""
    remedy = remedy or CHECKS[name].remedy
    return Finding(name=name, level=Level.FAILED, subject=subject, text=text, remedy=remedy, named=named)


def warned(name: str, subject: str, text: str, *, remedy: str | None = None, named: tuple[str, ...] = ()) -> Finding:
    """Something works and will not always, or not as people expect."""
    remedy = remedy or CHECKS[name].remedy
    return Finding(name=name, level=Level.WARNING, subject=subject, text=text, remedy=remedy, named=named)


def skipped(name: str, subject: str, text: str) -> Finding:
    """It could not be looked at."""
    return Finding(name=name, level=Level.SKIPPED, subject=subject, text=text)


def fine(name: str, subject: str, text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(name=name, level=Level.OK, subject=subject, text=text)
