from __future__ import annotations

import attrs
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hotdesk_daemon.core.commands import DECIDED, Command
from hotdesk_daemon.core.desk import Counters, Desk, Held, OpenCommand, Sync
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import KINDS, BookingCreated, Input, ListCause, SyncRequired, Updated
from hotdesk_daemon.core.steps import Reason
from hotdesk_daemon.journal import JournalRefusedError, codec
from tests.journal.values import DESK, T0, any_of, command

HELD = Held(seq=1, event=BookingCreated(device=DeviceId("room"), start=T0, duration_min=1))

few = settings(max_examples=30)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_input_comes_back_as_it_was(kind: str) -> None:
    @few
    @given(any_of(KINDS[kind]))
    def comes_back(value: Input) -> None:
        stored = codec.encode_input(value)

        assert value == codec.decode_input(kind, stored)
        assert stored == codec.encode_input(codec.decode_input(kind, stored))

    comes_back()


@pytest.mark.parametrize("kind", DECIDED)
def test_every_decided_command_comes_back_as_it_was(kind: str) -> None:
    @few
    @given(any_of(OpenCommand), any_of(DECIDED[kind]))
    def comes_back(open_: OpenCommand, inner: Command) -> None:
        value = attrs.evolve(open_, command=inner)

        assert value == codec.decode_command(codec.encode_command(value))
        assert (value, value) == codec.decode_commands(codec.encode_commands((value, value)))

    comes_back()


@few
@given(st.lists(any_of(Reason), max_size=3).map(tuple))
def test_reasons_come_back_as_they_were(reasons: tuple[Reason, ...]) -> None:
    assert reasons == codec.decode_reasons(codec.encode_reasons(reasons))


@settings(few, max_examples=8, phases=[Phase.generate])  # a desk is large to draw, and larger to shrink
@given(any_of(Desk))
def test_a_desk_comes_back_as_it_was_in_the_same_order(desk: Desk) -> None:
    again = codec.decode_desk(codec.encode_desk(desk))

    assert desk == again
    assert list(desk.bookings) == list(again.bookings)
    assert codec.encode_desk(desk) == codec.encode_desk(again)


def test_a_desk_that_buffers_events_is_not_snapshotted() -> None:
    desk = Desk(desk_id=DESK, buffer=(HELD,))

    with pytest.raises(JournalRefusedError, match=r"osl-4-014 cannot be snapshotted"):
        codec.encode_desk(desk)


def test_an_unknown_kind_of_input_is_an_error_that_keeps_the_bytes() -> None:
    with pytest.raises(UndecodableError, match="unknown kind of input 'Teleported'") as caught:
        codec.decode_input("Teleported", b'{"to":"moon"}')

    assert b'{"to":"moon"}' == caught.value.raw


@pytest.mark.parametrize("data", [b"", b"{", b"null", b'{"start":"yesterday"}', b"\xff\xfe"], ids=repr)
def test_damaged_input_is_an_error_that_keeps_the_bytes(data: bytes) -> None:
    with pytest.raises(UndecodableError) as caught:
        codec.decode_input("BookingCreated", data)

    assert data == caught.value.raw


@pytest.mark.parametrize("data", [b"", b"[]", b'{"kind":"Fly","open":{"command":{}}}', b'{"kind":"Book"}'], ids=repr)
def test_damaged_commands_are_errors(data: bytes) -> None:
    with pytest.raises(UndecodableError, match="stored command cannot be read"):
        codec.decode_command(data)


def test_the_digest_of_a_desk_ignores_the_order_in_which_mappings_were_filled() -> None:
    one, two = command("c1"), command("c2")
    forth = Desk(desk_id=DESK, commands={one.command_id: one, two.command_id: two})
    back = Desk(desk_id=DESK, commands={two.command_id: two, one.command_id: one})

    assert codec.digest_desk(forth) == codec.digest_desk(back)


@pytest.mark.parametrize(
    "other",
    [
        Desk(desk_id=DeskId("elsewhere")),
        Desk(desk_id=DESK, counters=Counters(drift=1)),
        Desk(desk_id=DESK, commands={CommandId("c1"): command("c1")}),
        Desk(desk_id=DESK, buffer=(HELD,)),
    ],
    ids=["id", "counter", "command", "buffer"],
)
def test_the_digest_of_a_desk_sees_every_difference(other: Desk) -> None:
    assert codec.digest_desk(Desk(desk_id=DESK)) != codec.digest_desk(other)


def test_inputs_that_hold_the_same_are_told_apart_by_their_kind_alone() -> None:
    data = codec.encode_input(SyncRequired(device=DeviceId("room")))

    assert Updated(device=DeviceId("room")) == codec.decode_input("Updated", data)


def test_a_state_whose_events_wait_for_a_list_comes_back_with_them() -> None:
    desk = Desk(desk_id=DESK, seq=7, buffer=(HELD,), commands={CommandId("c1"): command("c1")})

    assert desk == codec.decode_desk(codec.encode_state(desk))


def test_a_state_in_which_a_letter_changed_is_not_believed() -> None:
    data = codec.encode_desk(Desk(desk_id=DESK, seq=7))
    changed = data.replace(b"osl-4-014", b"osl-4-015")

    assert data != changed
    with pytest.raises(UndecodableError, match="its checksum is another"):
        codec.decode_desk(changed)


def test_a_state_of_another_shape_is_read_as_far_as_it_is_understood_and_waits_for_no_list() -> None:
    waiting = Sync(listing=DeviceId("room"), cause=ListCause.TIMED, count=5, started_at=T0)
    desk = Desk(desk_id=DESK, seq=7, sync=waiting, buffer=(HELD,), counters=Counters(drift=3))
    stored = msgspec.json.decode(codec.encode_state(desk))
    del stored["check"], stored["desk"]["reconcile_s"]
    stored["desk"]["unheard_of"] = [1]
    data = msgspec.json.encode(stored)
    expected = attrs.evolve(desk, sync=Sync(count=5, started_at=T0), buffer=())

    assert expected == codec.decode_desk_of(f"{codec.STATE_VERSION}-of-another-shape", data)
    assert desk == codec.decode_desk_of(codec.SNAPSHOT_VERSION, data)


def test_a_state_that_would_be_read_wrongly_is_not_read() -> None:
    data = codec.encode_desk(Desk(desk_id=DESK))

    with pytest.raises(UndecodableError, match="is not to be read by this one"):
        codec.decode_desk_of(f"{codec.STATE_VERSION + 1}-later", data)


def test_a_state_that_was_rewritten_has_a_checksum_that_fits() -> None:
    data = codec.encode_desk(Desk(desk_id=DESK, seq=7))
    rewritten = codec.rewrite_state(data, lambda desk: desk.replace(b"osl-4-014", b"osl-4-015"))

    assert DeskId("osl-4-015") == codec.decode_desk(rewritten).desk_id
    assert data == codec.rewrite_state(data, lambda desk: desk)
