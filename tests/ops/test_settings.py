"""What a configuration says is what the program gets; every mistake is named with its place and its remedy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Hours, Stage, objection
from hotdesk_daemon.ops.settings import (
    Auth,
    LogFormat,
    LogLevel,
    Settings,
    Verify,
    desk_configured,
    ensure_http_token,
    load_settings,
    policy_of,
    stored_http_token,
)
from hotdesk_daemon.ops.settings.checking import Check
from hotdesk_daemon.ops.settings.documents import Documents
from hotdesk_daemon.ops.settings.places import line_numbers
from hotdesk_daemon.ops.settings.rules import RULES, check_unique

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
ENVIRON = {"DESK_PASSWORD": "correct horse"}
FINGERPRINT = ":".join(["A1"] * 32)
DESK = """\
[[desk]]
id = "osl-1"
calendar = "local"

[[desk.device]]
id = "osl-1-board"
url = "wss://desk-1.example.com"
password = "env:DESK_PASSWORD"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(text: str | bytes, name: str = "hotdesk.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def problems_of(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, ENVIRON if environ is None else environ)
    return [problem.removeprefix(f"{path.parent}/") for problem in caught.value.problems]


# --- what is right ---------------------------------------------------------------------------------------------------


def test_an_empty_file_means_the_defaults_and_a_warning_that_there_is_nothing_to_do(write: Callable[..., Path]) -> None:
    settings = load_settings(write(""), {})

    assert Settings() == settings
    assert "there are no desks" in settings.warnings[0]


def test_every_form_of_value_arrives_in_its_unit(write: Callable[..., Path]) -> None:
    settings = load_settings(
        write(
            'daemon.drain = "1m30s"\nsockets.max_frame = "8MiB"\nsockets.backoff_initial = "250ms"\n'
            "simulator = {start = 2026-05-04T08:30:00+02:00, enabled = true}\n"
            'log = {level = "debug", format = "json"}\n'
        ),
        {},
    )

    assert 90.0 == settings.daemon.drain_s
    assert 8 * 1024 * 1024 == settings.sockets.max_frame_bytes
    assert 0.25 == settings.sockets.backoff_initial_s
    assert datetime(2026, 5, 4, 6, 30, tzinfo=UTC) == settings.simulator.start
    assert (LogLevel.DEBUG, LogFormat.JSON) == (settings.log.level, settings.log.format)


def test_a_desk_with_its_device_is_read_with_secret_path_and_pin(write: Callable[..., Path]) -> None:
    desk = load_settings(write(f'{DESK}auth = "basic"\nfingerprint_sha256 = "{FINGERPRINT}"\n'), ENVIRON).desks[0]

    device = desk.devices[0]
    assert device.password is not None
    assert ("osl-1", CalendarKind.LOCAL) == (desk.id, desk.calendar)
    assert ("wss://desk-1.example.com/ws", "admin", Auth.BASIC) == (device.url, device.username, device.auth)
    assert ("correct horse", "a1" * 32, Verify.ON) == (
        device.password.reveal(),
        device.fingerprint_sha256,
        device.verify,
    )


def test_conf_d_is_laid_over_the_file_in_name_order_and_its_desks_add_up(write: Callable[..., Path]) -> None:
    path = write(f"[http]\nport = 1\n{DESK}")
    write("[http]\nport = 3\n", "conf.d/20.toml")
    write("[http]\nport = 2\nhost = '::1'\n" + DESK.replace("osl-1", "osl-2").replace("desk-1", "d2"), "conf.d/10.toml")
    write("this is no TOML", "conf.d/30.toml.disabled")

    settings = load_settings(path, ENVIRON)

    assert (3, "::1") == (settings.http.port, settings.http.host)
    assert ["osl-1", "osl-2"] == [desk.id for desk in settings.desks]


def test_the_environment_stands_over_the_files(write: Callable[..., Path]) -> None:
    path = write(f"[http]\nport = 1\n{DESK}")
    environ = {
        **ENVIRON,
        "HOTDESK_HTTP__PORT": "8481",
        "HOTDESK_DAEMON__STAGE": "observe",
        "HOTDESK_DAEMON__DRAIN": "10s",
        "HOTDESK_SIMULATOR__ENABLED": "false",
    }

    settings = load_settings(path, environ)

    assert (8481, Stage.OBSERVE, 10.0) == (settings.http.port, settings.daemon.stage, settings.daemon.drain_s)


def test_a_moment_may_come_from_the_environment() -> None:
    settings = load_settings(None, {"HOTDESK_SIMULATOR__START": "2026-05-04T08:30:00+02:00"})

    assert datetime(2026, 5, 4, 6, 30, tzinfo=UTC) == settings.simulator.start


def test_the_shipped_file_is_a_simulated_site_without_warnings() -> None:
    settings = load_settings(ROOT / "config" / "hotdesk.toml", {})

    assert (True, 12, 30.0) == (settings.simulator.enabled, settings.simulator.desks, settings.simulator.speed)
    assert () == settings.warnings


def test_the_example_of_real_desks_loads_without_warnings(tmp_path: Path) -> None:
    for name in ("desk-014", "desk-015", "desk-015-navigator"):
        (tmp_path / name).write_text(f"{name}-password\n")

    settings = load_settings(ROOT / "config/examples/real-desk.toml", {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert [(CalendarKind.LOCAL, 1), (CalendarKind.HYBRID, 2)] == [
        (desk.calendar, len(desk.devices)) for desk in settings.desks
    ]
    assert () == settings.warnings


def test_the_example_of_organisations_loads_without_warnings() -> None:
    environ = {
        "WEBEX_CLIENT_SECRET": "x",
        "WEBEX_HOOK_SECRET": "at-least-twenty-characters",
        "DESK_014_PASSWORD": "x",
    }
    settings = load_settings(ROOT / "config/examples/webex.toml", environ)

    assert ["acme", "beta"] == [organisation.id for organisation in settings.organisations]
    assert () == settings.warnings


def test_the_journal_is_in_the_state_directory_unless_said_otherwise(write: Callable[..., Path]) -> None:
    in_state = load_settings(write('daemon.state_dir = "/var/lib/hotdesk"'), {})
    by_path = load_settings(write('journal.path = "/data/j.sqlite3"'), {})
    by_url = load_settings(write('journal.url = "sqlite:////data/k.sqlite3"'), {})

    assert "sqlite:////var/lib/hotdesk/journal.sqlite3" == in_state.journal_url
    assert "sqlite:////data/j.sqlite3" == by_path.journal_url
    assert "sqlite:////data/k.sqlite3" == by_url.journal_url


# --- what core gets --------------------------------------------------------------------------------------------------


def test_the_rules_reach_core_in_minutes_and_weekdays(write: Callable[..., Path]) -> None:
    text = """\
    [policy]
    max_duration = "1h30m"
    time_zone = "Europe/Oslo"
    [[policy.opening_hours]]
    days = ["sun", "mon"]
    from = "07:00"
    to = "24:00"
    """

    policy = policy_of(load_settings(write(text), {}).policy)

    assert 90 == policy.max_duration_min
    assert (Hours(weekday=0, opens_min=420, closes_min=1440), Hours(weekday=6, opens_min=420, closes_min=1440)) == (
        policy.opening_hours
    )
    monday_seven_in_oslo = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
    assert objection(policy, start=monday_seven_in_oslo, duration_min=90) is None
    assert objection(policy, start=monday_seven_in_oslo, duration_min=91) is not None


def test_a_desk_is_configured_as_the_site_unless_it_says_otherwise(write: Callable[..., Path]) -> None:
    other = DESK.replace("osl-1", "osl-2").replace("desk-1", "d2")
    other = other.replace('"local"', '"hybrid"\nstage = "enforce"\nsync_interval = "60s"\npolicy.max_duration = "2h"')
    text = (
        'daemon.stage = "observe"\npolicy.max_duration = "1h"\ndispatch.deadline = "5m"\nsync.sign_in_settle = "20s"\n'
    )
    settings = load_settings(write(text + DESK + other), ENVIRON)

    plain, own = (desk_configured(settings, desk) for desk in settings.desks)

    assert (DeskId("osl-1"), (DeviceId("osl-1-board"),), CalendarKind.LOCAL) == (
        plain.desk,
        plain.devices,
        plain.calendar,
    )
    assert (Stage.OBSERVE, 60, 900, 300, 20) == (
        plain.stage,
        plain.policy.max_duration_min,
        plain.sync_interval_s,
        plain.deadline_s,
        plain.sign_in_settle_s,
    )
    assert (Stage.ENFORCE, 120, 60) == (own.stage, own.policy.max_duration_min, own.sync_interval_s)


def test_the_stage_of_a_desk_is_its_own_else_the_first_that_fits_its_tags(write: Callable[..., Path]) -> None:
    tagged = {
        "osl-1": '["floor-4", "pilot"]',
        "osl-2": '["floor-4"]\nstage = "observe"',
        "osl-3": '["floor-5"]',
        "osl-4": '["floor-6"]',
    }
    desks = "".join(
        DESK.replace("osl-1", name).replace("desk-1", name).replace('"local"', f'"local"\ntags = {tags}')
        for name, tags in tagged.items()
    )
    stages = '[[stage]]\ntag = "pilot"\nstage = "enforce"\n[[stage]]\ntag = "floor-4"\nstage = "warn"\n'
    settings = load_settings(write('daemon.stage = "off"\n' + desks + stages), ENVIRON)

    assert [Stage.ENFORCE, Stage.OBSERVE, Stage.OFF, Stage.OFF] == [
        desk_configured(settings, desk).stage for desk in settings.desks
    ]


# --- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = {
    "unknown key": (
        "[http]\nhost = '::1'\nprot = 1",
        'hotdesk.toml:3: http.prot: is no setting (did you mean "port"?)',
    ),
    "unknown key far from any": ("[http]\nxyzzy = 1", "hotdesk.toml:2: http.xyzzy: is no setting; known here: host"),
    "unknown table": ("[htpp]\nport = 1", 'hotdesk.toml:1: htpp: is no setting (did you mean "http"?)'),
    "text for a number": ('http.port = "80"', 'http.port: is the text "80"; write a whole number from 0 to 65535'),
    "truth for a number": ("http.port = true", "http.port: is true; write a whole number"),
    "number for a duration": ("daemon.drain = 5", 'daemon.drain: is the number 5; write a duration from "0s"'),
    "duration without unit": ('daemon.drain = "5"', 'daemon.drain: "5" is no duration; write a duration'),
    "duration in a wrong order": ('daemon.drain = "30s1m"', '"30s1m" is no duration'),
    "duration out of range": ('daemon.drain = "6m"', '"6m" is out of range; write a duration from "0s" to "5m"'),
    "duration beyond counting": (f'daemon.drain = "{"9" * 400}s"', "is no duration"),
    "duration off the step": ('policy.max_duration = "90s"', '"90s" is out of range; write a duration in steps of 1m'),
    "size without unit": ('sockets.max_frame = "4M"', '"4M" is no size; write a size from "64KiB" to "256MiB"'),
    "size out of range": ('sockets.max_frame = "1B"', '"1B" is out of range'),
    "number out of range": ("http.port = 65536", "http.port: 65536 is out of range; write a whole number from 0 to"),
    "not a number": ("sockets.connects_per_s = nan", "nan is out of range; write a number from 0.1 to 10000"),
    "unknown word": ('log.level = "warn"', 'log.level: "warn" is not known (did you mean "warning"?)'),
    "unknown weekday": (
        '[[policy.opening_hours]]\ndays = ["monday"]\nfrom = "07:00"\nto = "08:00"',
        'hotdesk.toml:2: policy.opening_hours[1].days: "monday" is not known (did you mean "mon"?)',
    ),
    "time of day that is none": (
        '[[policy.opening_hours]]\ndays = ["mon"]\nfrom = "7:00"\nto = "24:01"',
        'policy.opening_hours[1].from: "7:00" is no time of day; write a time such as "07:00"',
    ),
    "hours over midnight": (
        '[[policy.opening_hours]]\ndays = ["mon"]\nfrom = "22:00"\nto = "06:00"',
        'hotdesk.toml:4: policy.opening_hours[1].to: is not after "from"; a night takes two periods',
    ),
    "missing setting": ('[[policy.opening_hours]]\ndays = ["mon"]\nfrom = "07:00"', "opening_hours[1].to: is missing"),
    "empty list": (
        '[[policy.opening_hours]]\ndays = []\nfrom = "07:00"\nto = "08:00"',
        "days: is an empty list; write",
    ),
    "unknown time zone": ('policy.time_zone = "Europe/Olso"', 'is no time zone (did you mean "Europe/Oslo"?)'),
    "time zone that is a path": ('policy.time_zone = "../../etc/passwd"', "is no time zone"),
    "moment without offset": ("simulator.start = 2026-05-04T06:30:00", "simulator.start: is the time 2026-05-04 06:30"),
    "moment that is none": (
        'simulator.start = "Monday"',
        'is the text "Monday"; write a date and time with its offset',
    ),
    "table where a list belongs": (
        "[desk]\nid = 'a'",
        "hotdesk.toml:1: desk: is no list of tables; write it under the",
    ),
    "value where a table belongs": ("http = 80", "http: is no table; write it under the heading [http]"),
    "path with a tilde": ('daemon.state_dir = "~/var"', "is no usable path; write a path, absolute or from the"),
    "two places of the journal": ('journal = {path = "a", url = "sqlite:///b"}', "does not go with path; keep one"),
    "journal elsewhere": (
        'journal.url = "postgresql://u:hunter2@h/db"',
        '"postgresql://<hidden>@h/db" does not fit; write a database address such as',
    ),
    "backoff that shrinks": ('sockets.backoff_initial = "2m"', "is less than backoff_initial; make it the larger one"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(name: str, write: Callable[..., Path]) -> None:
    text, expected = MISTAKES[name]

    problems = problems_of(write(text))

    assert expected in problems[0]
    assert re.match(r"hotdesk\.toml:\d+: ", problems[0])


DEVICE_MISTAKES = {
    "https for wss": (
        'url = "https://desk-1.example.com"',
        'is no address that fits; write an address such as "wss://',
    ),
    "address without scheme": ('url = "desk-1.example.com"', "is no address that fits"),
    "address without host": ('url = "wss:///ws"', "is no address that fits"),
    "port out of range": ('url = "wss://desk:99999/ws"', "is no address (Port out of range 0-65535)"),
    "broken IPv6 address": ('url = "wss://[::1/ws"', "is no address (Invalid IPv6 URL)"),
    "blank in the address": ('url = "wss://desk 1/ws"', "is no address that fits"),
    "odd password in the address": ('url = "wss://admin:hun#hunter2@desk/ws"', "holds a user name or password"),
    "password in the address": ('url = "wss://admin:hunter2@desk/ws"', "holds a user name or password"),
    "raw password": ('password = "hunter2"', "is no reference to a secret; write credential:NAME, file:PATH or env:"),
    "password of a wrong type": ("password = 48151623", "is no text; write credential:NAME"),
    "missing variable": ('password = "env:NOBODY"', "the environment has no NOBODY"),
    "missing credential": ('password = "credential:desk"', "there are no credentials here ($CREDENTIALS_DIRECTORY"),
    "missing secret file": ('password = "file:/nowhere/at-all"', "/nowhere/at-all cannot be read: No such file"),
    "name with a blank": ('id = "desk 1"', '"desk 1" does not fit; write a name of letters, digits, - and _'),
    "colon in the user name": ('username = "a:b"', "write a user name without a colon"),
    "SHA-1 fingerprint": (f'fingerprint_sha256 = "{"a1" * 20}"', "is a SHA-1 fingerprint; write 64 hexadecimal digits"),
    "short fingerprint": ('fingerprint_sha256 = "a1"', "is no SHA-256 fingerprint"),
    "check switched off in passing": ("verify = false", 'is false; write "on" or "off-and-i-know-what-that-means"'),
    "pin and authority": (f'fingerprint_sha256 = "{FINGERPRINT}"\nca_file = "/x.pem"', "does not go with ca_file"),
    "pin and no check": (
        f'fingerprint_sha256 = "{FINGERPRINT}"\nverify = "off-and-i-know-what-that-means"',
        "verify: does not go with fingerprint_sha256; keep one of",
    ),
    "pin without TLS": (f'fingerprint_sha256 = "{FINGERPRINT}"\nurl = "ws://desk"', "says nothing about ws://"),
    "missing authority": ('ca_file = "/nowhere/ca.pem"', "/nowhere/ca.pem cannot be read: No such file"),
    "authority that is none": (f'ca_file = "{__file__}"', "holds no certificate in PEM form"),
}


@pytest.mark.parametrize("name", DEVICE_MISTAKES)
def test_a_mistake_about_a_device_is_named_and_no_secret_is_repeated(name: str, write: Callable[..., Path]) -> None:
    lines, expected = DEVICE_MISTAKES[name]
    keys = [line.split(" = ")[0] for line in lines.splitlines()]
    kept = [line for line in DESK.splitlines()[4:] if line.split(" = ")[0] not in keys]
    path = write("\n".join([*DESK.splitlines()[:4], *kept, *lines.splitlines()]))

    problems = problems_of(path)

    assert 1 == len(problems)
    assert expected in problems[0]
    assert problems[0].startswith("hotdesk.toml:")
    assert "desk[1].device[1]." in problems[0]
    assert not re.search("hunter2|48151623", problems[0])


def test_a_desk_without_devices_is_a_mistake(write: Callable[..., Path]) -> None:
    assert ["hotdesk.toml:1: desk[1].device: is missing; write it under the heading [[desk.device]]"] == problems_of(
        write("\n".join(DESK.splitlines()[:3]))
    )
    assert (
        "add one [[desk.device]] at least"
        in problems_of(write('desk = [{id = "a", calendar = "local", device = []}]'))[0]
    )


def test_every_mistake_is_told_at_once_each_at_its_line(write: Callable[..., Path]) -> None:
    text = DESK.replace('"local"', '"lokal"').replace("wss:", "http:") + '[http]\nport = "x"\nprot = 1\n'

    problems = problems_of(write(text))

    assert [3, 7, 10, 11] == sorted(int(problem.split(":")[1]) for problem in problems)


def test_an_id_or_address_that_stands_twice_is_told_with_both_places(write: Callable[..., Path]) -> None:
    path = write(DESK)
    write(f"\n{DESK}", "conf.d/more.toml")

    problems = problems_of(path)

    assert 3 == len(problems)
    assert f'conf.d/more.toml:3: desk[2].id: "osl-1" stands twice, first at {path}:2' in problems[0]
    assert f'conf.d/more.toml:7: desk[2].device[1].id: "osl-1-board" stands twice, first at {path}:6' in problems[1]
    assert (
        f'more.toml:8: desk[2].device[1].url: "wss://desk-1.example.com" stands twice, first at {path}:7' in problems[2]
    )


def test_real_desks_do_not_live_in_simulated_time(write: Callable[..., Path]) -> None:
    path = write(f"[simulator]\nenabled = true\nspeed = 30\n{DESK}")

    assert ["hotdesk.toml:3: simulator.speed: real desks live in real time: remove this, or the [[desk]] tables"] == (
        problems_of(path)
    )


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_missing_file_and_a_directory_are_told_as_such(tmp_path: Path) -> None:
    assert (
        "none.toml: cannot be read: No such file or directory; mend the path" in problems_of(tmp_path / "none.toml")[0]
    )
    assert "cannot be read: Is a directory" in problems_of(tmp_path)[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"[http]\nport = 8480\n[lo", "hotdesk.toml:3: is no TOML: Expected", id="cut off in a heading"),
        pytest.param(b'[http]\nhost = "127.0', "cut off: complete it", id="cut off in a text"),
        pytest.param(b"[http]\nport 8480\n[log]\n", "hotdesk.toml:2: is no TOML: Expected '='", id="no equals sign"),
        pytest.param(b"[http]\nport = 1\nport = 2\n", "hotdesk.toml:3: is no TOML: Cannot overwrite", id="key twice"),
        pytest.param(b"# caf\xe9\n", "hotdesk.toml:1: byte 0xe9 is no UTF-8; save the file as UTF-8", id="Latin-1"),
        pytest.param("[http]\n".encode("utf-16"), "hotdesk.toml:1: is UTF-16; save it as plain UTF-8", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf[http]\n", "is UTF-8 with a byte order mark; save it", id="byte order mark"),
        pytest.param(b"a = " + b"[" * 100_000, "nested too deeply", id="deep nesting"),
        pytest.param(b"a = " + b"1" * 5000, "Exceeds the limit", id="endless number"),
        pytest.param(b"\x00" * 100, "is no TOML", id="zeroes after a crash"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_with_the_line(
    content: bytes, expected: str, write: Callable[..., Path]
) -> None:
    problems = problems_of(write(content))

    assert 1 == len(problems)
    assert expected in problems[0]


def test_a_broken_file_in_conf_d_does_not_hide_mistakes_in_others(write: Callable[..., Path]) -> None:
    path = write('[http]\nport = "x"\n')
    write("half = ", "conf.d/a.toml")

    problems = problems_of(path)

    assert ["conf.d/a.toml:1", "hotdesk.toml:2"] == sorted(problem.split(": ")[0] for problem in problems)


def test_lines_are_found_behind_everything_that_toml_allows(write: Callable[..., Path]) -> None:
    text = '''\
# [http] in a comment = 1
"daemon" . 'state_dir' = """
[log]
level = "x"
"""
[policy]
opening_hours = [ # a list over lines
  { days = ["mon"], from = "07:00", to = "19:00" }, # ]
  { days = ["tue"], from = "07:00", to = '19h' },
]
time_zone = 'UTC' # "
[ http ]
port = -1
'''

    problems = problems_of(write(text))

    assert ["hotdesk.toml:13: http.port", "hotdesk.toml:7: policy.opening_hours[2].to"] == sorted(
        problem.rpartition(": ")[0] for problem in problems
    )


# --- environment -----------------------------------------------------------------------------------------------------


def test_mistakes_in_the_environment_are_told_by_the_name_of_the_variable(write: Callable[..., Path]) -> None:
    environ = {"HOTDESK_HTTP__PORT": "many", "HOTDESK_HTPP__PORT": "1", "HOTDESK_DESK__ID": "x", "HOTDESK_URL": "mine"}

    problems = sorted(problems_of(write(""), environ))

    assert 'environment HOTDESK_HTPP__PORT: names no setting (did you mean "HOTDESK_HTTP__PORT"?)' in problems
    assert (
        'environment HOTDESK_HTTP__PORT: http.port: is the text "many"; write a whole number from 0 to 65535'
        in problems
    )
    assert 3 == len(problems)


def test_an_override_with_one_underscore_gets_a_warning(write: Callable[..., Path]) -> None:
    warnings = load_settings(write(""), {"HOTDESK_HTTP_PORT": "1"}).warnings

    assert "environment HOTDESK_HTTP_PORT: is no override; two underscores part table and key: HOTDESK_HTTP__PORT" in (
        warnings
    )


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_shows_itself_to_nobody_who_does_not_ask(write: Callable[..., Path]) -> None:
    settings = load_settings(write(DESK), ENVIRON)

    shown = f"{settings!r} {settings} {settings.desks[0].devices[0].password:}"
    assert "correct horse" not in shown
    assert "from env:DESK_PASSWORD" in shown


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n", "is empty", id="newline only"),
        pytest.param(b"one\ntwo\n", "has more than one line", id="two lines"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="binary"),
        pytest.param(b"x" * 70_000, "is longer than 65536 bytes and no secret", id="huge"),
    ],
)
def test_a_file_that_holds_no_secret_is_a_mistake(content: bytes, expected: str, write: Callable[..., Path]) -> None:
    secret = write(content, "secret")
    path = write(f'http.token = "file:{secret}"')

    assert expected in problems_of(path)[0]


def test_a_secret_that_everybody_can_read_gets_a_warning(write: Callable[..., Path]) -> None:
    secret = write("s3cret\n", "secret")
    secret.chmod(0o644)
    path = write(f'simulator.enabled = true\nhttp.token = "file:{secret}"')

    settings = load_settings(path, {})
    secret.chmod(0o640)

    assert settings.http.token is not None
    assert "s3cret" == settings.http.token.reveal()
    assert f"{path}:2: http.token: everybody on this machine can read {secret}; run: chmod o-rwx {secret}" in (
        settings.warnings
    )
    assert () == load_settings(path, {}).warnings


def test_a_credential_is_one_file_of_the_services_own_directory(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("s3cret", "token")
    good, bad = 'http.token = "credential:token"', 'http.token = "credential:../token"'
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    token = load_settings(write(good), environ).http.token

    assert token is not None
    assert "s3cret" == token.reveal()
    assert "without a slash" in problems_of(write(bad), environ)[0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param('verify = "off-and-i-know-what-that-means"', "the certificate is not checked", id="no check"),
        pytest.param('url = "ws://desk-1.example.com/ws"', "sends the password in clear", id="clear text"),
    ],
)
def test_what_weakens_the_way_to_a_device_gets_a_warning(lines: str, expected: str, write: Callable[..., Path]) -> None:
    base = "\n".join(line for line in DESK.splitlines() if not line.startswith(lines[:5]))

    warnings = load_settings(write(f"{base}\n{lines}\n"), ENVIRON).warnings

    assert 1 == len(warnings)
    assert expected in warnings[0]


def test_a_door_to_other_machines_gets_a_warning(write: Callable[..., Path]) -> None:
    warnings = load_settings(write('simulator.enabled = true\nhttp.host = "0.0.0.0"'), {}).warnings

    assert "put a proxy with TLS in front" in warnings[0]


def test_the_http_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "var"

    made = ensure_http_token(state)

    assert made == ensure_http_token(state) == stored_http_token(state)
    assert 43 == len(made.reveal())
    assert 0o600 == (state / "http-token").stat().st_mode & 0o777
    assert 0o700 == state.stat().st_mode & 0o777
    assert ["http-token"] == [file.name for file in state.iterdir()]


def test_a_state_directory_that_cannot_be_used_is_a_configuration_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"mend daemon\.state_dir"):
        ensure_http_token(tmp_path / "file")
    assert stored_http_token(tmp_path / "nowhere") is None


# --- anything at all -------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["daemon", "http", "port", "desk", "device", "organisation", "webhook", "id", "url", "policy", "days", "x"]
)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["env:A", "5s", "mon"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_whatever_toml_holds_is_either_settings_or_told_mistakes(data: dict[str, Any]) -> None:
    documents = Documents(data=data)
    check = Check(documents=documents, environ={}, problems=documents.problems, warnings=[], rules=RULES)

    settings = check.table(Settings, data, ())
    check_unique(check, desks=data.get("desk"), organisations=data.get("organisation"))

    assert (settings is not None) or documents.problems


@given(st.text(alphabet="ab=.[]{}\"'#\\\n \t,1", max_size=60))
def test_finding_lines_never_fails(text: str) -> None:
    last = text.count("\n") + 1

    assert all(1 <= line <= last for line in line_numbers(text).values())


def test_five_thousand_desks_are_read_and_checked_in_a_moment(write: Callable[..., Path]) -> None:
    path = write("".join(DESK.replace("osl-1", f"osl-{n}").replace("desk-1", f"d{n}") for n in range(5000)))

    settings = load_settings(path, ENVIRON)

    assert 5000 == len(settings.desks)
