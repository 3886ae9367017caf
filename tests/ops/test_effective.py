"""The configuration as it counts: every value with its origin, no secret among them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.ops.settings import Look, load_settings, read_settings
from hotdesk_daemon.ops.settings.declared import settings_of
from hotdesk_daemon.ops.settings.effective import effective, render_effective
from hotdesk_daemon.ops.settings.example import Part, render_example
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SITE = """\
daemon.drain = "1m30s"
[log]
level = "warning"
[simulator]
start = 2026-05-04T08:30:00+02:00
[[policy.opening_hours]]
days = ["mon", "sun"]
from = "07:00"
to = "24:00"
[[stage]]
tag = "say \\"hi\\""
stage = "warn"
[[organisation]]
id = "acme"
client_id = "C1"
client_secret = "env:SECRET"
events = "webhook"
[organisation.webhook]
url = "https://desks.example.com"
secret = "env:HOOK"
[organisation.select]
tags = ["a", "b"]
[[desk]]
id = "osl-1"
calendar = "local"
policy.max_duration = "2h"
[[desk.device]]
id = "osl-1-board"
url = "wss://desk-1.example.com/ws"
password = "env:SECRET"
[[desk.device]]
id = "osl-1-panel"
url = "wss://panel-1.example.com/ws"
password = "env:SECRET"
"""
ENVIRON = {"SECRET": "correct horse", "HOOK": "battery staple of twenty", "HOTDESK_HTTP__PORT": "8482"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hotdesk.toml"
    path.write_text(SITE)
    return path


def test_what_is_shown_is_the_same_configuration_again(config: Path, tmp_path: Path) -> None:
    loaded = read_settings(config, ENVIRON)
    again = tmp_path / "again.toml"
    again.write_text(render_effective(loaded))

    assert loaded.settings == load_settings(again, {"SECRET": "correct horse", "HOOK": ENVIRON["HOOK"]})


def test_every_value_names_the_file_and_line_the_variable_or_the_option_that_it_comes_from(config: Path) -> None:
    loaded = read_settings(config, ENVIRON, options={"HOTDESK_LOG__FORMAT": "json"})
    shown = {value["name"]: value for value in (one.json() for one in effective(loaded))}

    assert {
        "daemon.drain": ("1m30s", f"{config}:1"),
        "log.level": ("warning", f"{config}:3"),
        "log.format": ("json", "command line"),
        "http.port": (8482, "environment HOTDESK_HTTP__PORT"),
        "http.host": ("127.0.0.1", "default"),
        "simulator.start": ("2026-05-04T06:30:00+00:00", f"{config}:5"),
        "organisation[1].select.tags": (["a", "b"], f"{config}:22"),
        "desk[1].device[2].id": ("osl-1-panel", f"{config}:32"),
        "desk[1].stage": (None, "default"),
    }.items() <= {name: (one["value"], one["origin"]) for name, one in shown.items()}.items()


def test_secrets_are_shown_by_reference_only(config: Path) -> None:
    loaded = read_settings(config, ENVIRON)
    shown = render_effective(loaded) + json.dumps([value.json() for value in effective(loaded)])

    assert 'password = "env:SECRET"' in shown
    assert [] == [secret for secret in ("correct horse", "battery staple") if secret in shown]


def test_of_a_configuration_for_another_machine_no_secret_is_read(config: Path) -> None:
    loaded = read_settings(config, {}, look=Look.AT_FILES)

    assert 'secret = "env:HOOK"' in render_effective(loaded)


# --- the example -----------------------------------------------------------------------------------------------------

SITES = {
    "devices": ([Part.DEVICES], (1, 0, False)),
    "an organisation": ([Part.ORGANISATION], (0, 1, False)),
    "both": ([Part.DEVICES, Part.ORGANISATION], (1, 1, False)),
    "simulated": ([Part.SIMULATED], (0, 0, True)),
}


@pytest.mark.parametrize("site", SITES)
def test_the_example_can_be_used_as_it_is(site: str, tmp_path: Path) -> None:
    parts, expected = SITES[site]
    path = tmp_path / "hotdesk.toml"
    path.write_text(render_example(parts))

    settings = read_settings(path, {}, look=Look.AT_FILES).settings

    assert expected == (len(settings.desks), len(settings.organisations), settings.simulator.enabled)
    assert () == settings.warnings


def names(cls: type[Any]) -> Iterator[str]:
    for key, (words, _) in settings_of(cls).items():
        if isinstance(words.kind, Table | Tables):
            yield from names(words.kind.cls)
        else:
            yield key


def test_the_example_has_every_setting() -> None:
    lines = render_example([Part.DEVICES, Part.ORGANISATION]).splitlines()
    shown = {line.removeprefix("# ").partition(" = ")[0] for line in lines}

    assert set() == {*names(Settings)} - shown


EXCUSED = ("does not go with", "real desks live", "name the [[organisation]]")


def test_whatever_is_commented_out_in_the_example_is_right_when_it_is_not(tmp_path: Path) -> None:
    """
    One by one, because some exclude each other; a table that is commented out with all that is in it.
    """
    path = tmp_path / "hotdesk.toml"
    lines = render_example([Part.DEVICES, Part.ORGANISATION]).splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"# [a-z_0-9]+ = ", line)]
    tables = [number for number, line in enumerate(lines) if line.startswith("# [")]
    tried, wrong = 0, []
    for number in keys:
        if any(table < number and not heading_between(lines, table, number) for table in tables):
            continue
        path.write_text("\n".join([*lines[:number], lines[number].removeprefix("# "), *lines[number + 1 :]]))
        try:
            read_settings(path, {}, look=Look.AT_FILES)
        except ConfigError as exc:  # it is right, and does not go with something else
            if not any(words in str(exc) for words in EXCUSED):
                wrong.append(f"{lines[number]}: {exc}")
        tried += 1

    assert ([], True) == (wrong, tried > 50)


def heading_between(lines: list[str], table: int, number: int) -> bool:
    return any(line.startswith("[") for line in lines[table:number])


def test_the_shipped_example_is_what_init_writes() -> None:
    shipped = (ROOT / "config/examples/annotated.toml").read_text("utf-8")

    assert shipped == render_example([Part.DEVICES, Part.ORGANISATION])
