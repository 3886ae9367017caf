"""``manifest`` and ``activate``, against a simulated cloud that is a process of its own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import pytest

from hotdesk_daemon.ops.settings import MANIFEST_ID
from hotdesk_daemon.xapi.cloud import WANTED_EVENTS, WANTED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
SHIPPED: Final = Path(__file__).parents[2] / "config" / "manifest.json"
LIMIT_S: Final = 10.0


def run(*words: str, given: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own; without *given* its input is empty."""
    return subprocess.run(
        [*PROGRAM, *words],
        input=given or "",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, **environ},
    )


@attrs.frozen(kw_only=True)
class SimulatedSite:
    """A simulated cloud, the configuration that leads there, and what it told a person at the terminal."""

    config: Path
    secret: str
    code: str

    def activate(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return run("activate", "-c", str(self.config), *words, given=given, HOTDESK_SIMULATED_PASSWORD=self.secret)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SimulatedSite]:
    empty = tmp_path / "empty.toml"
    empty.touch()
    words = [*PROGRAM, "simulate", "-c", str(empty), "--transport", "queue", "--desks", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as simulated:
        assert simulated.stdout is not None
        assert simulated.stderr is not None
        try:
            told = iter(simulated.stderr.readline, "")
            lines = [next(line for line in told if word in line) for word in ("Its secret", "Activate it")]
            shown = [simulated.stdout.readline() for _ in range(7)]
            config = tmp_path / "hotdesk.toml"
            config.write_text(f'[daemon]\nstate_dir = "{tmp_path}/state"\n' + "".join(shown))
            yield SimulatedSite(config=config, secret=lines[0].split("=")[1].strip(), code=lines[1].split()[-1])
        finally:
            simulated.terminate()


def test_the_manifest_is_the_one_that_is_shipped() -> None:
    printed = run("manifest")

    assert (0, SHIPPED.read_text()) == (printed.returncode, printed.stdout)
    assert MANIFEST_ID == json.loads(printed.stdout)["id"]


def test_the_manifest_asks_for_all_that_is_heard_and_marks_what_is_optional() -> None:
    access = json.loads(run("manifest").stdout)["xapiAccess"]
    paths = {kind: {one["path"]: one["access"] for one in some} for kind, some in access.items()}

    assert set(WANTED_STATUSES) <= set(paths["status"])
    assert set(WANTED_EVENTS) <= set(paths["events"])
    assert {"required", "optional"} == {how for some in paths.values() for how in some.values()}
    assert not any("*" in path and "[*]" not in path for some in paths.values() for path in some)


def test_the_manifest_can_be_another_s_own_and_without_what_is_optional() -> None:
    app_id = "11111111-2222-4333-8444-555555555555"
    told = json.loads(run("manifest", "--only-required", "--id", app_id, "--email", "desks@example.com").stdout)

    assert (app_id, "desks@example.com") == (told["id"], told["email"])
    assert {"required"} == {one["access"] for some in told["xapiAccess"].values() for one in some}
    assert "Bookings.List" in [one["path"] for one in told["xapiAccess"]["commands"]]


def test_an_activation_is_stored_for_its_owner_alone_and_its_code_is_good_once(site: SimulatedSite) -> None:
    done = site.activate(site.code)
    stored = site.config.parent / "state" / "organisations" / "simulated-org-1.json"

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("simulated-org-1 is activated for Example org-1: 12 statuses")
    assert 0o600 == stat.S_IMODE(stored.stat().st_mode)
    assert 0o700 == stat.S_IMODE(stored.parent.stat().st_mode)

    before = stored.read_bytes()
    again = site.activate(site.code)

    assert (77, "") == (again.returncode, again.stdout)
    assert "its jti was used before" in again.stderr
    assert before == stored.read_bytes()


@pytest.mark.parametrize("way", ["a file", "standard input", "a pipe"])
def test_the_code_is_taken_from(site: SimulatedSite, way: str) -> None:
    file = site.config.with_name("code")
    file.write_text(site.code + "\n")
    words = {"a file": ("--file", str(file)), "standard input": ("--file", "-"), "a pipe": ()}[way]
    done = site.activate(*words, "--format", "json", given=site.code + "\n")

    assert (0, "") == (done.returncode, done.stderr)
    assert "simulated-org-1" == json.loads(done.stdout)["organisation"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nonsense",), 77, "it is no JWT"),
        ((), 2, "there is no activation code"),
        (("nonsense", "--org", "other"), 78, "no organisation 'other'; it has: acme"),
        (("nonsense", "--file", "-"), 2, "not both"),
        (("--file", "/nonexistent/code"), 2, "No such file"),
    ],
)
def test_what_cannot_be_activated_is_said_in_a_line(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    config = tmp_path / "hotdesk.toml"
    state = tmp_path / "state"
    config.write_text(
        f'[daemon]\nstate_dir = "{state}"\n[[organisation]]\nid = "acme"\nclient_id = "C1"\nclient_secret = "env:X"\n'
    )
    ended = run("activate", "-c", str(config), *words, X="a secret")

    assert code == ended.returncode
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (state / "organisations" / "acme.json").exists()


def test_without_an_organisation_there_is_nothing_to_activate(tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.touch()
    ended = run("activate", "-c", str(config), "nonsense")

    assert (78, "") == (ended.returncode, ended.stdout)
    assert "no [[organisation]] to activate" in ended.stderr
