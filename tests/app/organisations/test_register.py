"""The names of what an organisation's directory lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.app.organisations.register import Register
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.transport.cloud import FoundDesk
from hotdesk_daemon.transport.cloud.directory import CloudDevice, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.organisations.register import KnownDesk


def desk(workspace: str, name: str, *devices: str) -> FoundDesk:
    return FoundDesk(
        workspace=Workspace(id=workspace, uuid=workspace, display_name=name),
        devices=tuple(CloudDevice(id=one, uuid=one, workspace=workspace) for one in devices),
    )


def names(known: KnownDesk) -> list[str]:
    return [known.desk, *(device.device for device in known.devices)]


def named(
    register: Register, found: FoundDesk, *, desks: set[str] | None = None, devices: set[str] | None = None
) -> list[str]:
    return names(register.note(found, desks=desks or set(), devices=devices or set()))


def test_names_are_of_the_workspace_and_last_whatever_it_is_called_later(tmp_path: Path) -> None:
    path = tmp_path / "state" / "desks.json"
    register = Register.load(path)
    assert ["cafe-zuerich-1", "cafe-zuerich-1-1", "cafe-zuerich-1-2"] == named(
        register, desk("w1", "Cafe (Zuerich) 1", "d1", "d2")
    )
    register.save()

    again = Register.load(path)
    assert ["cafe-zuerich-1", "cafe-zuerich-1-2", "cafe-zuerich-1-3"] == named(again, desk("w1", "Bar", "d2", "d3"))
    assert ["cafe-zuerich-1"] == [known.desk for known in Register.load(path).desks]


def test_what_has_no_name_gets_one_and_equal_ones_are_numbered(tmp_path: Path) -> None:
    register = Register(tmp_path / "desks.json")

    assert [["desk", "desk-1"], ["desk-2", "desk-2-1"], ["desk-3", "desk-3-1"]] == [
        named(register, desk(f"w{number}", name, f"d{number}")) for number, name in enumerate(("", "!!!", "Desk"))
    ]


def test_names_of_others_are_not_taken_even_if_they_were_ours(tmp_path: Path) -> None:
    register = Register(tmp_path / "desks.json")
    assert ["lobby", "lobby-1"] == named(register, desk("w1", "Lobby", "d1"))

    assert ["lobby-2", "lobby-1"] == named(register, desk("w1", "Lobby", "d1"), desks={"lobby"})
    assert ["lobby-2", "lobby-2-1"] == named(register, desk("w1", "Lobby", "d1"), devices={"lobby-1"})


def test_a_desk_that_was_let_go_is_not_served_and_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "desks.json"
    register = Register(path)
    for number in (1, 2):
        named(register, desk(f"w{number}", "Lobby", f"d{number}"))
    register.forget("w1")
    register.forget("nobody")
    register.save()

    again = Register.load(path)
    assert ["lobby-2"] == [known.desk for known in again.desks]
    assert "lobby-3" == named(again, desk("w3", "Lobby", "d3"))[0]
    assert "lobby" == named(again, desk("w1", "Lobby", "d1"))[0]
    assert 3 == len(again.desks)


@pytest.mark.parametrize("content", ["", "{", "[{}]", "7", "[" * 100_000, "\x00"])
def test_a_damaged_file_is_said_with_its_remedy(tmp_path: Path, content: str) -> None:
    path = tmp_path / "desks.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"desks\.json.*remove the file"):
        Register.load(path)
