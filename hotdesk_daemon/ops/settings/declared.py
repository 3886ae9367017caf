"""
How a setting is declared: one attrs field that carries its kind and its words.

Checking, the environment and the reference in ``docs/configuration.md`` all read the same declaration, so none of them
can disagree with another.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeVar, overload

import attrs

from hotdesk_daemon.ops.settings.kinds import Kind

T = TypeVar("T")

_SETTING: Final = "setting"


class Applies(Enum):
    """When a setting that was changed counts after a reload."""

    AT_ONCE = "at once"
    CONNECT = "at the next connect"
    LINK = "by a new link"
    ORGANISATION = "by new connections"
    RESTART = "at a restart"


@attrs.frozen(kw_only=True)
class Setting:
    """
    What is known about one setting beside its name.

    ``none`` says what leaving it out means; ``applies`` of None is that of the table around it, or a restart.
    """

    kind: Kind[Any]
    doc: str
    key: str | None = None
    none: str | None = None
    applies: Applies | None = None


@overload
def setting(kind: Kind[T], doc: str, *, key: str | None = None, applies: Applies | None = None) -> T: ...
@overload
def setting(kind: Kind[T], doc: str, *, default: T, key: str | None = None, applies: Applies | None = None) -> T: ...
@overload
def setting(
    kind: Kind[T], doc: str, *, default: None, none: str, key: str | None = None, applies: Applies | None = None
) -> T | None: ...
def setting(
    kind: Kind[T],
    doc: str,
    *,
    default: object = attrs.NOTHING,
    none: str | None = None,
    key: str | None = None,
    applies: Applies | None = None,
) -> object:
    """
    Declare one setting as an attrs field.

    Args:
        kind: what may be written.
        doc: what it is and why its default is what it is, for the operator.
        default: the value when it is left out; without one it must be written.
        none: what leaving it out means, where the default is ``None``.
        key: the name in the file, where the attribute's differs (``drain`` for ``drain_s``).
        applies: when a change counts after a reload. Declared for a table it holds for all in it that do not declare
            their own; nowhere declared, a change waits for a restart and is said to.

    """
    words = Setting(kind=kind, doc=doc, key=key, none=none, applies=applies)
    field: object = attrs.field(default=default, metadata={_SETTING: words})
    return field


def settings_of(cls: type[Any]) -> dict[str, tuple[Setting, attrs.Attribute[Any]]]:
    """Every setting of the settings class *cls* by its name in the file, in order of declaration."""
    found: dict[str, tuple[Setting, attrs.Attribute[Any]]] = {}
    for field in attrs.fields(cls):
        words = field.metadata.get(_SETTING)
        if words is not None:
            found[words.key or field.name] = (words, field)
    return found
