"""
Commands and statuses of devices by REST.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.simulator import commands
from hotdesk_daemon.simulator.device import User
from hotdesk_daemon.simulator.rpc import RpcError
from hotdesk_daemon.simulator.tree import nested

from .access import covers
from .messages import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.simulator.device import Device
    from hotdesk_daemon.simulator.tree import Json

    from .organisation import CloudOrganisation

NAMES_AT_ONCE: Final = 10
#: An integration acts with every role.
_INTEGRATION: Final = User(name="cloud", password="", roles=frozenset({"Admin", "User", "Integrator", "RoomControl"}))


@attrs.define
class RestError(Exception):
    """A request that is answered with an error."""

    status: int
    message: str
    retry_after_s: float | None = None


@attrs.frozen
class Withheld:
    """The answer comes only after so many seconds, or, with None, never."""

    seconds: float | None


def run_command(
    organisation: CloudOrganisation, device: Device, name: str, arguments: Mapping[str, Json]
) -> tuple[dict[str, Json], Withheld | None]:
    """
    Carry out *name* (`Bookings.Book`); return its result, and whether the answer is withheld.

    Raises:
        RestError: it was not carried out, or it was and the cloud does not say so.

    """
    if not covers(organisation.commands, name):
        raise RestError(403, f"{name} is not in the manifest")
    path = commands.canonical(name.replace(".", " "))
    faults = device.faults
    before = _strike(organisation, device, path, "before")
    if before is not None:
        raise before
    if faults.strike("cut_before", path) is not None:
        raise RestError(503, "The device is not reached.")
    device.note_command(path, dict(arguments))
    refused = faults.strike("command_error", path)
    if refused is not None:
        raise RestError(400, refused.text("message"))
    if device.state != "up":
        raise RestError(404, "The device is offline.")
    lost = faults.strike("cut_after", path)
    try:
        reply = commands.run(device, path, dict(arguments), _INTEGRATION)
    except RpcError as error:
        raise RestError(400, error.message) from error
    after = _strike(organisation, device, path, "after")
    if lost is not None or after is not None:
        raise after or RestError(504, "The device did not answer in time.")
    result = {key: value for key, value in reply.items() if key != "status"}
    if faults.strike("no_reply", path) is not None:
        return result, Withheld(None)
    late = faults.strike("late_reply", path)
    return result, Withheld(late.number("seconds")) if late is not None else None


def _strike(organisation: CloudOrganisation, device: Device, path: str, when: str) -> RestError | None:
    """The fault of the cloud that strikes this command now, at the device or in the whole organisation."""
    for board in (device.faults, organisation.faults):
        fault = board.find("cloud_error", path)
        if fault is not None and fault.text("when") == when:
            board.strike("cloud_error", path)
            pause_s = fault.number("retry_after")
            return RestError(int(fault.number("status")), "Something went wrong.", pause_s or None)
    return None


def read_configurations(organisation: CloudOrganisation, device: Device, key: str) -> dict[str, Json]:
    """
    Return the configurations that *key* (dotted, with wildcards) matches, by their names.

    Raises:
        RestError: the device is not reached.

    """
    error = _strike(organisation, device, "configuration", "before")
    if error is not None:
        raise error
    if device.state != "up":
        raise RestError(404, "The device is offline.")
    return {
        name: {"value": str(value), "source": "configured"}
        for path, value in device.configurations.items()
        if covers((key,), name := dotted(path))
    }


def read_statuses(organisation: CloudOrganisation, device: Device, names: list[str]) -> dict[str, Json]:
    """
    Return the tree of what *names* (dotted, with wildcards) match; what is not there or not allowed is left out.

    Raises:
        RestError: too many names, or the device is not reached.

    """
    if not names or len(names) > NAMES_AT_ONCE:
        raise RestError(400, f"Between 1 and {NAMES_AT_ONCE} names may be given.")
    error = _strike(organisation, device, "status", "before")
    if error is not None:
        raise error
    if device.state != "up":
        raise RestError(404, "The device is offline.")
    device.refresh_clock()
    found = {
        path: value
        for path, value in device.statuses.items()
        if covers(names, name := dotted(path)) and covers(organisation.statuses, name)
    }
    return nested(found)
