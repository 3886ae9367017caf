"""Log lines: one fact each, in the asked form, without persons and secrets."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from hotdesk_daemon.ops.logs import Fold, LibraryHandler, configure_logs, get_log, is_journal
from hotdesk_daemon.ops.settings import LogFormat, LogLevel, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def out() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def text_of(out: io.TextIOWrapper) -> str:
    written = out.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode()


def lines_of(out: io.TextIOWrapper) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(out).splitlines()]


def configure(out: Any, *, level: LogLevel = LogLevel.DEBUG, form: LogFormat = LogFormat.JSON) -> None:
    configure_logs(level=level, form=form, stream=out, environ={})


def test_a_json_line_begins_with_time_level_and_name_and_carries_what_is_bound(out: io.TextIOWrapper) -> None:
    configure(out)
    before = datetime.now(UTC)

    get_log(desk_id="osl-1").info("booking.created", booking_id="osl-1.b1", journal_seq=7)

    line = lines_of(out)[0]
    assert ["timestamp", "level", "event", "desk_id", "booking_id", "journal_seq"] == list(line)
    assert ("info", "booking.created", "osl-1", 7) == (
        line["level"],
        line["event"],
        line["desk_id"],
        line["journal_seq"],
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
    assert timedelta(0) <= datetime.fromisoformat(line["timestamp"]) - before < timedelta(seconds=5)


def test_lines_below_the_level_are_not_written(out: io.TextIOWrapper) -> None:
    configure(out, level=LogLevel.WARNING)
    log = get_log()

    log.debug("command.sent")
    log.info("booking.created")
    log.warning("link.down")
    log.error("command.parked")

    assert ["warning", "error"] == [line["level"] for line in lines_of(out)]


@pytest.mark.parametrize(
    "field", ["title", "organizer", "organizer_name", "organizer_id", "OrganizerEmail", "email", "password", "token"]
)
def test_a_field_that_may_name_a_person_or_a_secret_is_left_out_and_its_name_told(
    field: str, out: io.TextIOWrapper
) -> None:
    configure(out)

    get_log().info("booking.created", **{field: "somebody"})

    assert [field] == lines_of(out)[0]["withheld"]
    assert "somebody" not in text_of(out)


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.LOGFMT, LogFormat.CONSOLE])
def test_addresses_and_credentials_are_blotted_out_wherever_they_stand(form: LogFormat, out: io.TextIOWrapper) -> None:
    configure(out, form=form)

    def fail() -> None:
        raise ValueError("nobody called person1@example.com")

    try:
        fail()
    except ValueError:
        get_log(note="ask person2@example.com").exception(
            "task.failed",
            task="worker",
            cause={"to": ["person3@example.com"], "title": "Strategy"},
            url="wss://admin:hunter2@desk/ws",
            error=OSError("person4@example.com is unreachable"),
            reason=Secret("hunter3"),
        )

    assert "ValueError" in text_of(out)
    assert not re.search(r"person\d|hunter|Strategy", text_of(out))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://desks/x?token=hunter2&page=3", "GET https://desks/x?token=<hidden>&page=3"),
        ("/activate?code=hunter2", "/activate?code=<hidden>"),
        ("client_secret=hunter2 was refused", "client_secret=<hidden> was refused"),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: <hidden>"),
        ("{'Authorization': 'Bearer hunter2'}", "{'Authorization': '<hidden>'}"),
        ("sent Bearer hunter22, again", "sent Bearer <hidden>, again"),
        ("jwt eyJhbGciOi.eyJodW50ZXIy.abc-_ is over", "jwt <token> is over"),
        ("a@b, person.one@example.com; @nobody and x@", "<address>, <address>; @nobody and x@"),
        ("<person@example.com>", "<<address>>"),
        ("Basic authentication is off", "Basic authentication is off"),
        ("exit code=17, key=value", "exit code=17, key=value"),
    ],
)
def test_credentials_are_blotted_out_by_their_looks_and_nothing_else(
    out: io.TextIOWrapper, text: str, shown: str
) -> None:
    configure(out)

    get_log().info("booking.created", reason=text)

    assert shown == lines_of(out)[0]["reason"]


def test_a_long_text_without_blanks_is_looked_through_at_once(out: io.TextIOWrapper) -> None:
    configure(out)
    long = 500_000 * "x"

    get_log().info("booking.created", reason=f"{long}@{long} {long}")

    assert f"<address> {long}" == lines_of(out)[0]["reason"]


def test_an_exception_says_its_type_its_text_and_where_it_came_from(out: io.TextIOWrapper) -> None:
    configure(out)

    get_log().error("task.failed", task="worker", exc_info=ZeroDivisionError("by nought"))

    line = lines_of(out)[0]
    assert ("ZeroDivisionError", "by nought") == (line["exception.type"], line["exception.message"])
    assert "ZeroDivisionError: by nought\n" == line["exception.stacktrace"]


def test_values_that_json_does_not_know_are_written_as_text(out: io.TextIOWrapper) -> None:
    configure(out)

    get_log().info("daemon.ready", url=logging, took_s=1.5, desks=(1, {2}), at=datetime(2026, 5, 4, tzinfo=UTC))

    line = lines_of(out)[0]
    assert line["url"].startswith("<module 'logging'")
    assert (1.5, [1, [2]], "2026-05-04T00:00:00+00:00") == (line["took_s"], line["desks"], line["at"])


def test_logfmt_is_one_line_of_pairs(out: io.TextIOWrapper) -> None:
    configure(out, form=LogFormat.LOGFMT)

    get_log(desk_id="osl-1").info("booking.created", reason='said "yes"', ok=True, several=["a", 1])

    assert re.fullmatch(
        r'timestamp=\S+ level=info event=booking\.created desk_id=osl-1 reason="said \\"yes\\"" ok=true '
        r'several="\[\\"a\\",1\]"\n',
        text_of(out),
    )


def test_auto_is_console_on_a_terminal_and_json_elsewhere(out: io.TextIOWrapper) -> None:
    terminal = Terminal()
    configure(terminal, form=LogFormat.AUTO)
    get_log().info("booking.created", booking_id="b1")
    configure(out, form=LogFormat.AUTO)
    get_log().info("booking.created", booking_id="b1")

    assert "\x1b[" in terminal.getvalue()
    assert "booking.created" in terminal.getvalue()
    assert "booking.created" == lines_of(out)[0]["event"]


def test_lines_for_the_journal_begin_with_its_level(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        status = (tmp_path / "log").stat()
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        configure_logs(level=LogLevel.DEBUG, form=LogFormat.JSON, stream=file, environ=environ)
        log = get_log()
        log.error("command.parked")
        log.warning("link.down")
        log.info("link.up")
        log.debug("command.sent")

    prefixes = [line[:4] for line in (tmp_path / "log").read_text().splitlines()]
    assert ["<3>{", "<4>{", "<6>{", "<7>{"] == prefixes


def test_only_the_very_stream_of_the_journal_is_the_journal(tmp_path: Path, out: io.TextIOWrapper) -> None:
    with (tmp_path / "log").open("w") as file:
        status = (tmp_path / "log").stat()

        assert is_journal(file, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(file, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
        assert not is_journal(file, {})
        assert not is_journal(out, {"JOURNAL_STREAM": "1:1"})


def test_what_libraries_say_takes_the_same_way(out: io.TextIOWrapper) -> None:
    configure(out)

    logging.getLogger("asyncio").warning("slow: %s", "person@example.com")
    logging.getLogger("aiohttp.server").error("failed", exc_info=KeyError("x"))

    slow, failed = lines_of(out)
    assert ("library.message", "warning", "asyncio", "slow: <address>") == (
        slow["event"],
        slow["level"],
        slow["logger"],
        slow["message"],
    )
    assert ("error", "KeyError") == (failed["level"], failed["exception.type"])


def test_libraries_are_not_heard_below_warning_because_they_tell_secrets_there(out: io.TextIOWrapper) -> None:
    configure(out, level=LogLevel.DEBUG)

    logging.getLogger("websockets.client").debug("> Authorization: Basic abc")
    logging.getLogger("sqlalchemy.engine").info("INSERT ('somebody')")

    assert "" == text_of(out)


def test_libraries_are_not_heard_below_warning_even_if_somebody_turns_them_up(out: io.TextIOWrapper) -> None:
    configure(out, level=LogLevel.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)

    logging.getLogger("websockets.client").debug("> Authorization: Basic abc")

    assert "" == text_of(out)


def test_configuring_again_does_not_double_what_libraries_say(out: io.TextIOWrapper) -> None:
    configure(out)
    configure(out)

    logging.getLogger("asyncio").warning("once")

    assert 1 == len(lines_of(out))


def test_a_library_with_a_wrong_format_is_still_heard(out: io.TextIOWrapper) -> None:
    configure(out)

    # Straight to our handler: pytest's own would fail on such a record.
    LibraryHandler().emit(
        logging.makeLogRecord({"name": "careless", "msg": "%d desks", "args": ("many",), "levelno": 30})
    )

    assert lines_of(out)[0]["message"].startswith("%d desks (")


def test_a_stream_that_is_gone_does_not_end_the_program() -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    configure(stream)
    log = get_log()
    stream.buffer.close()

    log.info("booking.created")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        del stream


def test_a_lasting_failure_is_said_once_and_its_end_too(out: io.TextIOWrapper) -> None:
    configure(out)
    fold = Fold(get_log())

    fold.up("a", "journal.recovered")
    for _ in range(3):
        fold.down("a", "journal.unavailable", error="disk full")
    fold.down("b", "journal.unavailable", error="disk full")
    fold.up("a", "journal.recovered")
    fold.down("a", "journal.unavailable", error="disk full")

    said = [(line["level"], line["event"], line.get("repeats")) for line in lines_of(out)]
    assert [
        ("error", "journal.unavailable", None),
        ("debug", "journal.unavailable", 1),
        ("debug", "journal.unavailable", 2),
        ("error", "journal.unavailable", None),
        ("info", "journal.recovered", 2),
        ("error", "journal.unavailable", None),
    ] == said


def test_a_captured_stdout_without_bytes_takes_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    configure(sys.stdout)

    get_log().info("booking.created")

    assert "booking.created" == json.loads(stream.getvalue())["event"]


def test_loggers_that_there_are_follow_when_level_and_form_change(out: io.TextIOWrapper) -> None:
    configure(out, level=LogLevel.INFO)
    log = get_log(desk_id="osl-1")
    log.debug("link.waiting", wait_s=1)
    configure(out, level=LogLevel.DEBUG, form=LogFormat.LOGFMT)
    log.debug("link.waiting", wait_s=2)
    configure(out, level=LogLevel.WARNING)
    log.info("link.up")
    log.warning("link.down", kind="network")

    first, second = text_of(out).splitlines()
    assert ("event=link.waiting desk_id=osl-1 wait_s=2" in first, "link.down") == (True, json.loads(second)["event"])
