from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.public_ids import kind_of, uuid_of

PLAIN = "1eb65fdf-9643-417f-9974-ad72cae0e10f"


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@given(uuid=st.uuids(), where=st.sampled_from(["us", "urn:TEAM:us-east-2_a"]), padded=st.booleans())
def test_an_id_stands_for_its_uuid_wherever_it_is_from(uuid: UUID, where: str, padded: bool) -> None:  # noqa: FBT001
    public = packed(f"ciscospark://{where}/DEVICE/{uuid}")

    assert str(uuid) == uuid_of(public if padded else public.rstrip("="))


def test_a_plain_uuid_stands_for_itself_and_capitals_are_nothing_to_go_by() -> None:
    assert PLAIN == uuid_of(PLAIN) == uuid_of(PLAIN.upper())
    assert PLAIN == uuid_of(packed(f"ciscospark://us/PLACE/{PLAIN.upper()}"))


def test_what_follows_the_uuid_does_not_count() -> None:
    assert PLAIN == uuid_of(packed(f"ciscospark://us/DEVICE/{PLAIN}|more"))


@pytest.mark.parametrize(
    ("text", "kind"), [("us/PLACE", "PLACE"), ("urn:TEAM:eu/ORGANIZATION", "ORGANIZATION")], ids=["place", "team"]
)
def test_an_id_says_what_it_is_of(text: str, kind: str) -> None:
    assert kind == kind_of(packed(f"ciscospark://{text}/{PLAIN}"))


def test_a_plain_uuid_does_not_say_what_it_is_of() -> None:
    assert kind_of(PLAIN) is None


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nobody",
        PLAIN[:-1],
        f"{PLAIN}\n",
        "é",
        "\ud800",
        packed(f"https://us/DEVICE/{PLAIN}"),
        packed(f"ciscospark://us/DEVICE/{PLAIN}/more"),
        packed(f"ciscospark://us/device/{PLAIN}"),
        packed("ciscospark://us/DEVICE/person@example.com"),
        base64.b64encode(b"\xff\xfe").decode(),
        packed(f"ciscospark://{'u' * 1000}/DEVICE/{PLAIN}"),
    ],
)
def test_what_is_no_id_is_said_to_be_none(given: str) -> None:
    with pytest.raises(ProtocolError, match="is no id"):
        uuid_of(given)
    with pytest.raises(ProtocolError, match="is no id"):
        kind_of(given)


@given(st.text(max_size=200))
def test_no_text_does_any_harm(text: str) -> None:
    try:
        found = uuid_of(text)
    except ProtocolError:
        return
    assert str(UUID(found)) == found
