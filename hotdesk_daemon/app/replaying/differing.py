"""Where two JSON values differ, member by member, so that nobody has to hold two long lines against each other."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json: TypeAlias = Any  # a JSON value, or UNSET where there is none

_SUBJECTS: Final = ("life", "code", "kind", "command_id", "booking_id", "device")


@attrs.frozen(kw_only=True)
class Difference:
    """One member that differs: where, as it is expected (or was) and as it came; ``UNSET`` where it is missing."""

    path: str
    old: Json
    new: Json


def differences(old: Json, new: Json, *, path: str = "", only_common: bool = False) -> Iterator[Difference]:
    """
    Each member that differs, in order.

    With *only_common* members of objects that one side alone has are passed over: what a later version adds is no
    difference.
    """
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            if only_common and not (key in old and key in new):
                continue
            yield from differences(
                old.get(key, UNSET), new.get(key, UNSET), path=_joined(path, key), only_common=only_common
            )
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and _are_objects((*old, *new)):
        yield from _list_differences(old, new, path=path, only_common=only_common)
    else:
        yield Difference(path=path, old=old, new=new)


def _list_differences(
    old: Sequence[Mapping[str, Json]], new: Sequence[Mapping[str, Json]], *, path: str, only_common: bool
) -> Iterator[Difference]:
    """Entries are held against each other by what they are about, so that one more makes no difference of the rest."""
    matcher = SequenceMatcher(None, [_subject(each) for each in old], [_subject(each) for each in new], autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        pairs = zip_longest(range(old_from, old_to), range(new_from, new_to))
        for at_old, at_new in pairs:
            where = f"{path}[{at_new if at_new is not None else at_old}]"
            one = UNSET if at_old is None else old[at_old]
            other = UNSET if at_new is None else new[at_new]
            if tag == "equal":
                yield from differences(one, other, path=where, only_common=only_common)
            else:
                yield Difference(path=where, old=one, new=other)


def _subject(entry: Mapping[str, Json]) -> tuple[str, ...]:
    return tuple(str(entry.get(name)) for name in _SUBJECTS)


def _are_objects(entries: Sequence[Json]) -> bool:
    return all(isinstance(each, dict) for each in entries)


def _joined(path: str, key: str) -> str:
    return f"{path}/{key}" if path else key
