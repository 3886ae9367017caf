from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core import commands
from hotdesk_daemon.core.commands import Command
from hotdesk_daemon.core.errors import RefusedError
from hotdesk_daemon.xapi.releases import Release
from hotdesk_daemon.xapi.rendering import Rendered, render_command, render_get, render_list
from hotdesk_daemon.xapi.valuespaces import COMMANDS, violations

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
R9_15 = Release.of(9, 15, 17, 4)
R10_19 = Release.of(10, 19, 4, 2)
R11_19 = Release.of(11, 19, 1)
R11_23 = Release.of(11, 23, 1)
NEWEST = Release.of(26, 4, 1)
BOOK = commands.Book(booking_request_uuid="5d0e", start=START, duration_min=60)
BOTH: dict[str, Any] = {"meeting_id": "m-1", "id": "webex-1"}


@pytest.mark.parametrize(
    ("command", "method", "params"),
    [
        (
            commands.Book(
                booking_request_uuid="5d0e",
                start=START,
                duration_min=60,
                title="Desk 12",
                organizer_email="person1@example.com",
                organizer_name="Person One",
                organizer_id="person-1",
                meeting_platform=commands.MeetingPlatform.NONE,
            ),
            "xCommand/Bookings/Book",
            {
                "BookingRequestUUID": "5d0e",
                "StartTime": "2026-05-04T08:00:00Z",
                "Duration": 60,
                "Title": "Desk 12",
                "OrganizerEmail": "person1@example.com",
                "OrganizerName": "Person One",
                "OrganizerId": "person-1",
                "MeetingPlatform": "None",
            },
        ),
        (
            BOOK,
            "xCommand/Bookings/Book",
            {"BookingRequestUUID": "5d0e", "StartTime": "2026-05-04T08:00:00Z", "Duration": 60},
        ),
        (
            commands.Edit(**BOTH, start=START, duration_min=30, title=""),
            "xCommand/Bookings/Edit",
            {"MeetingId": "m-1", "StartTime": "2026-05-04T08:00:00Z", "Duration": 30, "Title": ""},
        ),
        (
            commands.Extend(id="webex-1", duration_min=15),
            "xCommand/Bookings/Extend",
            {"Id": "webex-1", "Duration": 15},
        ),
        (commands.Delete(**BOTH), "xCommand/Bookings/Delete", {"MeetingId": "m-1"}),
        (commands.CheckIn(**BOTH), "xCommand/Bookings/CheckIn", {"MeetingId": "m-1"}),
        (commands.CheckOut(id="webex-1"), "xCommand/Bookings/CheckOut", {"Id": "webex-1"}),
        (
            commands.Respond(meeting_id="m-1", type=commands.Response.DECLINE, comment="nobody came"),
            "xCommand/Bookings/Respond",
            {"MeetingId": "m-1", "Type": "Decline", "Comment": "nobody came"},
        ),
        (commands.Logout(), "xCommand/Webex/Registration/Logout", {}),
        (
            commands.AlertDisplay(
                text="x", title="t", duration_s=0, target=commands.MessageTarget.OSD, peripheral_id="p"
            ),
            "xCommand/UserInterface/Message/Alert/Display",
            {"Text": "x", "Title": "t", "Duration": 0, "Target": "OSD", "PeripheralId": "p"},
        ),
        (commands.AlertClear(), "xCommand/UserInterface/Message/Alert/Clear", {}),
        (
            commands.PromptDisplay(
                text="Still here?", title="Desk", options=("Yes", "No"), feedback_id="f", duration_s=60
            ),
            "xCommand/UserInterface/Message/Prompt/Display",
            {
                "Text": "Still here?",
                "Title": "Desk",
                "Option.1": "Yes",
                "Option.2": "No",
                "FeedbackId": "f",
                "Duration": 60,
            },
        ),
        (
            commands.PromptClear(feedback_id="f"),
            "xCommand/UserInterface/Message/Prompt/Clear",
            {"FeedbackId": "f"},
        ),
        (
            commands.TextLineDisplay(text="x", x=1, y=10000, duration_s=5),
            "xCommand/UserInterface/Message/TextLine/Display",
            {"Text": "x", "X": 1, "Y": 10000, "Duration": 5},
        ),
        (commands.TextLineClear(), "xCommand/UserInterface/Message/TextLine/Clear", {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Command) else "",
)
def test_each_command_is_written_as_the_device_takes_it(
    command: Command, method: str, params: dict[str, str | int]
) -> None:
    assert Rendered(method, params) == render_command(command, release=NEWEST)


def test_values_on_the_wire_are_plain_strings_and_integers() -> None:
    respond = commands.Respond(meeting_id="m-1", type=commands.Response.ACCEPT)

    assert {str} == {type(value) for value in render_command(respond, release=NEWEST).params.values()}


@pytest.mark.parametrize(
    ("command", "release", "params"),
    [
        (commands.Delete(**BOTH), R9_15, {"Id": "webex-1"}),
        (commands.Delete(**BOTH), R10_19, {"MeetingId": "m-1"}),
        (commands.Delete(id="webex-1"), R11_19, {"Id": "webex-1"}),
        (commands.Delete(**BOTH), None, {"MeetingId": "m-1"}),
        (commands.Edit(**BOTH), R11_19, {"MeetingId": "m-1"}),
        (commands.Edit(id="webex-1"), R11_23, {"Id": "webex-1"}),
        (commands.Extend(**BOTH, duration_min=5), R11_19, {"Id": "webex-1", "Duration": 5}),
        (commands.Extend(**BOTH, duration_min=5), R11_23, {"MeetingId": "m-1", "Duration": 5}),
    ],
)
def test_a_booking_is_named_by_what_the_release_knows(
    command: Command, release: Release | None, params: dict[str, str | int]
) -> None:
    assert params == render_command(command, release=release).params


@pytest.mark.parametrize(
    ("command", "release", "reason"),
    [
        (commands.Delete(id="webex-1"), R10_19, "needs MeetingId"),
        (commands.Edit(id="webex-1"), R11_19, "needs MeetingId"),
        (commands.Extend(meeting_id="m-1", duration_min=5), R11_19, "needs Id"),
        (commands.Delete(), NEWEST, "needs MeetingId or Id"),
        (commands.Delete(meeting_id="", id=""), NEWEST, "needs MeetingId or Id"),
        (commands.Edit(id="webex-1"), R10_19, "does not have it"),
        (commands.CheckIn(**BOTH), R11_23, "does not have it"),
        (commands.Respond(meeting_id="m-1", type=commands.Response.ACCEPT, comment="x"), R10_19, "Comment"),
        (
            commands.Book(booking_request_uuid="5d0e", start=START, duration_min=60, organizer_name="x"),
            R10_19,
            "OrganizerName the command has no such parameter",
        ),
        (
            commands.Book(booking_request_uuid="5d0e", start=START, duration_min=60, title="ä" * 65),
            NEWEST,
            "Title has 130 bytes of UTF-8; at most 128 are allowed",
        ),
        (commands.Book(booking_request_uuid="", start=START, duration_min=60), NEWEST, "BookingRequestUUID"),
        (commands.Edit(**BOTH, duration_min=1441), NEWEST, "Duration is 1441; allowed are 1 to 1440"),
        (commands.PromptDisplay(text="x", options=tuple("abcdef")), NEWEST, "Option.6"),
        (commands.AlertDisplay(text="x", target=commands.MessageTarget.OSD), R11_23, "Target"),
        (commands.AlertDisplay(text="two\nlines"), NEWEST, "line breaks"),
    ],
)
def test_what_a_device_would_refuse_is_refused_before_it_is_sent(
    command: Command, release: Release, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason) as caught:
        render_command(command, release=release)

    assert str(caught.value).startswith(f"{command.path} was not sent: ")


@pytest.mark.parametrize("command", [commands.Logout(), commands.Extend(**BOTH, duration_min=5)])
def test_teams_mode_lacks_commands(command: Command) -> None:
    assert render_command(command, release=R11_23) == render_command(command, release=R11_23, teams=True)

    with pytest.raises(RefusedError, match="Teams"):
        render_command(command, release=NEWEST, teams=True)


@pytest.mark.parametrize(
    ("release", "params"),
    [
        (R10_19, {"DayOffset": 0}),
        (R11_19, {"DayOffset": 0}),
        (R11_23, {"DayOffset": 0, "AccountType": "Shared"}),
        (None, {"DayOffset": 0, "AccountType": "Shared"}),
    ],
)
def test_a_list_is_of_the_desk_from_today_on(release: Release | None, params: dict[str, str | int]) -> None:
    assert Rendered("xCommand/Bookings/List", params) == render_list(release)


def test_a_booking_is_got_by_what_the_release_knows() -> None:
    assert {"MeetingId": "m-1"} == render_get(**BOTH, release=R11_23).params
    assert {"Id": "webex-1"} == render_get(**BOTH, release=R11_19).params
    with pytest.raises(RefusedError):
        render_get(meeting_id="m-1", id=None, release=R11_19)


_TEXT = st.none() | st.text(max_size=160)
_RELEASES = st.sampled_from([None, R9_15, R10_19, Release.of(11, 14), R11_19, R11_23, Release.of(11, 24), NEWEST])
_COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        commands.Book,
        booking_request_uuid=st.text(max_size=130),
        start=st.datetimes(timezones=st.just(UTC)),
        duration_min=st.integers(-1, 1500),
        title=_TEXT,
        organizer_name=_TEXT,
    ),
    st.builds(commands.Edit, meeting_id=_TEXT, id=_TEXT, duration_min=st.none() | st.integers(0, 1441), title=_TEXT),
    st.builds(commands.Extend, meeting_id=_TEXT, id=_TEXT, duration_min=st.integers(0, 1441)),
    st.builds(commands.Delete, meeting_id=_TEXT, id=_TEXT),
    st.builds(commands.CheckIn, meeting_id=_TEXT, id=_TEXT),
    st.builds(commands.CheckOut, meeting_id=_TEXT, id=_TEXT),
    st.builds(commands.Respond, meeting_id=st.text(), type=st.sampled_from(commands.Response), comment=_TEXT),
    st.builds(commands.Logout),
    st.builds(commands.AlertDisplay, text=st.text(), title=_TEXT, duration_s=st.none() | st.integers()),
    st.builds(commands.PromptDisplay, text=st.text(), options=st.lists(st.text(), max_size=7).map(tuple)),
    st.builds(commands.PromptClear, feedback_id=_TEXT),
    st.builds(commands.TextLineDisplay, text=st.text(), x=st.none() | st.integers(0, 10001)),
)


@given(_COMMANDS, _RELEASES, st.booleans())
def test_what_is_rendered_has_no_violation(command: Command, release: Release | None, teams: bool) -> None:  # noqa: FBT001 # hypothesis hands values by position
    with suppress(RefusedError):
        rendered = render_command(command, release=release, teams=teams)
        path = rendered.method.removeprefix("xCommand/").replace("/", " ")
        assert command.path == path
        assert () == violations(path, rendered.params, release=release)
        assert COMMANDS[path].exists(release, teams=teams)
