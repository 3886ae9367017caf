"""systemd's journal as the place of log lines: a real socket stands for it, read as its protocol says."""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import pytest

from hotdesk_daemon.ops.events import COMMON_FIELDS, EVENTS
from hotdesk_daemon.ops.journald import NAMESPACE, field_name, message_id
from hotdesk_daemon.ops.logs import configure_logs, get_log
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from hotdesk_daemon.ops.writers import LINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

#: Fields that mean something to the journal itself, systemd.journal-fields(7).
ITS_OWN: Final = {
    "CODE_FILE", "CODE_FUNC", "CODE_LINE", "DOCUMENTATION", "ERRNO", "INVOCATION_ID", "MESSAGE", "MESSAGE_ID",
    "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "SYSLOG_RAW", "SYSLOG_TIMESTAMP", "TID", "UNIT",
    "USER_INVOCATION_ID", "USER_UNIT",
}  # fmt: skip


@attrs.define
class Journal:
    """The journal's end of the socket: reads what comes, also what comes as a file."""

    path: Path
    files: int = 0
    _socket: socket.socket | None = None

    def open(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind(str(self.path))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self.path.unlink()

    def lines(self) -> list[dict[str, str]]:
        found = []
        while (payload := self._receive()) is not None:
            found.append(read(payload))
        return found

    def _receive(self) -> bytes | None:
        assert self._socket is not None
        try:
            payload, files, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
        except BlockingIOError:
            return None
        for file in files:
            self.files += 1
            assert fcntl.F_SEAL_WRITE & fcntl.fcntl(file, fcntl.F_GET_SEALS)
            payload = os.pread(file, 1 << 26, 0)
            os.close(file)
        return payload


def read(payload: bytes) -> dict[str, str]:
    """The fields of one message, as systemd's description of the protocol has them."""
    fields: dict[str, str] = {}
    while payload:
        head, _, payload = payload.partition(b"\n")
        name, is_short, value = head.partition(b"=")
        if not is_short:
            size = int.from_bytes(payload[:8], "little")
            value, end, payload = payload[8 : 8 + size], payload[8 + size : 9 + size], payload[9 + size :]
            assert b"\n" == end
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    journal.open()
    yield journal
    journal.close()


@pytest.fixture
def out() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def text_of(out: io.TextIOWrapper) -> str:
    assert isinstance(out.buffer, io.BytesIO)
    return out.buffer.getvalue().decode()


def configure(journal: Journal, out: TextIO, *, form: LogFormat = LogFormat.JOURNALD, stream: str = "") -> None:
    configure_logs(
        level=LogLevel.DEBUG, form=form, stream=out, environ={"JOURNAL_STREAM": stream}, journal=str(journal.path)
    )


def test_a_line_has_every_field_under_its_own_name(journal: Journal, out: io.TextIOWrapper) -> None:
    configure(journal, out)

    get_log(desk_id="osl-4-014").warning(
        "command.refused", booking_id="osl-4-014.b17", message="no = never", attempt=2, device_id="panel"
    )

    assert [
        {
            "MESSAGE": "command.refused desk_id=osl-4-014 booking_id=osl-4-014.b17 "
            'message="no = never" attempt=2 device_id=panel',
            "PRIORITY": "4",
            "MESSAGE_ID": uuid.uuid5(NAMESPACE, "command.refused").hex,
            "SYSLOG_IDENTIFIER": "hotdesk-daemon",
            "EVENT": "command.refused",
            "DESK_ID": "osl-4-014",
            "DESK": "osl-4-014",
            "DEVICE_ID": "panel",
            "DEVICE": "panel",
            "BOOKING_ID": "osl-4-014.b17",
            "BOOKING": "osl-4-014.b17",
            "TEXT": "no = never",
            "ATTEMPT": "2",
        }
    ] == journal.lines()
    assert "" == text_of(out)


@pytest.mark.parametrize(("level", "priority"), [("error", "3"), ("warning", "4"), ("info", "6"), ("debug", "7")])
def test_a_level_becomes_a_priority(journal: Journal, out: io.TextIOWrapper, level: str, priority: str) -> None:
    configure(journal, out)

    getattr(get_log(), level)("link.up")

    assert [priority] == [line["PRIORITY"] for line in journal.lines()]


def test_values_of_several_lines_and_of_any_kind_arrive_whole(journal: Journal, out: io.TextIOWrapper) -> None:
    configure(journal, out)

    get_log().error("task.failed", task="one\ntwo\n", several=[1, "a"], ok=True, exc_info=ValueError("a\nb"))

    line = journal.lines()[0]
    assert ("one\ntwo\n", '[1,"a"]', "true") == (line["TASK"], line["SEVERAL"], line["OK"])
    assert ("ValueError", "a\nb") == (line["EXCEPTION_TYPE"], line["EXCEPTION_MESSAGE"])
    assert line["MESSAGE"].endswith("ValueError: a\nb")


def test_half_a_character_is_no_reason_to_fail(journal: Journal, out: io.TextIOWrapper) -> None:
    configure(journal, out)
    get_log().info("link.up", software="a\udcff")
    configure(journal, out, form=LogFormat.JSON)
    get_log().info("link.up", software="a\udcff", several=["\udcff"])

    assert [r"a\udcff"] == [line["SOFTWARE"] for line in journal.lines()]
    assert r"a\udcff" == json.loads(text_of(out))["software"]


def test_a_line_that_no_datagram_holds_goes_as_a_sealed_file(journal: Journal, out: io.TextIOWrapper) -> None:
    configure(journal, out)
    large = "x" * (9 << 20)

    get_log(desk_id="osl-1").info("link.up", software=large)

    lines = journal.lines()
    assert [("osl-1", len(large))] == [(line["DESK"], len(line["SOFTWARE"])) for line in lines]
    assert 1 == journal.files


def test_while_the_journal_is_away_lines_go_to_stdout_and_both_ends_are_told_once(
    journal: Journal, out: io.TextIOWrapper
) -> None:
    configure(journal, out)
    beside = LINES.beside
    journal.close()
    get_log().info("link.up", software="a")
    get_log().warning("link.down", kind="network")
    written = [(line[:3], json.loads(line[3:])["event"]) for line in text_of(out).splitlines()]
    counted = LINES.beside - beside
    journal.open()
    get_log().info("link.up", software="b")
    get_log().info("link.up", software="c")

    assert [("<4>", "log.journal_away"), ("<6>", "link.up"), ("<4>", "link.down")] == written
    assert 3 == counted
    assert [("link.up", None), ("log.journal_back", "3"), ("link.up", None)] == [
        (line["EVENT"], line.get("LINES")) for line in journal.lines()
    ]


def test_a_journal_that_does_not_read_holds_nobody_up(journal: Journal, out: io.TextIOWrapper) -> None:
    configure(journal, out)
    log = get_log()
    for number in range(100_000):
        log.debug("command.sent", attempt=number)
        if text_of(out):
            break

    sent = [int(line["ATTEMPT"]) for line in journal.lines()]
    told = [json.loads(line[3:]) for line in text_of(out).splitlines()]

    assert ["log.journal_away", "command.sent"] == [line["event"] for line in told]
    assert [*range(len(sent))] == sent
    assert len(sent) == told[-1]["attempt"]


def test_a_stdout_that_does_not_read_either_loses_lines_counts_them_and_goes_on(journal: Journal) -> None:
    ours, theirs = socket.socketpair()
    lost = LINES.lost
    with ours, theirs, ours.makefile("w") as stdout:
        journal.close()
        configure(journal, stdout)
        log = get_log()
        while LINES.lost == lost:
            log.debug("command.sent", message="x" * 1_000_000)
        theirs.settimeout(0)
        while _is_more(theirs):
            pass
        log.debug("command.sent", message="after")
        last = theirs.recv(1 << 20).splitlines()

    assert [b"", "after"] == [last[0], json.loads(last[-1][3:])["message"]]


def _is_more(end: socket.socket) -> bool:
    try:
        return bool(end.recv(1 << 20))
    except BlockingIOError:
        return False


def test_auto_means_the_journal_where_stdout_is_its_own(journal: Journal) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("w") as stdout:
        status = os.fstat(ours.fileno())
        configure(journal, stdout, form=LogFormat.AUTO, stream=f"{status.st_dev}:{status.st_ino}")
        get_log().info("link.up")
        configure(journal, stdout, form=LogFormat.AUTO, stream=f"{status.st_dev}:{status.st_ino + 1}")
        get_log().info("link.down")

        assert ["link.up"] == [line["EVENT"] for line in journal.lines()]
        assert "link.down" == json.loads(theirs.recv(1 << 16))["event"]


def test_auto_means_the_journal_where_stderr_has_a_connection_of_its_own(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("w") as stdout, theirs.makefile("w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        status = os.fstat(theirs.fileno())
        configure(journal, stdout, form=LogFormat.AUTO, stream=f"{status.st_dev}:{status.st_ino}")
        get_log().info("link.up")

    assert ["link.up"] == [line["EVENT"] for line in journal.lines()]


@pytest.mark.parametrize(
    ("name", "in_the_journal"),
    [("desk_id", "DESK_ID"), ("exception.type", "EXCEPTION_TYPE"), ("_own", "OWN"), ("2nd-é", "ND__"), ("", "FIELD")],
)
def test_a_name_becomes_one_that_the_journal_takes(name: str, in_the_journal: str) -> None:
    assert in_the_journal == field_name(name)
    assert 64 == len(field_name("x" * 100))


def test_no_field_of_ours_is_taken_for_one_of_the_journal_nor_for_another() -> None:
    names = {*COMMON_FIELDS, *(field for event in EVENTS.values() for field in event.fields)}
    there = [field_name(name) for name in names] + ["DESK", "DEVICE", "BOOKING"]

    assert set() == ITS_OWN & set(there)
    assert len(set(there)) == len(there)


def test_the_ids_of_events_never_change() -> None:
    assert "118d587009ff5aa3b50cbfea97ec38b5" == message_id("booking.created")
    assert len(EVENTS) == len({message_id(name) for name in EVENTS})
