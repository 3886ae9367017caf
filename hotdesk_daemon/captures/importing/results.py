"""Lists that stand alone, and results and statuses as devices print them over SSH, where every leaf is wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.captures.importing.told import Passed
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.inputs import BookingsListed
from hotdesk_daemon.xapi.bookings import parse_list
from hotdesk_daemon.xapi.leaves import read_text
from hotdesk_daemon.xapi.statuses import parse_status
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.core.inputs import Input

_LIST: Final = "BookingsListResult"
_ERROR: Final = "error"


def inputs_of_list(value: object, *, device: DeviceId) -> tuple[Input, ...]:
    """
    The list that *value* is: the result, or its bookings alone.

    Raises:
        ProtocolError: it is none, or an incomplete one.
    """
    return (parse_list({"Booking": value} if isinstance(value, list) else value, device=device),)


def moment_of_list(value: dict[str, object], inputs: tuple[Input, ...], *, at_latest: datetime) -> datetime | None:
    """
    When a list without a time was read, as far as it tells itself; None if it may be of *at_latest*.

    That is when the device says that it was updated. A list is of bookings to come: where all of them are over, it is
    of an earlier day, and taken to be of the moment at which its first booking begins.
    """
    try:
        return parse_instant(read_text(value.get("LastUpdated")) or "")
    except ProtocolError:
        pass
    rows = [row for given in inputs if isinstance(given, BookingsListed) for row in given.bookings]
    is_past = bool(rows) and all(row.end <= at_latest for row in rows)
    return min(row.start for row in rows) if is_past else None


def inputs_of_result(value: dict[str, object], *, device: DeviceId) -> tuple[Input, ...] | Passed:
    """
    What a result over SSH tells.

    Raises:
        ProtocolError: it is no tree of statuses, or no list.
    """
    status, response = value.get("Status"), value.get("CommandResponse")
    if isinstance(response, dict):
        listed = response.get(_LIST)
        return Passed.COMMAND if listed is None else inputs_of_list(listed, device=device)
    if not isinstance(status, dict) or _is_error(status):
        return Passed.REFUSED
    return parse_status({"Status": status}, device=device) or Passed.NOT_MIRRORED


def _is_error(group: dict[str, object]) -> bool:
    return (read_text(group.get("status")) or "").lower() == _ERROR
