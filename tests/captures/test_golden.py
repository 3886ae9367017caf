"""What every flow leads to: replayed from what was heard once, and held against what people agreed to."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hotdesk_daemon.app.explain import rootless
from hotdesk_daemon.app.recordings import recorded_files
from hotdesk_daemon.cli import main
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.inputs import BookingsListed, StatusInput
from hotdesk_daemon.journal.entries import input_of
from hotdesk_daemon.xapi.cloud import inputs_of, parse_message
from hotdesk_daemon.xapi.frames import parse_frame
from hotdesk_daemon.xapi.notifications import parse_feedback
from tests.captures.agreed import DIRECTORY, golden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.journal import Entry
    from tests.captures.agreed import Golden

ALL = golden()
each = pytest.mark.parametrize("one", ALL, ids=[f"{one.transport}-{one.name}" for one in ALL])
#: Write down what comes of the captures now, instead of holding it against what is written.
IS_WRITING = os.environ.get("HOTDESK_WRITE_GOLDEN") == "1"


def replayed(one: Golden) -> str:
    result = CliRunner().invoke(main, ["replay", "--steps", "--names", str(one.capture)])
    assert 0 == result.exit_code, result.output
    return result.stdout


def test_every_flow_is_there_on_every_calendar_and_transport_and_nothing_else() -> None:
    expected = {path.relative_to(DIRECTORY) for one in ALL for path in (one.capture, one.steps)}

    assert expected == {path.relative_to(DIRECTORY) for path in DIRECTORY.rglob("*") if path.is_file()}


@each
def test_what_was_heard_leads_to_what_was_agreed(one: Golden) -> None:
    came = replayed(one)
    if IS_WRITING:
        one.steps.write_text(came, encoding="utf-8")

    agreed = one.steps.read_text(encoding="utf-8")
    if agreed != came:
        diff = difflib.unified_diff(
            agreed.splitlines(), came.splitlines(), f"agreed/{one.name}", f"now/{one.name}", lineterm="", n=1
        )
        pytest.fail("\n".join([f"{one.transport}: {one.name} leads to other steps", *diff]), pytrace=False)


@each
def test_every_move_in_it_has_a_root_cause(one: Golden) -> None:
    with recorded_files([one.capture]) as recording:
        moved = [entry for entry in recording.entries() if not isinstance(entry, Desk)]

        assert moved
        assert [] == [(record.seq, reason.code, reason.text) for _, record, reason, _ in rootless(recording)]


@each
def test_the_messages_in_it_still_mean_the_same(one: Golden) -> None:
    """
    A decoder that reads a message otherwise than when it was heard has changed behaviour, too.
    """
    with recorded_files([one.capture]) as recording:
        entries = [entry for entry in recording.entries() if not isinstance(entry, Desk)]

    messages = list(told_together(entries))
    assert messages
    assert [heard for _, heard in messages] == [read(raw, heard) for raw, heard in messages]


def told_together(entries: list[Entry]) -> Iterator[tuple[bytes, list[Input]]]:
    """Each message with the inputs that it was; lists have no message of their own but their result."""
    raw: bytes | None = None
    heard: list[Input] = []
    for entry in entries:
        given = input_of(entry.kind, entry.input)
        assert not isinstance(given, Exception)
        if entry.part == 0:
            if raw is not None:
                yield raw, heard
            raw, heard = entry.raw, []
        if isinstance(given, BookingsListed):
            raw = None
        heard.append(given)
    if raw is not None:
        yield raw, heard


def read(raw: bytes, heard: list[Input]) -> list[Input]:
    device = heard[0].device  # type: ignore[attr-defined]  # only what devices say has a message
    if b'"jsonrpc"' in raw:
        frame = parse_frame(raw)
        return list(parse_feedback(frame.params, device=device, raw=raw))  # type: ignore[union-attr]  # notifications
    message = parse_message(raw)
    inputs = list(inputs_of(message, device=device, raw=raw))  # type: ignore[arg-type]  # of a device
    return [one for one in inputs if one in heard] if isinstance(heard[0], StatusInput) else inputs
