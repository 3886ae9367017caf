"""
Our names for what an organisation's directory lists.

A desk keeps the name that it got when it was first seen, whatever its workspace is called later: the journal, the logs
and people know it by that. So the names last in a file, together with what is needed to show the desks before the
directory can be read again.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import CalendarKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdesk_daemon.transport.cloud import FoundDesk

_LONGEST: Final = 56
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9]+")


@attrs.frozen(kw_only=True)
class KnownDevice:
    """A device of a desk: the cloud's UUID and public id of it, and our name."""

    uuid: str
    webex_id: str
    device: DeviceId
    software: str | None = None


@attrs.frozen(kw_only=True)
class KnownDesk:
    """A workspace that is a desk of ours; ``tags`` are those of its devices."""

    workspace: str
    desk: DeskId
    calendar: CalendarKind
    devices: tuple[KnownDevice, ...]
    tags: tuple[str, ...] = ()
    is_here: bool = True  # else only its name is kept: it was let go


class Register:
    """The desks of one organisation by workspace UUID, kept in a file."""

    def __init__(self, path: Path, desks: tuple[KnownDesk, ...] = ()) -> None:
        self._path = path
        self._desks = {desk.workspace: desk for desk in desks}

    @classmethod
    def load(cls, path: Path) -> Register:
        """
        Read the file; without one nothing is known.

        Raises:
            ConfigError: it cannot be read or is damaged.
        """
        try:
            content = path.read_bytes()
            return cls(path, msgspec.json.decode(content, type=tuple[KnownDesk, ...]))
        except FileNotFoundError:
            return cls(path)
        except OSError as exc:
            raise ConfigError(f"{path}: the known desks cannot be read: {exc.strerror}") from exc
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            problem = f"{path}: the known desks are damaged ({exc}); remove the file: the desks are found anew"
            raise ConfigError(problem) from exc

    @property
    def desks(self) -> tuple[KnownDesk, ...]:
        """Every desk that was there when the directory was last read, in order of names."""
        return tuple(sorted((desk for desk in self._desks.values() if desk.is_here), key=lambda desk: desk.desk))

    @property
    def tags(self) -> dict[DeskId, tuple[str, ...]]:
        """Every desk that was ever there, in order of names, with its tags."""
        return {desk.desk: desk.tags for desk in sorted(self._desks.values(), key=lambda desk: desk.desk)}

    def forget(self, workspace: str) -> None:
        """A desk was let go; its name stays its own, should it come back."""
        held = self._desks.get(workspace)
        if held is not None:
            self._desks[workspace] = attrs.evolve(held, is_here=False)

    def note(self, found: FoundDesk, *, desks: Collection[str], devices: Collection[str]) -> KnownDesk:
        """
        Give the names of *found* and its devices: those they had, unless others have them now, else new ones.

        Args:
            found: as the directory has it.
            desks: names of desks that are not this organisation's.
            devices: names of devices likewise.

        """
        held = self._desks.get(found.workspace.uuid)
        if held is not None and held.desk not in desks:
            desk = held.desk
        else:
            desk = DeskId(
                _free(_slug(found.workspace.display_name), {*desks, *(one.desk for one in self._desks.values())})
            )
        names = {one.uuid: one.device for one in held.devices if one.device not in devices} if held is not None else {}
        elsewhere = {one.device for other in self._desks.values() if other is not held for one in other.devices}
        named: list[KnownDevice] = []
        for device in found.devices:
            used = {*devices, *elsewhere, *names.values(), *(one.device for one in named)}
            name = names.get(device.uuid) or DeviceId(_free(f"{desk}-1", used))
            named.append(KnownDevice(uuid=device.uuid, webex_id=device.id, device=name, software=device.software))
        known = KnownDesk(
            workspace=found.workspace.uuid,
            desk=desk,
            calendar=CalendarKind.LOCAL if found.workspace.calendar_kind == "none" else CalendarKind.HYBRID,
            devices=tuple(named),
            tags=tuple(sorted({tag for device in found.devices for tag in device.tags})),
        )
        self._desks[known.workspace] = known
        return known

    def keep(self, known: KnownDesk) -> None:
        """Note *known* as it is served: with devices that one reading left out."""
        self._desks[known.workspace] = known

    def save(self) -> None:
        """
        Write the file, whole or not at all; blocking.

        Raises:
            OSError: it could not be written; the old one stands.
        """
        known = sorted(self._desks.values(), key=lambda desk: desk.desk)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(known), indent=1))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _slug(text: str) -> str:
    """*text* as a name: what is no letter or digit of ASCII becomes a dash."""
    return _NOT_A_NAME.sub("-", text.lower()).strip("-")[:_LONGEST].strip("-") or "desk"


def _free(wanted: str, taken: Collection[str]) -> str:
    """*wanted*, or the first of its numbered kind that is free."""
    if wanted not in taken:
        return wanted
    stem = wanted.removesuffix("-1")
    number = 2
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
