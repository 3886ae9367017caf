"""By what the desks of a comparison are counted together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.ids import DeskId

GROUPINGS: Final = ("tag", "calendar", "prefix", "desk")
#: The group of desks without a tag.
UNTAGGED: Final = "(no tag)"


def grouping(name: str, *, tags: Mapping[DeskId, tuple[str, ...]]) -> Callable[[Desk], tuple[str, ...]]:
    """How desks are grouped by what *name* says, one of `GROUPINGS`."""
    match name:
        case "tag":
            return lambda desk: tags.get(desk.desk_id) or (UNTAGGED,)
        case "calendar":
            return lambda desk: (desk.calendar.value,)
        case "prefix":
            return lambda desk: (_prefix(desk.desk_id),)
        case "desk":
            return lambda desk: (desk.desk_id,)
        case _:
            raise AssertionError(f"nothing is grouped by {name}")


def _prefix(desk: DeskId) -> str:
    """All of the name but its last part: ``osl-4`` of ``osl-4-014``."""
    return desk.rpartition("-")[0] or desk
