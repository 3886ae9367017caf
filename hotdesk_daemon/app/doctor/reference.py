"""
``docs/doctor.md``, made from the catalogue; a test holds them together.

    python -m hotdesk_daemon.app.doctor.reference > docs/doctor.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.doctor.catalogue import CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The parts of the site, and what is to be known of each before its checks.
SECTIONS: Final[Mapping[str, str]] = {
    "configuration": "What the configuration says, beyond the mistakes that `check-config` refuses.",
    "machine": "The machine that the daemon runs on. Run the doctor as the daemon's user: what another one may read "
    "and write says little.",
    "device": "Each device that has a `url`, by its own WebSocket, with the configured user. One visit takes 15 "
    "seconds at most, and 16 go on at once. Nothing is changed on a device.",
    "organisation": "Each organisation by its cloud, in 30 seconds at most. The stored access token is used while it "
    "is good. Of the devices that have no socket of ours, ten are asked for some settings, or those of "
    "`--desk`: the rest of what a visit looks at is not looked at there.",
}
_HEAD: Final = """\
# What the doctor looks at

`hotdesk-daemon doctor` looks at everything that will hurt later and says each in one line, with what helps. It runs
beside a daemon or without one (that none runs is no fault to it) and disturbs neither: it takes no port and no lock,
renews a token only when it is over, and visits a device as one more client that leaves again.

* Exit code 0: nothing failed, there may be warnings; 1: something failed; 78: the configuration cannot be used.
* `--desk DESK` visits the devices of these desks only; `--only CHECK` does one check (`device.role`) or one
  section (`device`). Both may be repeated.
* `--all` shows what is fine too, `--format json` everything as one document.
* *skipped* is what could not be looked at, mostly because of something that failed before.

`hotdesk-daemon diagnose` writes what a ticket needs into one file that can be sent to others: versions, the settings
with secrets as references, these findings, readiness, metrics and desks of a running daemon, numbers of the journal,
the last hour as a redacted capture, parked commands, disk and limits, and the last lines of the unit's log. Persons,
titles, secrets, user names and names of workspaces are left out. `manifest.json` inside says what
each file is, and what could not be had."""


def reference() -> str:
    """The reference of all checks, as Markdown."""
    lines = [_HEAD]
    for section, words in SECTIONS.items():
        lines += [f"\n## {section}\n", f"{words}\n", "| check | looks at | if it is not fine |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {c.looks} | {c.remedy} |" for c in CHECKS.values() if c.section == section]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - this is its output
