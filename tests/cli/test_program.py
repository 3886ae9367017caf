from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import threading
from operator import attrgetter
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hotdesk_daemon import __version__
from hotdesk_daemon.cli import main
from hotdesk_daemon.cli.program import VERBS
from hotdesk_daemon.simulator.cloud.ids import public_id
from tests.api.memory_site import LOCAL, TOKEN, booked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Running, Terminal

PROGRAM = [sys.executable, "-m", "hotdesk_daemon"]
CONFIG = """
[daemon]
state_dir = "{state}"
[http]
port = {port}
"""


def run(*words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    return subprocess.run(
        [*PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=4,
        check=False,
        env={**os.environ, **(environ or {})},
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_help_names_every_verb_and_loads_none() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from hotdesk_daemon.cli import main\n"
        "try: main()\n"
        "finally: print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "{'aiohttp', 'rich', 'msgspec', 'structlog', 'sqlalchemy', 'asyncio'}), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=4, check=False)

    assert (0, "[]\n") == (done.returncode, done.stderr)
    assert [] == [verb for verb in VERBS if f"\n  {verb} " not in done.stdout]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(main, [verb, "--help"])

    assert (0, True) == (result.exit_code, result.stdout.startswith(f"Usage: hotdesk-daemon {verb}"))


@pytest.mark.parametrize(
    "words",
    [
        ["none"],
        ["desks", "--colour"],
        ["desks", "--state", "occupied"],
        ["book"],
        ["commands", "lst"],
        ["tap", "--count", "0"],
    ],
)
def test_wrong_usage_is_2(words: list[str]) -> None:
    result = CliRunner().invoke(main, words)

    assert (2, "") == (result.exit_code, result.stdout)
    assert "Traceback" not in result.stderr


def test_the_version_is_told_in_every_form() -> None:
    plain, option, as_json = run("version"), run("--version"), run("version", "--format", "json")

    assert (f"{__version__}\n", f"hotdesk-daemon {__version__}\n") == (plain.stdout, option.stdout)
    assert __version__ == json.loads(as_json.stdout)["version"]


def test_a_daemon_that_does_not_run_is_temporary(alone: Terminal) -> None:
    result = alone("desks", "--url", f"http://127.0.0.1:{free_port()}")

    assert (75, "") == (result.exit_code, result.stdout)
    assert "cannot be reached: Connection refused; does it run?" in result.stderr


def test_a_host_that_does_not_exist_is_temporary(alone: Terminal) -> None:
    result = alone("desks", "--url", "http://nowhere.invalid:1")

    assert (75, True) == (result.exit_code, "cannot be reached" in result.stderr)


@pytest.mark.parametrize("url", ["nonsense", "ftp://localhost", "http://", "http://localhost:port", "http://[::1"])
def test_a_url_that_is_none_is_a_usage_error(alone: Terminal, url: str) -> None:
    result = alone("desks", "--url", url)

    assert (2, True) == (result.exit_code, "--url" in result.stderr)


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-nothing\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfoo\n", b"HTTP/1.1 502 Bad\r\n\r\n<html>"],
)
def test_somebody_else_at_the_port_is_said_to_be(alone: Terminal, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        result = alone("desks", "--url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()

    assert (1, True) == (result.exit_code, "no hotdesk daemon" in result.stderr)


def test_a_daemon_that_dies_after_a_wish_leaves_it_unknown(alone: Terminal, token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = alone("resync", LOCAL, "--url", url, "--token-file", str(token_file))
        thread.join()

    assert (75, True) == (result.exit_code, "it may have taken the wish" in result.stderr)


def test_address_and_token_come_from_the_configuration(alone: Terminal, running: Running, tmp_path: Path) -> None:
    port = running.url.rpartition(":")[2]
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "http-token").write_text(TOKEN)
    config = tmp_path / "hotdesk.toml"
    config.write_text(CONFIG.format(state=tmp_path / "state", port=port))

    result = alone("resync", LOCAL, "--config", str(config))

    assert (0, 1) == (result.exit_code, len(running.site.wishes))


def test_a_configuration_is_found_where_it_usually_is(alone: Terminal, running: Running, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    text = CONFIG.format(state=tmp_path, port=running.url.rpartition(":")[2])
    (tmp_path / "config" / "hotdesk.toml").write_text(text)

    assert 0 == alone("desks").exit_code


def test_no_configuration_at_all_is_78_and_says_what_to_do(alone: Terminal) -> None:
    result = alone("desks")

    assert (78, True) == (result.exit_code, "give --config" in result.stderr)


@pytest.mark.parametrize("verb", [["check-config"], ["run"], ["simulate"]])
def test_mistakes_in_the_configuration_are_78_with_a_line_each(
    alone: Terminal, tmp_path: Path, verb: list[str]
) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text('[http]\nprot = 1\n[log]\nlevel = "loud"\n')

    result = alone(*verb, "--config", str(config))

    assert (78, "") == (result.exit_code, result.stdout)
    assert 2 == len(result.stderr.splitlines())
    assert f"{config}:2" in result.stderr
    assert f"{config}:4" in result.stderr


@pytest.mark.parametrize("verb", ["check-config", "run"])
def test_ids_of_the_webex_api_that_are_none_are_78_with_place_and_remedy(
    alone: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("SECRET", "a client's secret")
    place = public_id("PLACE", "11111111-2222-4333-8444-555555555555")
    config = tmp_path / "hotdesk.toml"
    config.write_text(
        '[[organisation]]\nid = "acme"\nclient_id = "C1"\nclient_secret = "env:SECRET"\n'
        f'[organisation.select]\nlocations = ["{place}"]\n'
        '[[desk]]\nid = "osl-1"\ncalendar = "local"\norganisation = "acme"\n'
        f'[[desk.device]]\nid = "osl-1-a"\nwebex_id = "BoardInTheLobby"\n'
        f'[[desk.device]]\nid = "osl-1-b"\nwebex_id = "{place}"\n'
    )

    result = alone(verb, "--config", str(config))

    assert (78, "", 3) == (result.exit_code, result.stdout, len(result.stderr.splitlines()))
    for line, remedy in ((6, "write a location's id"), (13, "write a device's id"), (16, "write a device's id")):
        assert [True] == [remedy in told for told in result.stderr.splitlines() if f"{config}:{line}:" in told]


def test_check_config_says_that_a_configuration_can_be_used(alone: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text("[simulator]\nenabled = true\ndesks = 7\n")

    plain = alone("check-config", "--config", str(config))
    as_json = alone("check-config", "--config", str(config), "--format", "json")

    assert (0, True) == (plain.exit_code, "a simulated site of 7 desks" in plain.stdout)
    assert {"usable": True, "problems": [], "warnings": []} == json.loads(as_json.stdout)


def test_check_config_tells_problems_as_json(alone: Terminal, tmp_path: Path) -> None:
    result = alone("check-config", "--config", str(tmp_path / "none.toml"), "--format", "json")

    told = json.loads(result.stdout)
    assert (78, False, 1) == (result.exit_code, told["usable"], len(told["problems"]))


def test_a_port_that_is_only_known_to_the_daemon_asks_for_the_url(alone: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text("[http]\nport = 0\n")

    result = alone("desks", "--config", str(config))

    assert (78, True) == (result.exit_code, "give --url" in result.stderr)


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"two\nlines", "ø".encode()])
def test_a_token_file_that_is_none_is_78(alone: Terminal, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    result = alone("desks", "--url", "http://127.0.0.1:1", "--token-file", str(path))

    assert (78, True) == (result.exit_code, str(path) in result.stderr)


def test_a_reader_that_leaves_the_pipe_is_no_error(running: Running, token_file: Path) -> None:
    words = [*PROGRAM, "tap", "--url", running.url]
    running.site.after_watch = booked
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tap:
        assert tap.stdout is not None
        assert tap.stderr is not None
        tap.stdout.readline()
        tap.stdout.close()
        running.do(booked, running.site)
        running.do(lambda: booked(running.site, number=2))
        code, said = tap.wait(timeout=3), tap.stderr.read()

    assert (141, "") == (code, said)


def test_on_a_terminal_people_get_a_table(running: Running) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    subprocess.run([*PROGRAM, "desks", "--url", running.url], stdout=theirs, timeout=4, check=True, env=environ)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert LOCAL in shown
    assert "\x1b[1m" in shown
    assert "\t" not in shown


def test_a_mistake_of_our_own_is_told_with_its_traceback(alone: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours, for person1@example.com")

    monkeypatch.setattr("hotdesk_daemon.cli.options.Config.read", broken)

    result = alone("check-config")

    assert (1, True) == (result.exit_code, "ZeroDivisionError: ours, for <address>" in result.stderr)


def test_interrupting_is_quiet(alone: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hotdesk_daemon.cli.options.Config.read", interrupted)

    result = alone("check-config")

    assert (130, "") == (result.exit_code, result.output.strip())


@pytest.mark.parametrize(
    ("words", "module", "setting", "expected"),
    [
        (["run", "--log-level", "debug"], "process", "log.level.value", "debug"),
        (["simulate", "--desks", "3"], "simulate", "simulator.desks", 3),
        (["simulate", "--seed", "9"], "simulate", "simulator.seed", 9),
        (["simulate", "--speed", "60"], "simulate", "simulator.speed", 60.0),
    ],
)
def test_options_stand_over_environment_and_file_and_the_exit_code_is_passed_on(
    alone: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    module: str,
    setting: str,
    expected: object,
) -> None:
    seen: list[object] = []

    def start(settings: object, **_: object) -> int:
        seen.append(attrgetter(setting)(settings))
        return 75

    monkeypatch.setattr(f"hotdesk_daemon.app.{module}.main", start)
    monkeypatch.setenv("HOTDESK_LOG__LEVEL", "error")
    config = tmp_path / "hotdesk.toml"
    config.write_text('[log]\nlevel = "warning"\n[simulator]\ndesks = 5\n')

    result = alone(*words, "--config", str(config))

    assert (75, [expected]) == (result.exit_code, seen)
