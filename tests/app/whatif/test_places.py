"""Whose rules a desk would have had: its own, its organisation's, or those of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.app.organisations.register import KnownDesk, Register
from hotdesk_daemon.app.whatif import places_of
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import DaemonSettings, DeskSettings, Settings, load_policy_file

if TYPE_CHECKING:
    from pathlib import Path

FOUND, OWN, WRITTEN = DeskId("osl-4-014"), DeskId("osl-4-015"), DeskId("lobby")
RULES = """
[policy]
max_duration = "1h"
[[organisation]]
id = "acme"
stage = "observe"
policy = { max_duration = "2h" }
[[organisation]]
id = "nobody"
policy = { max_duration = "3h" }
[[desk]]
id = "osl-4-015"
policy = { max_duration = "4h" }
"""


def known(desk: DeskId, *tags: str) -> KnownDesk:
    return KnownDesk(workspace=f"w-{desk}", desk=desk, calendar=CalendarKind.LOCAL, devices=(), tags=tags)


def test_an_organisations_rules_are_for_the_desks_that_its_directory_had(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    Register(tmp_path / "organisations" / "acme.desks.json", (known(FOUND, "pilot"), known(OWN))).save()
    file = load_policy_file(rules)
    written = DeskSettings(id=WRITTEN, calendar=CalendarKind.LOCAL, devices=(), tags=("quiet",))
    settings = Settings(daemon=DaemonSettings(state_dir=tmp_path), desks=(written,))
    places, nowhere = places_of(file, settings), places_of(file, None)

    def told(desk: DeskId) -> tuple[int | None, Stage | None, str]:
        found = places.rules(file, desk)
        return found.policy.max_duration_min if found.policy is not None else None, found.stage, found.origin

    assert (120, Stage.OBSERVE, "organisation acme") == told(FOUND)
    assert (240, Stage.OBSERVE, "desk") == told(OWN)
    assert (60, None, "policy") == told(WRITTEN)
    assert (("nobody",), ("acme", "nobody")) == (places.empty, nowhere.empty)
    assert {FOUND: ("pilot",), OWN: (), WRITTEN: ("quiet",)} == places.tags
    assert "policy" == nowhere.rules(file, FOUND).origin
