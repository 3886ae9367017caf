"""
The tree of statuses and configurations of a device, and the expressions that select from it.

A tree is kept flat: a leaf is its path, a tuple of words and of list indexes (integers). Written out, a list becomes an
array whose elements carry their index as lower-case `id`; an element that has gone is written once as a *ghost*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Value: TypeAlias = str | int
Path: TypeAlias = tuple[str | int, ...]
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class Tree:
    """Leaves of one device over the leaves that all devices of its kind share."""

    def __init__(self, base: Mapping[Path, Value]) -> None:
        self._base = base
        self._own: dict[Path, Value] = {}

    def get(self, path: Path) -> Value | None:
        """Return the leaf at *path*; None when there is none."""
        return self._own.get(path, self._base.get(path))

    def put(self, leaves: Mapping[Path, Value]) -> dict[Path, Value]:
        """Take over *leaves* and return those that are news."""
        changed = {path: value for path, value in leaves.items() if self.get(path) != value}
        self._own.update(changed)
        return changed

    def remove(self, path: Path) -> bool:
        """Remove everything under *path*; whether there was anything."""
        gone = [leaf for leaf in self._own if leaf[: len(path)] == path]
        for leaf in gone:
            del self._own[leaf]
        return bool(gone)

    def reset(self) -> None:
        """Forget everything but what all devices share."""
        self._own.clear()

    def items(self) -> Iterator[tuple[Path, Value]]:
        """Iterate over all leaves."""
        for path, value in self._base.items():
            if path not in self._own:
                yield path, value
        yield from self._own.items()

    def select(self, pattern: Path) -> dict[Path, Value]:
        """Return the leaves at or under what *pattern* names."""
        return {path: value for path, value in self.items() if matches(pattern, path)}


def _same(wanted: str | int, found: str | int) -> bool:
    if isinstance(wanted, int) or isinstance(found, int):
        return str(wanted) == str(found)
    return wanted.lower() == found.lower()


def matches(pattern: Path, path: Path) -> bool:
    """
    Whether *path* is what *pattern* names, or lies under it.

    `*` stands for one element, `**` for any number. A list index may be left out of the pattern: `Call Status` names
    the status of every call.
    """
    if not pattern:
        return True
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        return any(matches(rest, path[depth:]) for depth in range(len(path) + 1))
    if not path:
        return False
    if head == "*" or _same(head, path[0]):
        return matches(rest, path[1:])
    return isinstance(path[0], int) and matches(pattern, path[1:])


def nested(leaves: Mapping[Path, Json] | Iterable[tuple[Path, Json]]) -> dict[str, Json]:
    """Write flat *leaves* as the nested object that goes over the wire."""
    root: dict[str, Json] = {}
    for path, value in leaves.items() if hasattr(leaves, "items") else leaves:
        _place(root, path, value)
    return root


def flat(tree: Json, *, at: Path = ()) -> dict[Path, Json]:
    """Return the leaves of a nested *tree*, as `nested` takes them; an array's element without `id` counts from 1."""
    found: dict[Path, Json] = {}
    if isinstance(tree, dict) and tree:
        for name, below in tree.items():
            if name != "id":
                found |= flat(below, at=(*at, name))
        return found
    if isinstance(tree, list):
        for place, element in enumerate(tree, start=1):
            own = element.get("id") if isinstance(element, dict) else None
            index = int(own) if isinstance(own, int | str) and str(own).isascii() and str(own).isdigit() else place
            found |= flat(element, at=(*at, index))
        return found
    return {at: tree} if at else {}


def _place(root: dict[str, Json], path: Path, value: Json) -> None:
    node = root
    position = 0
    while position < len(path) - 1:
        word, following = str(path[position]), path[position + 1]
        if isinstance(following, int):
            node = _element(node, word, following)
            position += 2
        else:
            child = node.setdefault(word, {})
            node = child if isinstance(child, dict) else {}
            position += 1
    if position < len(path):
        node[str(path[position])] = value


def _element(node: dict[str, Json], word: str, index: int) -> dict[str, Json]:
    array = node.setdefault(word, [])
    if not isinstance(array, list):
        return {}
    for element in array:
        if isinstance(element, dict) and element.get("id") == index:
            return element
    element = {"id": index}
    array.append(element)
    return element


def descend(tree: Json, path: Path) -> Json:
    """Return what stands at *path* in a nested *tree*; None when nothing does."""
    node = tree
    for word in path:
        if isinstance(word, int) and isinstance(node, list):
            node = next((item for item in node if isinstance(item, dict) and item.get("id") == word), None)
        elif isinstance(node, dict):
            node = next((value for name, value in node.items() if _same(word, name)), None)
        else:
            return None
    return node
