"""The list of log events and the code agree: no line without an entry, and documents that are current."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import pytest

import hotdesk_daemon
from hotdesk_daemon.app.narrator import FACTS, SAME, TOLD_ELSEWHERE
from hotdesk_daemon.ops.events import CALL_FIELDS, EVENTS
from hotdesk_daemon.ops.guard import is_withheld
from hotdesk_daemon.ops.reference import main, render_configuration, render_logs, render_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE: Final = Path(hotdesk_daemon.__path__[0])
ROOT: Final = Path(__file__).parents[2]
LEVELS: Final = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
FOLD: Final = {"down", "up"}

#: Names of variables that hold a logging method, chosen a line before because the level depends.
ALIASES: Final = {"say"}
#: Where reasons become lines by their codes instead of by calls.
CORE: Final = PACKAGE / "core"


@attrs.frozen
class Call:
    """One logging call of the package."""

    where: str
    method: str
    name: str | None
    fields: frozenset[str]


@cache
def calls() -> Sequence[Call]:
    return tuple(_calls())


def _calls() -> Iterator[Call]:
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        foreign = set(_stdlib_loggers(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                where = f"{file.relative_to(PACKAGE.parent)}:{node.lineno}"
                yield from _any_call(node, foreign, where)


def _any_call(node: ast.Call, foreign: set[str], where: str) -> Iterator[Call]:
    """Calls of methods, of methods held by a variable, and of the choice between two."""
    match node.func:
        case ast.Attribute() as func:
            yield from _call(node, func, foreign, where)
        case ast.Name(id=name) if name in ALIASES:
            if _text(node.args[0]) is not None:  # else the name comes from the list itself
                yield Call(where, "debug", _text(node.args[0]), _keywords(node))
        case ast.IfExp(body=ast.Attribute() as func):
            yield from _call(node, func, foreign, where)
        case _:
            pass


def _keywords(node: ast.Call) -> frozenset[str]:
    return frozenset(keyword.arg for keyword in node.keywords if keyword.arg)


def reason_codes() -> Iterator[str]:
    """Every code in core that is the name of a line, or stands for one; core's codes are written out."""
    for file in sorted(CORE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            code = _text(node) if isinstance(node, ast.Constant) else None
            if code is not None and SAME.get(code, code) in EVENTS and code not in TOLD_ELSEWHERE:
                yield SAME.get(code, code)


def _call(node: ast.Call, func: ast.Attribute, foreign: set[str], where: str) -> Iterator[Call]:
    receiver = _last_name(func.value)
    position = None
    if (
        func.attr in LEVELS
        and re.fullmatch(r"_*(log|logger|bound)", receiver, re.IGNORECASE)
        and receiver not in foreign
    ):
        position = 0
    elif func.attr in FOLD and re.fullmatch(r"\w*folds?", receiver, re.IGNORECASE):
        position = 1
    # The fold passes on the names it is given; its callers are looked at instead.
    if position is not None and not where.startswith("hotdesk_daemon/ops/logs.py"):
        first = node.args[position] if len(node.args) > position else None
        yield Call(where, func.attr, _text(first), _keywords(node))


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):  # get_log(…).info(…), log.bind(…).info(…)
        return "log" if "log" in ast.unparse(node.func) else ""
    return node.id if isinstance(node, ast.Name) else ""


def _stdlib_loggers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if "logging.getLogger" in ast.unparse(value):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if (
                "logging.getLogger" in ast.unparse(value)
            ):
                yield name
            case _:
                pass


def test_every_logging_call_has_a_written_out_name_of_the_list() -> None:
    assert [] == [f"{call.where}: {call.name}" for call in calls() if call.name not in EVENTS]


def test_every_logging_call_passes_only_the_fields_of_its_event() -> None:
    strangers = [
        f"{call.where}: {call.name}: {', '.join(sorted(extra))}"
        for call in calls()
        if call.name is not None
        and call.name in EVENTS
        and (extra := call.fields - CALL_FIELDS - set(EVENTS[call.name].fields))
    ]

    assert [] == strangers


def test_every_logging_call_has_the_level_of_its_event_or_debug() -> None:
    wrong = [
        f"{call.where}: {call.name} is {EVENTS[call.name].level}, not {call.method}"
        for call in calls()
        if call.name is not None
        and call.name in EVENTS
        and call.method not in {"debug", *FOLD}  # repeats are told at DEBUG; the fold asks the list itself
        and EVENTS[call.name].level != LEVELS[call.method]
    ]

    assert [] == wrong


def test_every_event_of_the_list_is_logged_somewhere() -> None:
    # The bridge logs what libraries say from within logs.py.
    assert {*EVENTS} == {call.name for call in calls()} | {*reason_codes()} | {"library.message"}


def test_every_field_of_a_line_that_tells_a_reason_can_be_found() -> None:
    strangers = {(name, field) for name in reason_codes() for field in EVENTS[name].fields if field not in FACTS}

    assert set() == strangers


def test_the_scan_sees_the_ways_in_which_the_package_logs() -> None:
    source = (
        'self._log.info("a.b", x=1)\nget_log(y=2).error("c.d")\nfold.down(key, "e.f", z=3)\nlog.bind(q=1).debug(n)\n'
        'say("g.h", r=1)\n(log.error if bad else log.debug)("i.j", **told)\n'
    )
    found = [
        call
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for call in _any_call(node, set(), "x.py")
    ]
    names = {("info", "a.b"), ("error", "c.d"), ("down", "e.f"), ("debug", None), ("debug", "g.h"), ("error", "i.j")}

    assert names == {(c.method, c.name) for c in found}


@pytest.mark.parametrize("name", EVENTS)
def test_an_entry_is_well_formed_and_promises_no_field_that_is_withheld(name: str) -> None:
    event = EVENTS[name]

    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
    assert event.level in {"debug", "info", "warning", "error"}
    assert event.meaning.endswith((".", "line."))
    assert not [field for field in event.fields if is_withheld(field)]
    assert len(set(event.fields)) == len(event.fields)


@pytest.mark.parametrize(
    ("topic", "render"), [("configuration", render_configuration), ("logs", render_logs), ("metrics", render_metrics)]
)
def test_the_documents_made_from_the_code_are_current(topic: str, render: object) -> None:
    assert callable(render)
    assert (ROOT / "docs" / f"{topic}.md").read_text(encoding="utf-8") == render()


def test_the_reference_prints_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 == main(["logs"])
    file = tmp_path / "logs.md"
    file.write_text(capsys.readouterr().out, encoding="utf-8")

    assert 0 == main(["logs", "--check", str(file)])
    assert 1 == main(["configuration", "--check", str(file)])
    assert f"{file} is out of date" in capsys.readouterr().err
    monkeypatch.chdir(ROOT)
    assert 0 == main(["--check"])
