"""``reload``: what the daemon says of it, for people and programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hotdesk_daemon.api import Came, ReloadView
from hotdesk_daemon.core.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from tests.cli.conftest import Running, Terminal


def test_a_reload_says_what_changed(terminal: Terminal, running: Running) -> None:
    running.site.reloaded = ReloadView(
        settings=("log.level", "policy.max_duration"),
        waiting=("http.port",),
        warnings=("a.toml:3: http.host: is reached from other machines",),
        desks=Came(added=("osl-1", "osl-2"), changed=("osl-3",)),
        organisations=Came(removed=("acme",)),
        staying=("osl-9",),
    )
    result = terminal("reload")

    assert (0, "warning: a.toml:3: http.host: is reached from other machines\n") == (result.exit_code, result.stderr)
    assert [
        "settings in force: log.level, policy.max_duration",
        "desks added: osl-1, osl-2",
        "desks changed: osl-3",
        "organisations removed: acme",
        "desks that could not be let go yet; reload again: osl-9",
        "settings that wait for a restart: http.port",
    ] == result.stdout.splitlines()


def test_many_desks_go_only_by_an_option(terminal: Terminal, running: Running) -> None:
    seen = []
    for options in ((), ("--remove-desks",)):
        terminal("reload", *options)
        seen.append(running.site.may_remove)

    assert [False, True] == seen


def test_a_reload_that_changes_nothing_says_so(terminal: Terminal) -> None:
    assert "nothing changed\n" == terminal("reload").stdout
    assert [] == json.loads(terminal("reload", "--format", "json").stdout)["desks"]["added"]


def test_a_configuration_that_cannot_be_used_is_78_with_a_line_each(terminal: Terminal, running: Running) -> None:
    running.site.reloaded = ConfigError("a.toml:3: http.prot: is no setting", "a.toml:9: desk: is no list")
    result = terminal("reload")

    assert (78, "") == (result.exit_code, result.stdout)
    assert [
        "hotdesk-daemon: a.toml:3: http.prot: is no setting",
        "hotdesk-daemon: a.toml:9: desk: is no list",
    ] == result.stderr.splitlines()


def test_a_daemon_that_stops_is_temporary(terminal: Terminal, running: Running) -> None:
    running.site.reloaded = TransientError("the daemon stops")

    assert 75 == terminal("reload").exit_code
