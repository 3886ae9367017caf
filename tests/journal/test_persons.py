"""A person in stored data: found by one thing that they are known by, and gone by all of them."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest

from hotdesk_daemon.journal.persons import Eraser, Traces

ANNE: Final = {
    "organizer_email": "Anne@Example.com",
    "organizer_id": "b8ac878b-ceb4-5a45-b105-7a79f6d4cf8f",
    "organizer_name": "Anne Størm",
    "title": "Anne's own corner",
}
JOANNE: Final = {"organizer_email": "joanne@example.com", "organizer_name": "Joanne Hill", "title": "Desk"}
RAW: Final = {
    "Booking": [
        {"Organizer": {"Email": "anne@example.com", "FirstName": "Anne Størm", "LastName": ""}, "Title": "Desk"}
    ]
}


def learnt(person: str, *values: Any) -> Traces:
    traces = Traces.of(person)
    for _ in range(3):
        traces.begin_again()
        for value in values:
            traces.learn(value)
    return traces


def eraser(person: str = "anne@example.com", *values: Any) -> Eraser:
    return Eraser(learnt(person, *(values or (ANNE, JOANNE, RAW))), token="0abc")


@pytest.mark.parametrize(
    "person", ["anne@example.com", "ANNE@EXAMPLE.COM", "b8ac878b-ceb4-5a45-b105-7a79f6d4cf8f", "anne størm"]
)
def test_by_one_thing_all_others_are_learnt(person: str) -> None:
    traces = learnt(person, ANNE, JOANNE, RAW)

    assert {"anne@example.com"} == traces.emails
    assert "b8ac878b-ceb4-5a45-b105-7a79f6d4cf8f" in traces.ids
    assert {"anne størm"} == traces.names
    assert {"Anne's own corner", "Desk"} == traces.titles


def test_everything_of_the_person_becomes_a_pseudonym_and_nothing_of_others() -> None:
    gone = eraser().value(ANNE)

    assert ("erased-0abc@erased.invalid", "Erased 0abc", "Erased title 0abc") == (
        gone["organizer_email"],
        gone["organizer_name"],
        gone["title"],
    )
    assert JOANNE == eraser().value(JOANNE)


def test_an_id_becomes_one_of_the_same_kind() -> None:
    public = base64.b64encode(b"ciscospark://us/PEOPLE/b8ac878b-ceb4-5a45-b105-7a79f6d4cf8f").decode().rstrip("=")
    other = eraser(public, {"organizer_id": public}).value({"organizer_id": public})["organizer_id"]
    decoded = base64.b64decode(other + "=" * (-len(other) % 4)).decode()

    assert decoded.startswith("ciscospark://us/PEOPLE/")
    assert "b8ac878b" not in decoded
    assert 36 == len(eraser().value(ANNE)["organizer_id"])


def test_two_things_that_were_different_stay_different_and_the_same_stay_the_same() -> None:
    second = {**ANNE, "organizer_email": "anne@example.org"}
    traces = learnt("anne@example.com", ANNE, second)
    one = Eraser(traces, token="0abc")

    assert one.value(ANNE)["organizer_email"] != one.value(second)["organizer_email"]
    assert one.value(ANNE) == one.value(json.loads(json.dumps(ANNE)))


def test_pseudonyms_are_drawn_by_chance_so_that_nobody_can_try_names_out() -> None:
    traces = learnt("anne@example.com", ANNE)

    assert Eraser(traces).value(ANNE) != Eraser(traces).value(ANNE)


@pytest.mark.parametrize(
    "text",
    [
        "anne@example.com",
        "Anne@Example.COM, please",
        "mail\nanne@example.com.",
        "ask Anne Størm about it",
        "mailto:anne%40example.com",
        base64.b64encode(b'{"by": "anne@example.com"}').decode(),
    ],
)
def test_the_person_is_gone_from_any_text_in_whatever_form(text: str) -> None:
    one = eraser()
    for message in (json.dumps({"a": [text]}), json.dumps(text, ensure_ascii=False), f"no json {text}"):
        without = one.message(message.encode())

        assert 0 < one.find(message.encode())
        assert 0 == one.find(without)
        assert b"anne" not in without.lower()


@pytest.mark.parametrize(
    "text", ["joanne@example.com", "anne@example.com.au", "anne@example.community", "Stormy Anne", "x.anne@example.com"]
)
def test_what_only_looks_like_the_person_stays(text: str) -> None:
    one = eraser()
    message = json.dumps({"a": text}).encode()

    assert (message, 0) == (one.message(message), one.find(message))


def test_letters_written_as_escapes_are_seen() -> None:
    escaped = b'{"a": "\\u0061nne\\u0040example.com"}'

    assert b'{"a":"erased-0abc@erased.invalid"}' == eraser().message(escaped)


def test_a_message_that_does_not_name_the_person_stays_byte_for_byte() -> None:
    message = b'{ "a" : [1.0, 12345678901234567890, "\\u00e9"] }'

    assert message == eraser().message(message)


def test_bytes_that_are_no_text_keep_what_is_not_the_person() -> None:
    assert b"\xff\x00 erased-0abc@erased.invalid \xfe" == eraser().message(b"\xff\x00 anne@example.com \xfe")


def test_a_name_that_others_have_too_goes_only_where_the_person_is_the_organizer() -> None:
    namesake = {"organizer_email": "other@example.com", "organizer_name": "Anne Størm", "title": "Talk"}
    one = eraser("anne@example.com", ANNE, namesake)

    assert "Erased 0abc" == one.value(ANNE)["organizer_name"]
    assert namesake == one.value(namesake)
    assert "ask Anne Størm" == one.value("ask Anne Størm")


def test_a_title_goes_where_it_is_a_title_and_only_if_nobody_else_had_it() -> None:
    requested = {"title": "Anne's own corner", "start": "2026-05-04T08:00:00Z"}

    assert "Erased title 0abc" == eraser().value(requested)["title"]
    assert "Desk" == eraser().value({"Title": "Desk"})["Title"]


def test_a_device_names_the_organizer_in_two_parts() -> None:
    told = {"Organizer": {"Email": "anne@example.com", "FirstName": "Anne", "LastName": "Størm"}}
    gone = eraser("anne@example.com", told).value(told)["Organizer"]

    assert {"Erased 0abc"} == {gone["FirstName"], gone["LastName"]}
