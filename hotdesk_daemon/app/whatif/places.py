"""What is known of desks beside their history: the organisation whose directory has them, and their tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.app.organisations.register import Register
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdesk_daemon.ops.settings import DeskRules, PolicyFile, Settings


@attrs.frozen(kw_only=True)
class Places:
    """``empty`` are organisations of which no desk is known here, so that rules for them find none."""

    organisations: Mapping[DeskId, str]
    tags: Mapping[DeskId, tuple[str, ...]]
    empty: tuple[str, ...] = ()

    def rules(self, file: PolicyFile, desk: DeskId) -> DeskRules:
        """The rules that *file* has for *desk*."""
        return file.of(desk, organisation=self.organisations.get(desk), tags=self.tags.get(desk, ()))


def places_of(file: PolicyFile, settings: Settings | None) -> Places:
    """
    What a file of rules tells of desks, and the configuration where there is one.

    What an organisation's directory told last the daemon keeps in its state directory: the file's, else that of the
    configuration.

    Raises:
        ConfigError: what is kept there cannot be read.
    """
    state_dir = file.state_dir or (settings.daemon.state_dir if settings is not None else None)
    configured = settings.organisations if settings is not None else ()
    organisations: dict[DeskId, str] = {}
    tags: dict[DeskId, tuple[str, ...]] = {}
    names = dict.fromkeys((*file.organisations, *(organisation.id for organisation in configured)))
    for name, register in _registers(names, state_dir):
        for desk, carried in register.tags.items():
            organisations[desk] = name
            tags[desk] = carried
    if settings is not None:
        tags |= {DeskId(desk.id): desk.tags for desk in settings.desks if desk.tags}
    found = set(organisations.values())
    return Places(
        organisations=organisations,
        tags={**tags, **file.tags},
        empty=tuple(name for name in file.organisations if name not in found),
    )


def _registers(names: Mapping[str, None], state_dir: Path | None) -> Iterator[tuple[str, Register]]:
    if state_dir is not None:
        for name in names:
            yield name, Register.load(state_dir / "organisations" / f"{name}.desks.json")
