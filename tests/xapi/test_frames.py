from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.xapi.frames import (
    FEEDBACK_EVENT,
    ErrorCode,
    Failure,
    Notification,
    Reply,
    Request,
    parse_frame,
)
from tests.xapi.json_strategies import JSON, SCALARS


@pytest.mark.parametrize("ident", [1, 0, "1", ""])
def test_a_reply_carries_the_id_with_its_type_and_the_result(ident: int | str) -> None:
    frame = parse_frame(json.dumps({"jsonrpc": "2.0", "id": ident, "result": {"status": "OK"}}))

    assert isinstance(frame, Reply)
    assert (type(ident), ident) == (type(frame.id), frame.id)
    assert {"status": "OK"} == frame.value()


@pytest.mark.parametrize("result", [50, "Off", True, None, {}, []])
def test_every_kind_of_result_is_a_result(result: object) -> None:
    frame = parse_frame(json.dumps({"jsonrpc": "2.0", "id": 7, "result": result}).encode())

    assert isinstance(frame, Reply)
    assert result == frame.value()


def test_a_failure_carries_code_message_and_data() -> None:
    frame = parse_frame(
        '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"Bad usage: Bad argument.","data":{"Cause":27}}}'
    )

    assert Failure(7, 1, "Bad usage: Bad argument.", {"Cause": 27}) == frame


def test_a_failure_of_an_unreadable_request_has_no_id() -> None:
    frame = parse_frame('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}')

    assert Failure(None, ErrorCode.PARSE_ERROR, "Parse error") == frame


def test_a_null_error_beside_a_result_is_no_failure() -> None:
    frame = parse_frame('{"id":1,"error":null,"result":true}')

    assert isinstance(frame, Reply)


@pytest.mark.parametrize(
    ("code", "name"),
    [(-31998, "subscriber count exceeded"), (-31997, "not ready"), (1, "command error"), (27, "27")],
)
def test_a_failure_names_its_code(code: int, name: str) -> None:
    assert name == Failure(1, code, "").name


def test_a_notification_carries_its_params_undecoded() -> None:
    frame = parse_frame(
        b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":{"Id":1,"Event":{"Bookings":{"Updated":{}}}}}'
    )

    assert isinstance(frame, Notification)
    assert FEEDBACK_EVENT == frame.method
    assert b'{"Id":1,"Event":{"Bookings":{"Updated":{}}}}' == bytes(frame.params)


def test_a_notification_may_lack_params() -> None:
    frame = parse_frame('{"jsonrpc":"2.0","method":"xFeedback/Event"}')

    assert isinstance(frame, Notification)
    assert b"" == bytes(frame.params)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"id":1,"result":tru}',
        b"[]",
        b"[{}]",
        b"5",
        b"null",
        b"{}",
        b'{"id":1}',
        b'{"id":1.5,"result":1}',
        b'{"id":true,"result":1}',
        b'{"id":null,"result":1}',
        b'{"result":1}',
        b'{"id":1,"method":"xGet","params":{}}',
        b'{"method":5}',
        b'{"id":1,"error":"broken"}',
        b'{"id":1,"error":{"code":"x"}}',
        b'{"id":1,"result":"\\ud800"}',
        b"\xff\xfe",
        b'{"id":1,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":1,"result":' + b'{"a":' * 100_000,
    ],
    ids=lambda raw: raw[:24].decode(errors="replace"),
)
def test_what_is_no_frame_is_undecodable_and_kept(raw: bytes) -> None:
    with pytest.raises(UndecodableError) as caught:
        parse_frame(raw)

    assert raw == caught.value.raw


def test_an_undecodable_text_frame_is_kept_as_bytes() -> None:
    with pytest.raises(UndecodableError) as caught:
        parse_frame("grün")

    assert "grün".encode() == caught.value.raw


def test_text_that_cannot_be_utf8_is_undecodable() -> None:
    with pytest.raises(UndecodableError):
        parse_frame('{"id":1,"result":"\udc80"}')


def test_a_result_with_broken_text_is_undecodable_when_it_is_looked_at() -> None:
    frame = parse_frame(b'{"id":1,"result":"\xff"}')

    assert isinstance(frame, Reply)
    with pytest.raises(UndecodableError) as caught:
        frame.value()
    assert b'"\xff"' == caught.value.raw


def test_a_request_is_one_json_rpc_object() -> None:
    request = Request(7, "xGet", {"Path": ["Status", "Call", 3, "Status"]})

    assert {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "xGet",
        "params": {"Path": ["Status", "Call", 3, "Status"]},
    } == json.loads(request.render())


def test_a_request_without_parameters_sends_an_empty_object() -> None:
    assert {} == json.loads(Request("1", "xCommand/Bookings/Clear").render())["params"]


@given(st.binary() | st.text() | JSON.map(json.dumps))
def test_arbitrary_text_is_a_frame_or_undecodable_and_kept(raw: bytes | str) -> None:
    try:
        frame: object = parse_frame(raw)
    except UndecodableError as exc:
        frame = exc.raw

    kept = raw if isinstance(raw, bytes) else raw.encode(errors="surrogatepass")
    assert isinstance(frame, Reply | Failure | Notification) or kept == frame


@given(
    st.dictionaries(
        st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]),
        SCALARS | JSON | st.fixed_dictionaries({"code": SCALARS, "message": SCALARS}),
    )
)
def test_objects_that_look_like_frames_are_read_or_undecodable(frame: dict[str, Any]) -> None:
    with suppress(UndecodableError):
        match parse_frame(json.dumps(frame)):
            case Notification(method=method):
                assert frame["method"] == method
            case Reply(id=ident) | Failure(id=ident):
                assert frame.get("id") == ident
