"""What a step changed in a desk's state, member by member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs
from msgspec import UNSET

from hotdesk_daemon.app.replaying.differing import Difference, Json, differences
from hotdesk_daemon.app.replaying.facts import buffer_fact, command_fact, plain_fact
from hotdesk_daemon.core.desk import Desk, OpenCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: Final = tuple(field.name for field in attrs.fields(Desk) if field.name not in ("desk_id", "seq"))
#: They say when and by which input something moved, which the step says already.
_ECHOES: Final = frozenset({"changed_at", "changed_seq", "cause_seq", "asked_seq"})


def changes(before: Desk, after: Desk) -> tuple[Difference, ...]:
    """Each member of the state that *after* has otherwise, such as ``devices/board-4/people_count``."""
    return tuple(change for change in _changes(before, after) if change.path.rpartition("/")[2] not in _ECHOES)


def _changes(before: Desk, after: Desk) -> Iterator[Difference]:
    # Two states share what the step between them left alone, so little is looked at.
    for name in _FIELDS:
        old, new = getattr(before, name), getattr(after, name)
        if old is new:
            continue
        if name == "buffer":
            yield from differences(buffer_fact(old), buffer_fact(new), path=name)
        elif isinstance(old, Mapping):
            for key in {**old, **new}:
                if old.get(key) is not new.get(key):
                    yield from differences(_entry(old.get(key)), _entry(new.get(key)), path=f"{name}/{key}")
        else:
            yield from differences(plain_fact(old), plain_fact(new), path=name)


def _entry(value: object) -> Json:
    if value is None:
        return UNSET
    return command_fact(value) if isinstance(value, OpenCommand) else plain_fact(value)
