"""The server does what its OpenAPI document says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from hotdesk_daemon.core.inputs import LinkDown, PeopleCount
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, PANEL, TITLE, TOKEN, MemorySite, booked, full
from tests.api.test_stream import read_event

if TYPE_CHECKING:
    from tests.api.conftest import Caller, Reply

METHODS = ("get", "post", "patch", "delete")
BOOK = {"start": "now", "duration_min": 30, "title": TITLE, "organizer": {"email": EMAIL}}


async def read_document(call: Caller) -> dict[str, Any]:
    reply = await call("GET", "/api/v1/openapi.json", token=None)
    assert 200 == reply.status
    document: dict[str, Any] = reply.json
    return document


def hold(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    """Fail unless *value* is what *schema* says; the document's components are at hand, unknown members are errors."""
    Draft202012Validator({**_closed(schema), "components": _closed(document["components"])}).validate(value)


def _closed(schema: Any) -> Any:
    """The schema with every object closed: a member that the document does not tell of is an error in it."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed["additionalProperties"] = False
    return closed


def expect(document: dict[str, Any], method: str, path: str, reply: Reply) -> None:
    """Fail unless *reply* is one that the document promises for this operation."""
    operation = document["paths"][path][method.lower()]
    promised = operation["responses"][str(reply.status)]
    media, schema = next(iter(promised["content"].items()))
    assert media == reply.headers["Content-Type"].partition(";")[0]
    if media.endswith("json"):
        hold(document, schema["schema"], reply.json)


async def test_the_document_is_one(call: Caller) -> None:
    document = await read_document(call)

    assert "3.1.0" == document["openapi"]
    assert {"openapi", "info", "paths", "components"} == set(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', json.dumps(document))
    assert set(references) <= set(document["components"]["schemas"])


async def test_every_operation_has_a_name_of_its_own(call: Caller) -> None:
    document = await read_document(call)
    operations = [path[method] for path in document["paths"].values() for method in METHODS if method in path]

    assert len(operations) == len({operation["operationId"] for operation in operations})
    assert all(operation["summary"] for operation in operations)


async def test_every_promised_path_and_method_is_served(call: Caller) -> None:
    document = await read_document(call)
    for path, operations in document["paths"].items():
        for method in METHODS:
            if path.endswith("/stream"):
                continue
            reply = await call(method.upper(), re.sub(r"{\w+}", "none", path))

            assert (method in operations) == (reply.status != 405)
            if method in operations:
                expect(document, method, path, reply)


@pytest.mark.parametrize("token", [True, False], ids=["with the token", "without"])
async def test_what_is_read_is_as_promised(call: Caller, site: MemorySite, *, token: bool) -> None:
    document, desk = await read_document(call), quote(HYBRID, safe="")
    booked(site, HYBRID, in_min=-5)
    booked(site, HYBRID, in_min=50, number=2)
    made = await call("POST", f"/api/v1/desks/{desk}/bookings", json=BOOK)
    (command_id,) = site.park_all()
    site.feed(HYBRID, LinkDown(device=PANEL, cause="gone"))
    readings = [
        ("/api/v1/desks", ""),
        ("/api/v1/desks/{desk}", desk),
        ("/api/v1/desks/{desk}/bookings", desk),
        ("/api/v1/desks/{desk}/explain", desk),
        ("/api/v1/bookings/{booking}", quote(made.json["booking"]["id"], safe="")),
        ("/api/v1/commands", ""),
        ("/api/v1/commands/{command}", quote(command_id, safe="")),
        (f"/api/v1/events?desk={desk}", ""),
        ("/readyz", ""),
        ("/healthz", ""),
        ("/metrics", ""),
    ]
    for path, part in readings:
        reply = await call("GET", re.sub(r"{\w+}", part, path), token=TOKEN if token else None)

        assert 200 == reply.status
        expect(document, "get", path.partition("?")[0], reply)


async def test_what_is_asked_for_is_answered_as_promised(call: Caller, site: MemorySite) -> None:
    document, booking = await read_document(call), booked(site)
    desk = "/api/v1/desks/{desk}"
    wishes: list[tuple[str, str, Any]] = [
        ("POST", f"{desk}/bookings", BOOK),
        ("POST", f"{desk}/bookings", {**BOOK, "duration_min": 1000}),
        ("POST", f"{desk}/bookings", {**BOOK, "duration_min": 0}),
        ("POST", f"{desk}/resync", {}),
        ("POST", f"{desk}/sign-out", {"device": "none"}),
        ("PATCH", "/api/v1/bookings/{booking}", {"title": "another"}),
        ("DELETE", "/api/v1/bookings/{booking}", {}),
    ]
    for method, path, body in wishes:
        where = path.replace("{desk}", LOCAL).replace("{booking}", booking)
        for token in (TOKEN, "wrong", None):
            expect(document, method, path, await call(method, where, json=body, token=token))
    site.trouble = full()
    expect(document, "POST", f"{desk}/resync", await call("POST", f"/api/v1/desks/{LOCAL}/resync"))


async def test_what_is_taken_is_what_the_document_says(call: Caller) -> None:
    document = await read_document(call)
    operation = document["paths"]["/api/v1/desks/{desk}/bookings"]["post"]
    body = operation["requestBody"]

    assert body["required"]
    hold(document, body["content"]["application/json"]["schema"], BOOK)
    assert [{}] != operation["security"]
    taken = document["components"]["schemas"]["NewBooking"]
    assert (1, 1440) == tuple(taken["properties"]["duration_min"][name] for name in ("minimum", "maximum"))
    assert ["start", "duration_min"] == taken["required"]


async def test_parameters_are_told_with_their_spaces(call: Caller) -> None:
    document = await read_document(call)
    parameters = {p["name"]: p for p in document["paths"]["/api/v1/desks"]["get"]["parameters"]}

    assert {"state", "stale", "limit", "after"} == set(parameters)
    assert ["booked", "free", "in_use"] == parameters["state"]["schema"]["items"]["enum"]
    assert 1000 == parameters["limit"]["schema"]["maximum"]


async def test_streamed_events_are_as_promised(call: Caller, site: MemorySite) -> None:
    document = await read_document(call)
    site.watchers.bound = 2
    async with call.stream() as reader:
        booked(site)
        for value in range(3):
            site.feed(LOCAL, PeopleCount(device=PANEL, value=value))
        events = [await read_event(reader) for _ in range(3)]

    for event in events:
        name = {"step": "Event", "lost": "LostItems"}[event["event"]]
        hold(document, {"$ref": f"#/components/schemas/{name}"}, event["data"])
    assert ["step", "step", "lost"] == [event["event"] for event in events]
