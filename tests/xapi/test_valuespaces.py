from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.xapi.releases import Release
from hotdesk_daemon.xapi.specs import TEAMS_RULES_SINCE, ParamSpec
from hotdesk_daemon.xapi.valuespaces import COMMANDS, Violation, violations
from tests.xapi.published import SCHEMAS, needs_schemas

if TYPE_CHECKING:
    from pathlib import Path

R9_15 = Release.of(9, 15, 17, 4)
R10_19 = Release.of(10, 19, 4, 2)
R11_19 = Release.of(11, 19, 1)
R11_23 = Release.of(11, 23, 1)
R11_24 = Release.of(11, 24, 4, 1)
R26_1 = Release.of(26, 1, 1)
NEWEST = Release.of(26, 4, 1)


def _wrong(path: str, params: dict[str, object], release: Release | None = NEWEST) -> list[str]:
    return [violation.parameter for violation in violations(path, params, release=release)]


def test_a_good_command_has_no_violation() -> None:
    params: dict[str, object] = {
        "BookingRequestUUID": "5d0e",
        "Title": "ä" * 64,
        "StartTime": "2026-05-04T08:00:00Z",
        "Duration": 1440,
        "MeetingPlatform": "None",
    }

    assert () == violations("Bookings Book", params, release=NEWEST)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("Duration", 0),
        ("Duration", 1441),
        ("Duration", "60"),
        ("Duration", True),
        ("Duration", 60.0),
        ("Title", "ä" * 65),
        ("Title", 5),
        ("Title", None),
        ("Title", "two\nlines"),
        ("Title", "\ud800"),
        ("BookingRequestUUID", ""),
        ("MeetingPlatform", "zoom"),
        ("MeetingPlatform", 1),
        ("Invented", "x"),
    ],
)
def test_a_value_out_of_its_space_is_named(parameter: str, value: object) -> None:
    assert [parameter] == _wrong("Bookings Book", {parameter: value})


def test_strings_are_measured_in_bytes() -> None:
    (violation,) = violations("Bookings Book", {"Title": "ä" * 65}, release=NEWEST)

    assert Violation(parameter="Title", message="has 130 bytes of UTF-8; at most 128 are allowed") == violation


def test_a_missing_required_parameter_is_named() -> None:
    assert ["Text"] == _wrong("UserInterface Message Alert Display", {"Duration": 10})


@pytest.mark.parametrize(
    ("path", "params", "release", "wrong"),
    [
        ("Bookings Delete", {"Id": "1"}, R9_15, []),
        ("Bookings Delete", {"Id": "1"}, R10_19, ["Id", "MeetingId", "MeetingId"]),
        ("Bookings Delete", {"MeetingId": "1"}, R10_19, []),
        ("Bookings Delete", {"Id": "1"}, R11_19, []),
        ("Bookings Delete", {}, NEWEST, ["MeetingId"]),
        ("Bookings Edit", {"Id": "1"}, R11_23, []),
        ("Bookings Edit", {"MeetingId": "1"}, R11_19, []),
        ("Bookings Get", {"MeetingId": "1"}, R11_23, []),
        ("Bookings Get", {"Id": "1"}, R11_19, []),
        ("Bookings Extend", {"Id": "1", "Duration": 5}, R11_19, []),
        ("Bookings List", {"AccountType": "Shared"}, R11_19, ["AccountType"]),
        ("Bookings List", {"AccountType": "Shared"}, R11_23, []),
        ("Bookings Book", {"OrganizerName": "x"}, R10_19, ["OrganizerName"]),
        ("Bookings Book", {"OrganizerName": "x"}, Release.of(11, 18, 1), []),
        ("Bookings Book", {"MeetingPlatform": "anything"}, R11_23, []),
        ("Bookings Book", {"MeetingPlatform": "anything"}, R11_24, ["MeetingPlatform"]),
        ("UserInterface Message Alert Display", {"Text": "x", "Target": "OSD"}, R11_24, ["Target"]),
        ("UserInterface Message Alert Display", {"Text": "x", "Target": "OSD"}, R26_1, []),
        ("Bookings CheckIn", {"Id": "1"}, R11_24, [""]),
        ("Bookings CheckIn", {"Id": "1"}, R26_1, []),
        ("Bookings CheckIn", {"Id": "1"}, None, []),
        ("Bookings NotificationSnooze", {"Id": ""}, R11_19, []),
        ("Bookings NotificationSnooze", {"Id": ""}, R11_23, ["Id"]),
        ("Bookings Put", {"body": '{\n"Bookings":[]}'}, NEWEST, []),
        ("Bookings Invented", {}, NEWEST, [""]),
    ],
)
def test_releases_differ(path: str, params: dict[str, object], release: Release | None, wrong: list[str]) -> None:
    assert wrong == _wrong(path, params, release)


def test_commands_need_their_roles() -> None:
    assert {"Admin"} == COMMANDS["Bookings Put"].roles == COMMANDS["Webex Registration Logout"].roles
    assert "User" not in COMMANDS["UserInterface Message Alert Display"].roles
    assert {"Admin", "User"} == COMMANDS["Bookings Book"].roles


def _published(schema: Path) -> tuple[Release, dict[str, dict[str, Any]]]:
    content = json.loads(schema.read_text())
    commands = {each["path"]: each for each in content["objects"] if each["type"] == "Command"}
    return Release.parse(content["release"]), commands


def _facts(spec: ParamSpec) -> tuple[object, ...]:
    return (spec.required, spec.kind, spec.minimum, spec.maximum, spec.values, spec.default)


def _published_facts(param: dict[str, Any]) -> tuple[object, ...]:
    space = param["valuespace"]
    kind = space["type"].lower()
    low, high = ("MinLength", "MaxLength") if kind == "string" else ("Min", "Max")
    bounds = (None, None) if kind == "literal" else (int(space[low]), int(space[high]))
    default = param.get("default")
    if default is not None and kind == "integer":
        default = int(default)
    return (param["required"], kind, *bounds, tuple(space.get("Values", ())), default)


@needs_schemas
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_the_table_says_what_the_published_schemas_say(schema: Path) -> None:
    release, published = _published(schema)
    assert {path for path in published if path.startswith("Bookings ")} == {
        path for path, spec in COMMANDS.items() if path.startswith("Bookings ") and spec.exists(release)
    }
    for path, spec in COMMANDS.items():
        if not spec.exists(release):
            continue
        said = published[path]
        in_teams = "unavailableStates" not in said
        assert (path, set(said["role"])) == (path, set(spec.roles))
        assert (path, in_teams) == (path, spec.teams or release < TEAMS_RULES_SINCE)
        assert (path, bool(said.get("multiline"))) == (path, spec.multiline)
        params = {param["name"]: _published_facts(param) for param in said.get("params", [])}
        known = {name: _facts(form) for name, form in spec.params_at(release).items() if name != "body"}
        assert (path, params) == (path, known)
