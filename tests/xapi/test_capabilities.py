from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.core.inputs import KINDS, BookingEvent
from hotdesk_daemon.xapi.capabilities import EVENTS, FAILURE_CAUSES, STATUSES, Release, capabilities_of
from tests.xapi.published import SCHEMAS, needs_schemas

if TYPE_CHECKING:
    from pathlib import Path

#: Required by older releases only; the newest form of the schema stands in the table.
ONCE_REQUIRED = {("Bookings ExtensionRequested", "OriginalMeetingId"), ("Bookings NotificationSnoozed", "Id")}


def test_features_appear_with_their_releases() -> None:
    old, newer, new = (capabilities_of(Release.of(*numbers)) for numbers in [(10, 19), (11, 23), (26, 1)])

    assert "Webex DevicePersonalization Personalized" not in old.statuses
    assert "Webex DevicePersonalization Personalized" in newer.statuses
    assert "Bookings EditFailed" not in newer.events
    assert "Bookings EditFailed" in new.events
    assert "Bookings Edit" not in old.commands
    assert "Bookings CheckIn" in new.commands
    assert "HotdeskSignout" in new.delete_causes
    assert "HotdeskSignout" not in newer.delete_causes


@pytest.mark.parametrize(
    ("unlisted", "listed"),
    [((11, 22, 1), (11, 19, 1)), ((11, 25), (11, 24, 4, 1)), ((26, 8, 1), (26, 4, 1)), ((99, 1), (26, 4, 1))],
)
def test_an_unlisted_release_counts_as_the_newest_listed_before(
    unlisted: tuple[int, ...], listed: tuple[int, ...]
) -> None:
    one, other = capabilities_of(Release(unlisted)), capabilities_of(Release(listed))

    assert (other.commands, other.events, other.statuses) == (one.commands, one.events, one.statuses)


def test_an_unknown_release_counts_as_the_newest() -> None:
    unknown, newest = capabilities_of(None), capabilities_of(Release.of(26, 4, 1))

    assert (newest.commands, newest.events) == (unknown.commands, unknown.events)


def test_teams_mode_lacks_commands_since_the_schema_says_so() -> None:
    new = Release.of(26, 1, 1)

    assert {
        "Bookings CheckOut",
        "Bookings Clear",
        "Bookings Extend",
        "Bookings NotificationSnooze",
        "Bookings Put",
        "Webex Registration Logout",
    } == capabilities_of(new).commands - capabilities_of(new, teams=True).commands
    old = Release.of(11, 24)
    assert capabilities_of(old).commands == capabilities_of(old, teams=True).commands


def test_every_event_has_an_input_and_every_input_an_event() -> None:
    named = {name for name, kind in KINDS.items() if issubclass(kind, BookingEvent)}

    assert named | {"SyncRequired", "Updated"} == {path.split()[1] for path in EVENTS}


def _published(schema: Path, kind: str) -> tuple[Release, dict[str, dict[str, Any]]]:
    content = json.loads(schema.read_text())
    objects = {each["path"]: each for each in content["objects"] if each["type"] == kind}
    return Release.parse(content["release"]), objects


@needs_schemas
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_the_events_are_those_of_the_published_schemas(schema: Path) -> None:
    release, published = _published(schema, "Event")
    if not published:
        pytest.skip("this schema was published without events")
    bookings = {path: each for path, each in published.items() if path.startswith("Bookings ")}
    known = capabilities_of(release)

    assert set(bookings) == known.events
    for path, event in bookings.items():
        children = event.get("children", {})
        assert (path, frozenset(children)) == (path, known.event_members[path])
        for member in EVENTS[path].members:
            if member.exists(release):
                child = children[member.name]
                assert (path, child["valuespace"] == "int") == (path, member.integer)
                assert child["required"] == member.required or (path, member.name) in ONCE_REQUIRED
            if member.name == "FailureCause":
                assert FAILURE_CAUSES == tuple(children[member.name]["values"])
    if "Bookings Deleted" in bookings:
        assert tuple(bookings["Bookings Deleted"]["children"]["Cause"]["values"]) == known.delete_causes


@needs_schemas
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_the_statuses_are_those_of_the_published_schemas(schema: Path) -> None:
    release, published = _published(schema, "Status")

    assert {path for path in STATUSES if path in published} == capabilities_of(release).statuses
    for path in capabilities_of(release).statuses:
        space, spec = published[path]["valuespace"], STATUSES[path]
        assert (path, space["type"] == "Integer") == (path, spec.integer)
        assert (path, set(space.get("Values", ()))) == (path, set(spec.values))
