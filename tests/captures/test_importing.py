"""What other tools have written becomes a history that replays, or is refused with a reason."""

from __future__ import annotations

import gzip
import io
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
import zstandard

from hotdesk_daemon.app.importing import Import, Imported, ToImport
from hotdesk_daemon.captures.importing import documents, gathering
from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.core.desk import BookingState, SignInState
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.journal import Entry
from tests.captures.recordings import replayed
from tests.xapi.published import CAPTURES

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.core.desk import Desk

DEVICE: Final = "a2f1b9c4-8f0e-4f2b-9a51-5a3d0a7f2c11"
WORKSPACE: Final = "1c9b1f0a-3a52-4be3-bb0f-0d5b4e6f7a22"
MEETING: Final = "5b1c9a52-32f0-4a2e-9f0a-0d6a5f0b7c11"
OTHER_MEETING: Final = "0d6a5f0b-32f0-4a2e-9f0a-5b1c9a527c22"
T0: Final = datetime(2026, 5, 4, 8, tzinfo=UTC)

Made = tuple[Imported, list[Entry], dict[str, "Desk"]]


def message(minute: int, **content: object) -> dict[str, object]:
    return {
        "type": "events" if "events" in content else "status",
        "deviceId": DEVICE,
        "workspaceId": WORKSPACE,
        "orgId": "0000",
        "timestamp": f"2026-05-04T08:{minute:02}:00.250Z",
        **content,
    }


def event(minute: int, name: str, **value: object) -> dict[str, object]:
    return message(minute, events=[{"key": f"Bookings.{name}", "value": value}])


CREATED: Final = event(
    1,
    "BookingCreated",
    BookingRequestUUID=MEETING,
    MeetingId=MEETING,
    Id="webex-1",
    Title="Budget with Jo",
    OrganizerEmail="jo.berg@example.com",
    StartTime="2026-05-04T08:05:00Z",
    Duration=30,
)
SIGNED_IN: Final = message(6, changes={"updated": {"Webex.DevicePersonalization.Personalized": "True"}, "removed": []})
STARTED: Final = event(5, "Start", Id="webex-1", MeetingId=MEETING)
COUNT: Final = message(7, changes={"updated": {"RoomAnalytics.PeopleCount.Current": 2}, "removed": []})
PROMPT: Final = message(8, events=[{"key": "UserInterface.Message.Prompt.Response", "value": [None]}])
DAY: Final = [CREATED, STARTED, SIGNED_IN, COUNT, PROMPT]
KINDS_OF_DAY: Final = [
    *("DeskConfigured", "DaemonStarted", "LinkUp", "BookingCreated", "Start"),
    *("Personalized", "TimerFired", "PeopleCount"),
]


def frame(**members: object) -> str:
    return json.dumps({"jsonrpc": "2.0", **members})


def said(**params: object) -> str:
    return frame(method="xFeedback/Event", params={"Id": 1, **params})


def row(meeting: str = MEETING, **more: object) -> dict[str, object]:
    return {
        "Id": "webex-16",
        "MeetingId": meeting,
        "Organizer": {"Email": "", "FirstName": "First Last", "Id": "", "LastName": ""},
        "Time": {"StartTime": "2026-05-04T09:00:00Z", "EndTime": "2026-05-04T10:00:00Z"},
        "Title": "Budget with Jo",
        **more,
    }


LISTED: Final = {"Booking": [row()], "ResultInfo": {"TotalRows": 1}, "status": "OK"}
TALK: Final = [
    frame(id="1", method="xGet", params={"Path": ["Status", "SystemUnit", "Software", "Version"]}),
    frame(id="2", method="xFeedback/Subscribe", params={"Query": ["Event", "Bookings"]}),
    frame(id="1", result="RoomOS 26.4.1 2e1a2b3c4d5"),
    frame(id="2", result={"Id": 1}),
    said(Status={"Standby": {"State": "Off"}}),
    frame(id="3", method="xCommand/Bookings/List", params={"DayOffset": 0}),
    frame(id="3", result=LISTED),
    frame(id="4", method="xCommand/Bookings/Delete", params={"MeetingId": MEETING}),
    frame(id="4", result={"status": "OK"}),
    said(Event={"Bookings": {"Deleted": {"Id": "webex-16", "MeetingId": MEETING, "Cause": "Deleted"}}}),
]
KINDS_OF_TALK: Final = ["DeskConfigured", "DaemonStarted", "LinkUp", "StandbyState", "BookingsListed", "Deleted"]


def imported(path: Path, *files: Path, **options: Any) -> Made:
    """What came of *files*: the summary, the entries of the capture, and the states that its replay ends in."""
    sink = io.BytesIO()
    made = Import(ToImport(files=files, **options)).write(sink)
    out = path / "out.jsonl"
    out.write_bytes(sink.getvalue())
    with read_captures([out]) as captures:
        entries = [item for item in captures.entries() if isinstance(item, Entry)]
    found = replayed(*entries)
    assert [None] * len(found) == [one.divergence for one in found]
    assert made.inputs == sum(one.steps for one in found)
    return made, entries, {one.desk: one.state for one in found}


def written(path: Path, text: str | bytes, name: str = "board.log") -> Path:
    file = path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (T0.timestamp(), T0.timestamp()))
    return file


def kinds(entries: list[Entry]) -> list[str]:
    """What was told, in order; not that no list was, which core hears whenever it asks for one."""
    return [entry.kind for entry in entries if entry.kind != "ListFailed"]


# --- messages of a workspace integration -----------------------------------------------------------------------------


def one_by_line(path: Path) -> list[Path]:
    return [written(path, "\n".join(map(json.dumps, DAY)))]


def one_by_file(path: Path) -> list[Path]:
    return [written(path, json.dumps(each, indent=2), f"{number}.json") for number, each in enumerate(DAY)]


def an_array(path: Path) -> list[Path]:
    return [written(path, json.dumps(DAY, indent=1))]


def answers_of_a_queue(path: Path) -> list[Path]:
    answers = [{"messages": DAY[:2]}, {"messages": []}, {"messages": DAY[2:], "pollUrl": "https://x"}]
    return [written(path, "\n".join(map(json.dumps, answers)))]


def a_log_of_posts(path: Path) -> list[Path]:
    return [written(path, "\n".join(f"[INFO] webhook {{}} got {json.dumps(each)} from 1.2.3.4" for each in DAY))]


def a_log_in_json(path: Path) -> list[Path]:
    return [written(path, "\n".join(json.dumps({"level": 30, "body": each}) for each in DAY))]


def texts_within_json(path: Path) -> list[Path]:
    return [written(path, "\n".join(json.dumps({"level": 30, "msg": json.dumps(each)}) for each in DAY))]


def by_name(path: Path) -> list[Path]:
    return [written(path, json.dumps(dict(zip("abcde", DAY, strict=True))))]


def over_several_lines(path: Path) -> list[Path]:
    return [written(path, "\n".join(f"2026-05-04 got {json.dumps(each, indent=4)}" for each in DAY))]


@pytest.mark.parametrize(
    "form",
    [
        one_by_line, one_by_file, an_array, answers_of_a_queue, a_log_of_posts, a_log_in_json, texts_within_json,
        by_name, over_several_lines,
    ],
)  # fmt: skip
def test_messages_are_taken_in_whatever_form_they_are(tmp_path: Path, form: Any) -> None:
    made, entries, states = imported(tmp_path, *form(tmp_path))
    desk = states[WORKSPACE]

    assert KINDS_OF_DAY == kinds(entries)
    assert "ListFailed" == entries[3].kind
    assert (WORKSPACE,) == made.desks
    assert [BookingState.STARTED] == [booking.state for booking in desk.bookings.values()]
    assert [SignInState.BOOKED] == [device.sign_in for device in desk.devices.values()]
    assert "passed over 1: says nothing of bookings, sign-ins or occupancy" in made.notes


def test_times_are_those_of_the_messages_and_late_ones_are_put_in_order(tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join(map(json.dumps, [STARTED, CREATED, SIGNED_IN])))
    made, entries, _ = imported(tmp_path, file)

    assert "1 stood behind later ones: they are in the order of their times" in made.notes
    assert ["2026-05-04T08:01:00.250000+00:00", "2026-05-04T08:05:00.250000+00:00"] == [
        entry.at.isoformat() for entry in entries if entry.kind in ("BookingCreated", "Start")
    ]
    assert sorted(entry.at for entry in entries) == [entry.at for entry in entries]
    assert [0.0, 240.0] == [entry.mono for entry in entries if entry.kind in ("LinkUp", "Start")]


def test_what_came_twice_counts_once(tmp_path: Path) -> None:
    queue = written(tmp_path, json.dumps({"messages": DAY}), "queue.json")
    hooks = written(tmp_path, "\n".join(map(json.dumps, DAY)), "hooks.jsonl")
    made, entries, _ = imported(tmp_path, queue, hooks)

    assert KINDS_OF_DAY == kinds(entries)
    assert "passed over 5: came twice" in made.notes


def test_each_workspace_is_a_desk_and_each_device_a_device(tmp_path: Path) -> None:
    other = {**COUNT, "workspaceId": MEETING, "deviceId": MEETING}
    companion = {**COUNT, "deviceId": OTHER_MEETING}
    file = written(tmp_path, json.dumps([COUNT, other, companion]))
    made, _, states = imported(tmp_path, file)
    _, _, as_one = imported(tmp_path, file, desk="osl-4-014")

    assert {WORKSPACE, MEETING} == set(made.desks)
    assert {DEVICE, OTHER_MEETING} == set(states[WORKSPACE].devices)
    assert {DEVICE, MEETING, OTHER_MEETING} == set(as_one["osl-4-014"].devices)


def test_a_device_that_is_named_in_vain_is_told(tmp_path: Path) -> None:
    of_messages, _, _ = imported(tmp_path, written(tmp_path, json.dumps(COUNT)), device="board")
    of_frames, _, states = imported(tmp_path, written(tmp_path, "\n".join(TALK)), device="room", desk="osl-4-014")

    assert "messages tell their device themselves: --device was not needed" in of_messages.notes
    assert "messages tell their device themselves: --device was not needed" not in of_frames.notes
    assert ["room"] == list(states["osl-4-014"].devices)


def test_actions_and_health_checks_are_passed_over_and_leave_no_token(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps([COUNT, {"type": "healthCheck"}, {"type": "action", "jwt": "aaa.bbb.ccc"}]))
    made, entries, _ = imported(tmp_path, file, redacted=False)

    assert {"passed over 1: health check", "passed over 1: action, which holds a token"} <= set(made.notes)
    assert "bbb" not in repr(entries)


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "options", "first_at"),
    [
        ("2026-05-04T08:00:0{n}.250Z ws ", {}, "2026-05-04T08:00:04.250000+00:00"),
        ("[2026-05-04 10:00:0{n},250] DEBUG jsxapi: ", {"zone": "Europe/Oslo"}, "2026-05-04T08:00:04.250000+00:00"),
        ("08:00:0{n}.250 -> ", {}, "2026-05-04T08:00:04.250000+00:00"),
        ("177788160{n}.250 ", {}, "2026-05-04T08:00:04.250000+00:00"),
        ("177788160{n}250 ", {}, "2026-05-04T08:00:04.250000+00:00"),
        ("May  4 08:00:0{n} host proxy[12]: ", {}, "2026-05-04T08:00:04+00:00"),
        ("receive: ", {"at": T0}, "2026-05-04T08:00:00+00:00"),
        ("", {}, "2026-05-04T08:00:00+00:00"),
    ],
)
def test_a_log_of_frames_is_a_session_of_one_device(
    tmp_path: Path, stamp: str, options: dict[str, Any], first_at: str
) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    lines = [f"{stamp.format(n=number)}{each}" for number, each in enumerate(TALK)]
    file = written(tmp_path, "\n".join(["connecting …", *lines, ""]))
    more = {**options, "zone": ZoneInfo(options["zone"])} if "zone" in options else options
    _, entries, states = imported(tmp_path, file, **more)
    up = msgspec.json.decode(next(entry.input for entry in entries if entry.kind == "LinkUp"))

    assert KINDS_OF_TALK == kinds(entries)
    assert first_at == entries[0].at.isoformat()
    assert ("board", "RoomOS 26.4.1 2e1a2b3c4d5") == (up["device"], up["software"])
    assert [BookingState.DELETED] == [booking.state for booking in states["board"].bookings.values()]


def test_what_cannot_be_had_from_frames_is_said(tmp_path: Path) -> None:
    made, _, _ = imported(tmp_path, written(tmp_path, "\n".join(TALK)))

    assert "passed over 1: command or its answer: a history has a command only with the decision that led to it" in (
        made.notes
    )
    assert "frames do not tell when a connection ended, only when the next began: in 1 file" in made.notes
    assert "parts without a time have that of the part before, or of the file's last change: in 1 file" in made.notes


def test_a_client_that_counts_from_one_again_has_connected_again(tmp_path: Path) -> None:
    _, entries, _ = imported(tmp_path, written(tmp_path, "\n".join(TALK * 2)))

    assert 2 == kinds(entries).count("LinkUp")
    assert KINDS_OF_TALK[2:] == kinds(entries)[len(KINDS_OF_TALK) :]


def test_a_refused_list_is_a_list_that_failed(tmp_path: Path) -> None:
    refused = frame(id="3", error={"code": 1, "message": "Not now, Jo"})
    _, entries, states = imported(tmp_path, written(tmp_path, "\n".join([*TALK[:6], refused])))

    assert "ListFailed" == entries[-1].kind
    assert "Jo" not in repr(entries)
    assert {} == states["board"].bookings


def test_an_answer_without_its_question_is_a_list_only_if_it_looks_like_one(tmp_path: Path) -> None:
    answers = [frame(id="9", result=LISTED), frame(id="10", result={"status": "OK"})]
    made, entries, _ = imported(tmp_path, written(tmp_path, "\n".join(answers)))

    assert "BookingsListed" == entries[-1].kind
    assert "an answer looks like a list although nobody is seen to ask for one: in 1 file" in made.notes
    assert "passed over 1: answer to a question that is not there" in made.notes


def test_statuses_that_were_asked_for_are_told(tmp_path: Path) -> None:
    asked = [
        frame(id=1, method="xGet", params={"Path": ["Status", "RoomAnalytics"]}),
        frame(id=1, result={"PeopleCount": {"Current": 3}, "PeoplePresence": "Yes"}),
        frame(id=2, method="xQuery", params={"Query": ["Status", "Standby", "**"]}),
        frame(id=2, result={"Status": {"Standby": {"State": "Halfwake"}}}),
    ]
    _, _, states = imported(tmp_path, written(tmp_path, "\n".join(asked)))
    device = states["board"].devices[next(iter(states["board"].devices))]

    assert (3, True, "Halfwake") == (device.people_count, device.people_presence, device.standby)


def test_events_wait_for_the_list_that_comes_soon_and_not_for_one_that_comes_late(tmp_path: Path) -> None:
    def log(seconds: int) -> list[str]:
        began = said(Event={"Bookings": {"Start": {"Id": "webex-16", "MeetingId": MEETING}}})
        lines = [(0, said(Status={"Standby": {"State": "Off"}})), (1, began), (2, TALK[5]), (seconds, TALK[6])]
        return [f"2026-05-04T08:{s // 60:02}:{s % 60:02}Z {line}" for s, line in lines]

    _, soon, _ = imported(tmp_path, written(tmp_path, "\n".join(log(3))))
    _, late, _ = imported(tmp_path, written(tmp_path, "\n".join(log(300))))

    assert [False, True] == [any(entry.kind == "ListFailed" for entry in entries) for entries in (soon, late)]


# --- lists and results over SSH --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [LISTED, [row()], {"Booking": row()}, {"CommandResponse": {"BookingsListResult": LISTED}}]
)
def test_a_list_alone_is_a_history_of_one_list(tmp_path: Path, value: object) -> None:
    file = written(tmp_path, json.dumps(value, indent=2), "osl-4-014.json")
    made, entries, states = imported(tmp_path, file)

    assert ["DeskConfigured", "DaemonStarted", "LinkUp", "BookingsListed"] == kinds(entries)
    assert ("osl-4-014",) == made.desks
    assert [MEETING] == [booking.meeting_id for booking in states["osl-4-014"].bookings.values()]
    assert not states["osl-4-014"].is_stale


def test_an_empty_list_is_one_when_it_is_said_to_be(tmp_path: Path) -> None:
    file = written(tmp_path, '{"status": "OK"}')

    with pytest.raises(ConfigError, match="none of what can be imported"):
        imported(tmp_path, file)
    assert "BookingsListed" == imported(tmp_path, file, kind="list")[1][-1].kind


@pytest.mark.parametrize(
    ("more", "at"),
    [({"LastUpdated": "2026-05-04T07:30:00Z"}, "2026-05-04T07:30:00+00:00"), ({}, "2026-05-04T09:00:00+00:00")],
)
def test_a_list_of_long_ago_is_of_its_own_time(tmp_path: Path, more: dict[str, str], at: str) -> None:
    file = written(tmp_path, json.dumps({**LISTED, **more}))
    os.utime(file, (T0.timestamp() + 1e8,) * 2)
    made, entries, states = imported(tmp_path, file)

    assert at == entries[-1].at.isoformat()
    assert 1 == len(states["board"].bookings)
    assert any("a list's moment" in note for note in made.notes)


def test_running_calls_are_no_bookings_and_said(tmp_path: Path) -> None:
    call = row("", Spark={"MeetingType": "Adhoc"})
    made, _, states = imported(tmp_path, written(tmp_path, json.dumps({"Booking": [call, row()]})))

    assert 1 == len(states["board"].bookings)
    assert "lists have entries that are no reservations, such as running calls: in 1 file" in made.notes


def test_results_over_ssh_have_their_leaves_unwrapped(tmp_path: Path) -> None:
    results = {
        "count": {"Status": {"RoomAnalytics": {"PeopleCount": {"Current": {"Value": "4"}}}}},
        "bad": {"Status": {"status": "Error", "Reason": {"Value": "No match on address expression."}}},
        "sent": {"CommandResponse": {"StandbyDeactivateResult": {"status": "OK"}}},
    }
    made, entries, states = imported(tmp_path, written(tmp_path, json.dumps(results)))

    assert "PeopleCount" == entries[-1].kind
    assert [4] == [device.people_count for device in states["board"].devices.values()]
    assert "passed over 1: refusal of a device" in made.notes


# --- what is guessed and what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meeting", "calendar", "expected"),
    [(MEETING, None, "local"), (OTHER_MEETING, None, "hybrid"), (OTHER_MEETING, CalendarKind.LOCAL, "local")],
)
def test_the_calendar_is_guessed_by_its_ids_unless_it_is_said(
    tmp_path: Path, meeting: str, calendar: CalendarKind | None, expected: str
) -> None:
    told = json.loads(json.dumps(CREATED).replace(f'"MeetingId": "{MEETING}"', f'"MeetingId": "{meeting}"'))
    made, _, states = imported(tmp_path, written(tmp_path, json.dumps(told)), calendar=calendar)

    assert expected == states[WORKSPACE].calendar.value
    assert (calendar is None) == any("the calendar is taken for" in note for note in made.notes)


def test_what_is_imported_is_redacted(tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join(map(json.dumps, DAY)))
    _, entries, _ = imported(tmp_path, file)
    _, plain, _ = imported(tmp_path, file, redacted=False)

    assert "jo.berg" not in repr(entries).lower()
    assert "budget" not in repr(entries).lower()
    assert "jo.berg@example.com" in repr(plain)


def test_a_person_is_the_same_in_what_is_imported_and_in_other_captures_of_the_daemon(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(CREATED))
    first, second = (imported(tmp_path, file, state_dir=tmp_path)[1][-1].input for _ in range(2))
    other = imported(tmp_path, file)[1][-1].input

    assert first == second
    assert first != other


# --- what is refused, and what is bad --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"@odata.context": "x", "value": [{"subject": "Budget"}]}, "of Microsoft Graph: calendars are not imported"),
        ({"value": [{"subscriptionId": "x", "changeType": "updated"}]}, "change notification of Microsoft Graph"),
        ({"responses": [{"id": 0, "body": {"value": [{"@odata.etag": "x"}]}}]}, "of Microsoft Graph"),
        ({"iCalUId": "x", "subject": "Budget"}, "calendars are not imported"),
        ({"access_token": "geheim", "token_type": "Bearer"}, "token service: it holds secrets"),
        ({"items": [{"sessionId": "x", "workspaceId": "y"}]}, "hot desk session of the Webex API"),
        ({"oauthUrl": "https://x", "refreshToken": "geheim"}, "activation of a workspace integration"),
        ({"type": "header", "format": "hotdesk-capture", "version": 1}, "is a capture already"),
        (
            {"hello": {"world": [1]}},
            "none of what can be imported: messages of a workspace integration, JSON-RPC frames",
        ),
        ([], "none of what can be imported"),
    ],
)
def test_what_is_not_imported_is_refused_with_the_reason(tmp_path: Path, value: object, why: str) -> None:
    refused = written(tmp_path, json.dumps(value), "other.json")
    good = written(tmp_path, json.dumps(COUNT), "good.json")

    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, refused)
    assert [True] == [why in problem and problem.startswith(str(refused)) for problem in caught.value.problems]
    assert "geheim" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"other\.json"):
        imported(tmp_path, good, refused)
    assert "refused: 1 file" in imported(tmp_path, good, refused, lenient=True)[0].notes


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"just talk\nand more\n", "has no JSON in it"),
        (
            b"\n".join([json.dumps(COUNT).encode(), b'got {"type": "status", "deviceId": "x"']),
            ":2: the JSON that begins",
        ),
        (json.dumps(COUNT).encode().replace(b"0000", b"\xff\xfe") + b"\n{}", ":1: is no UTF-8 text"),
        (b'x {"type": "status", "deviceId": 7}\n', "cannot be understood: no message: Expected `str`, got `int`"),
        (b'x {"type": "status" "deviceId": 7}\n', ":1: the JSON that begins here cannot be read"),
        (b'x {"jsonrpc": "2.0", "id": 1}\n', "cannot be understood: neither an answer nor a notification"),
        (json.dumps({"Booking": [row()], "ResultInfo": {"TotalRows": 9}}).encode(), "incomplete: 1 of 9 rows"),
        (gzip.compress(b"{}", mtime=0), "is compressed with gzip"),
        (b"SQLite format 3\x00", "is a database"),
    ],
)
def test_bad_files_are_told_with_the_line(tmp_path: Path, data: bytes, why: str) -> None:
    file = written(tmp_path, data)

    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, file)
    assert why in str(caught.value)
    assert str(file) in str(caught.value)


def test_lenient_uses_what_can_be_used_and_says_what_cannot(tmp_path: Path) -> None:
    lines = [json.dumps(each).encode() for each in DAY]
    lines[2:2] = [b'got {"type": "status", "devi', b'x {"jsonrpc": "2.0", "id": 1}', b'{"bad": \xff}', b'{"other": {}}']
    made, entries, _ = imported(tmp_path, written(tmp_path, b"\n".join([*lines, b'{"cut']), "day.log"), lenient=True)

    assert KINDS_OF_DAY == kinds(entries)
    assert ["day.log:3:", "day.log:4:", "day.log:5:", "day.log:10:"] == sorted(
        (problem.rpartition("/")[2].partition(" ")[0] for problem in made.problems), key=lambda name: (len(name), name)
    )


def test_a_packed_file_that_was_cut_off_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    posts = [message(number % 60, n=os.urandom(2_000).hex(), changes=COUNT["changes"]) for number in range(300)]
    whole = zstandard.compress("\n".join(map(json.dumps, posts)).encode())
    path = written(tmp_path, whole[: len(whole) // 2], "hooks.zst")
    with pytest.raises(ConfigError, match="cannot be unpacked: it was cut off"):
        imported(tmp_path, path)
    done, entries, _ = imported(tmp_path, path, lenient=True)

    assert 0 < kinds(entries).count("PeopleCount") < len(posts)
    assert "it was cut off" in done.problems[0]


_NO_TYPES: Final[tuple[object, ...]] = ([], {}, 1, None)


def test_a_message_whose_type_is_none_is_passed_over(tmp_path: Path) -> None:
    odd = [{"type": kind, "deviceId": DEVICE} for kind in _NO_TYPES]
    _, entries, _ = imported(tmp_path, written(tmp_path, json.dumps([*odd, COUNT])), lenient=True)

    assert "PeopleCount" in kinds(entries)


def test_any_number_of_messages_may_stand_in_one_line(tmp_path: Path) -> None:
    posts = [message(0, n=number, changes=COUNT["changes"]) for number in range(2_000)]
    _, entries, _ = imported(tmp_path, written(tmp_path, f"posts: {' '.join(map(json.dumps, posts))}\n"))

    assert 2_000 == kinds(entries).count("PeopleCount")


def test_a_line_cut_off_in_json_within_json_takes_no_longer_than_another(tmp_path: Path) -> None:
    cut = json.dumps({"body": json.dumps({str(number): number for number in range(60_000)})})[:-9]
    done, entries, _ = imported(tmp_path, written(tmp_path, f"{cut}\n{json.dumps(COUNT)}\n"), lenient=True)

    assert [*KINDS_OF_DAY[:3], "PeopleCount"] == kinds(entries)
    assert ["board.log"] == [told.split("/")[-1].split(":")[0] for told in done.problems]
    assert "not whole" in done.problems[0]


@pytest.mark.parametrize("lines", [["no JSON"], ['{"body": "cut']], ids=["none", "cut"])
def test_where_nothing_can_be_used_it_is_told_why(tmp_path: Path, lines: list[str]) -> None:
    health = json.dumps({"type": "healthCheck"})
    files = written(tmp_path, "\n".join(lines), "a.log"), written(tmp_path, health, "b.log")
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, *files, lenient=True)

    assert "nothing in it says anything of a desk" == caught.value.problems[0]
    assert any("a.log" in problem for problem in caught.value.problems)


def test_too_much_is_refused_and_nothing_is_held_beyond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LARGEST_WHOLE", 500)

    with pytest.raises(ConfigError, match="import them in parts"):
        imported(tmp_path, written(tmp_path, "\n".join(map(json.dumps, DAY))))


def test_a_document_that_is_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST_FILE", 1000)
    monkeypatch.setattr(documents, "LONGEST_LINE", 1000)

    with pytest.raises(ConfigError, match="larger than 0 MiB"):
        imported(tmp_path, written(tmp_path, json.dumps(DAY, indent=2)))


def test_what_says_nothing_of_a_desk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing in it says anything of a desk"):
        imported(tmp_path, written(tmp_path, json.dumps(PROMPT)))


# --- answers of real devices and services ----------------------------------------------------------------------------


@pytest.mark.skipif(not CAPTURES, reason="the captures are not here")
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_real_answers_are_imported_or_refused_with_the_reason(tmp_path: Path, path: Path) -> None:
    if path.name.startswith(("graph_", "vendor", "webex_token")):
        with pytest.raises(ConfigError) as caught:
            imported(tmp_path, path)
        assert 1 == len(caught.value.problems)
        assert any(what in str(caught.value) for what in ("Microsoft Graph", "hot desk session", "token service"))
    else:
        made, entries, _ = imported(tmp_path, path)
        assert made.inputs > 3
        assert "Person One" not in repr(entries)
