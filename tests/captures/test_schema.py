"""The schema holds for what is written and for what is read, and the page in docs/ tells the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdesk_daemon.app.capture import Capture, Wanted
from hotdesk_daemon.app.recordings import recorded_files
from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.captures.lines import EndLine, Header, InputLine, StateLine, encode_line, line_decoder
from hotdesk_daemon.captures.schema import main, schema
from hotdesk_daemon.captures.writing import line_of
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.journal import Entry, codec
from tests.app.replaying.histories import in_turn, morning, write_journal
from tests.captures.made import DESK, HEADER, T0, entries, header, put, read

DOCS: Final = Path(__file__).parents[2] / "docs"
SCHEMA: Final = schema()
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)


def is_valid(line: object) -> bool:
    return bool(VALIDATOR.is_valid(line))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_the_file_in_docs_is_current(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = DOCS / "capture.schema.json"
    other = put(tmp_path / "other", b"{}")

    assert 0 == main(["--check", str(path)]), "run `make capture-schema`"
    assert json.loads(json.dumps(SCHEMA)) == json.loads(path.read_bytes())
    assert 1 == main(["--check", str(other)])
    assert "make capture-schema" in capsys.readouterr().err
    assert 0 == main(["--write", str(other)])
    assert path.read_bytes() == other.read_bytes()
    assert 2 == main([])


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("how", [{}, {"redacted": False}, {"steps": False, "raw": False}, {"since": T0}])
def test_what_is_written_of_a_history_fits_it_and_has_no_member_that_it_does_not_know(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    journal = write_journal(tmp_path / "journal", in_turn(morning(), morning("osl-4-015")))
    path = tmp_path / "capture"
    with path.open("wb") as file:
        Capture(f"sqlite:///{journal}", Wanted(**how)).write(file)
    lines = lines_of(path)
    known = {
        part["properties"]["type"]["enum"][0]: set(part["properties"])
        for part in SCHEMA["$defs"].values()
        if "type" in part.get("properties", {})
    }

    assert {"header", "input", "end"} <= {line["type"] for line in lines}
    assert [] == [error.message for line in lines for error in VALIDATOR.iter_errors(line)]
    assert [] == [line for line in lines if not set(line) <= known[line["type"]]]


def test_a_state_fits_it() -> None:
    state = StateLine(desk=DESK, seq=3, state=msgspec.Raw(codec.encode_desk(Desk(desk_id=DESK, seq=3))))

    assert is_valid(json.loads(encode_line(state)))


@settings(max_examples=50)
@given(first=entries)
def test_what_is_written_of_any_entry_fits_it(first: Entry) -> None:
    # Reasons and commands are whatever the journal has; a history's own are looked at above.
    plain = msgspec.structs.replace(first, reasons=None, commands=None)
    line = json.loads(encode_line(line_of(plain)))

    assert [] == [error.message for error in VALIDATOR.iter_errors(line)]


LINES: Final[list[dict[str, Any]]] = [
    json.loads(encode_line(line))
    for line in (
        header(desks=(DESK,), kinds=("Start",), since=T0, until=T0, notes=("a note",)),
        HEADER,
        EndLine(inputs=3, cut="size"),
        InputLine(
            desk=DESK, seq=1, journal_seq=1, at=T0, mono=1.5, source="device:a", kind="NobodyKnows", device="a",
            cause_seq=1, part=1, input=msgspec.Raw(b"{}"), raw="r", raw_base64=b"r", refusal="no",
        ),
    )
]  # fmt: skip
#: Values of which some fit a member and some do not.
OTHERS: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    3,
    2**63,
    1.5,
    "",
    "x",
    "2026-05-04T08:00:00Z",
    "cg==",
    [],
    ["x"],
    [""],
    {},
    [1],
)


@given(line=st.sampled_from(LINES), data=st.data())
def test_the_reader_takes_no_line_that_does_not_fit_and_every_line_that_does(
    line: dict[str, Any], data: st.DataObject
) -> None:
    changed = dict(line)
    for name in data.draw(st.lists(st.sampled_from(sorted(line)), max_size=2, unique=True)):
        if data.draw(st.booleans()):
            del changed[name]
        else:
            changed[name] = data.draw(st.sampled_from(OTHERS))
    try:
        line_decoder.decode(json.dumps(changed))
        is_read = True
    except msgspec.ValidationError:
        is_read = False

    # What an input holds is read later, by its kind; there the schema says more than the line's reader.
    assert is_valid(changed) == (is_read and isinstance(changed.get("input", {}), dict | str))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "PeopleCount", "input": {"value": "many", "device": "a"}},
        {"kind": "PeopleCount", "input": {"value": 3}},
        {"reasons": [{"life": "booking"}]},
        {"commands": [{"kind": "Explode", "open": {}}]},
        {"at": "2026-05-04T08:00:00+02:00"},
    ],
)
def test_what_an_importer_could_get_wrong_does_not_fit(wrong: dict[str, Any]) -> None:
    right = {"kind": "PeopleCount", "input": {"value": 3, "device": "a"}}

    assert is_valid(LINES[3] | right)
    assert not is_valid(LINES[3] | right | wrong)


# --- docs/captures.md ------------------------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    """The page's parts by their headings."""
    parts = re.split(r"^##+ (.*)\n", (DOCS / "captures.md").read_text(), flags=re.MULTILINE)
    return {name.strip("`"): text for name, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize(
    ("name", "line"), [("header", Header), ("input", InputLine), ("state", StateLine), ("end", EndLine)]
)
def test_the_page_tells_every_member(name: str, line: type[msgspec.Struct]) -> None:
    rows = [row.split("|")[1] for row in sections()[name].splitlines() if row.startswith("| `")]

    assert [*line.__struct_fields__].sort() == [member for row in rows for member in re.findall("`(.*?)`", row)].sort()


def test_the_pages_example_is_a_capture_that_replays(tmp_path: Path) -> None:
    example = sections()["An example"].split("```json\n")[1].split("```")[0]
    path = put(tmp_path / "capture", example.encode())
    items, told = read(path)
    with recorded_files([path]) as recording:
        (replayed,) = Replay(recording).run()

    assert (4, []) == (len(items), told)
    assert [] == [error.message for line in lines_of(path) for error in VALIDATOR.iter_errors(line)]
    assert ("same", 4) == (replayed.verdict, replayed.inputs)
