"""
What differs between two configurations, by name, and what of it a running daemon can take over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs

from hotdesk_daemon.ops.settings.declared import Applies, settings_of
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.special import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

#: What stands many times is told apart by its id; everything else stands once.
_BY_ID: Final = frozenset({"desk", "device", "organisation"})


@attrs.frozen(kw_only=True)
class Change:
    """One setting with another value: its name as people write it, and when the new value counts."""

    name: str
    applies: Applies


@attrs.frozen(kw_only=True)
class Listed:
    """What became of things that stand many times: their ids, and of the changed ones what changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, tuple[Change, ...]], ...] = ()


@attrs.frozen(kw_only=True)
class Differences:
    """Everything by which the second of two configurations differs from the first."""

    settings: tuple[Change, ...] = ()
    desks: Listed = Listed()
    organisations: Listed = Listed()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of the settings that only a restart can change."""
        return tuple(change.name for change in self.settings if change.applies is Applies.RESTART)


def differences(old: Settings, new: Settings) -> Differences:
    """What of *new* differs from *old*."""
    return Differences(
        settings=tuple(_changes(Settings, old, new, "", Applies.RESTART)),
        desks=_listed(old.desks, new.desks, "desk"),
        organisations=_listed(old.organisations, new.organisations, "organisation"),
    )


def keeping_what_waits(old: Settings, new: Settings) -> Settings:
    """*new*, with every setting that only a restart can change as it is in *old*."""
    return attrs.evolve(_kept(Settings, old, new, Applies.RESTART), warnings=new.warnings)


def _changes(cls: type[Any], old: object, new: object, prefix: str, around: Applies) -> Iterator[Change]:
    for key, (words, field) in settings_of(cls).items():
        was, now = getattr(old, field.name), getattr(new, field.name)
        applies = words.applies or around
        if was == now or key in _BY_ID:
            continue
        if isinstance(words.kind, Table) and was is not None and now is not None:
            yield from _changes(words.kind.cls, was, now, f"{prefix}{key}.", applies)
        else:
            yield Change(name=f"{prefix}{key}", applies=applies)


def _listed(old: Iterable[Any], new: Iterable[Any], key: str) -> Listed:
    around = settings_of(Settings)[key][0].applies or Applies.RESTART
    before, after = {one.id: one for one in old}, {one.id: one for one in new}
    return Listed(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(
            (name, (*_changes(type(one), before[name], one, "", around), *_device_changes(before[name], one)))
            for name, one in after.items()
            if name in before and before[name] != one
        ),
    )


def _device_changes(old: object, new: object) -> Iterator[Change]:
    before, after = devices_of(old), devices_of(new)
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield Change(name=f"device {name}", applies=Applies.LINK)


def devices_of(desk: object) -> dict[str, Any]:
    """The settings of a desk's devices by id; an organisation has none."""
    return {device.id: device for device in getattr(desk, "devices", ())}


def _kept(cls: type[T], old: T, new: T, around: Applies) -> T:
    kept: dict[str, Any] = {}
    for key, (words, field) in settings_of(cls).items():
        was, now = getattr(old, field.name), getattr(new, field.name)
        applies = words.applies or around
        if was == now or key in _BY_ID:
            continue
        if isinstance(words.kind, Table) and was is not None and now is not None:
            kept[field.name] = _kept(words.kind.cls, was, now, applies)
        elif applies is Applies.RESTART:
            kept[field.name] = was
    return cast("T", attrs.evolve(cast("Any", new), **kept))
