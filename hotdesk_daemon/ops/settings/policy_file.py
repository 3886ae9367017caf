"""
A file of rules to compare with: the sections of the configuration that say what is allowed, and nothing else needed.

It is read as strictly as the configuration. A whole configuration will do too: what is known there and says nothing
of rules is passed over unread, so that neither secrets nor files that it names have to be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.policy import Policy, Stage
from hotdesk_daemon.ops.settings.checking import Check
from hotdesk_daemon.ops.settings.daemon import DaemonSettings
from hotdesk_daemon.ops.settings.declared import setting, settings_of
from hotdesk_daemon.ops.settings.desks import NAME, DeskSettings, PolicySettings
from hotdesk_daemon.ops.settings.documents import read_documents
from hotdesk_daemon.ops.settings.kinds import Choice, Text
from hotdesk_daemon.ops.settings.organisations import OrganisationSettings
from hotdesk_daemon.ops.settings.rules import RULES, check_unique
from hotdesk_daemon.ops.settings.safety import StageSettings
from hotdesk_daemon.ops.settings.site import Settings, policy_of
from hotdesk_daemon.ops.settings.special import FilePath, Listed, Table, Tables

if TYPE_CHECKING:
    from collections.abc import Collection


@attrs.frozen(kw_only=True)
class _Daemon:
    """`[daemon]`: where the names of an organisation's desks are found beside the stage."""

    stage: Stage | None = setting(Choice(Stage), "", default=None, none="as recorded")
    state_dir: Path | None = setting(FilePath(), "", default=None, none="the configuration's")


@attrs.frozen(kw_only=True)
class _Part:
    """`[[organisation]]`."""

    id: str = setting(NAME, "")
    stage: Stage | None = setting(Choice(Stage), "", default=None, none="as above")
    policy: PolicySettings | None = setting(Table(PolicySettings), "", default=None, none="as above")

    @property
    def says_something(self) -> bool:
        return self.stage is not None or self.policy is not None


@attrs.frozen(kw_only=True)
class _Desk(_Part):
    """`[[desk]]`."""

    tags: tuple[str, ...] = setting(Listed(Text(what="a tag"), 'a list of tags such as ["pilot"]'), "", default=())


_NONE: Final = _Part(id="none")


@attrs.frozen(kw_only=True)
class _File:
    daemon: _Daemon = setting(Table(_Daemon), "", default=_Daemon())
    policy: PolicySettings | None = setting(Table(PolicySettings), "", default=None, none="as recorded")
    stages: tuple[StageSettings, ...] = setting(Tables(StageSettings), "", default=(), key="stage")
    organisations: tuple[_Part, ...] = setting(Tables(_Part), "", default=(), key="organisation")
    desks: tuple[_Desk, ...] = setting(Tables(_Desk), "", default=(), key="desk")


#: What a table is called, what of it is read, and what of it may stand there.
_KNOWN: Final[Mapping[str, tuple[type[Any], type[Any]]]] = {
    "daemon": (_Daemon, DaemonSettings),
    "organisation": (_Part, OrganisationSettings),
    "desk": (_Desk, DeskSettings),
}


@attrs.frozen(kw_only=True)
class DeskRules:
    """
    What a file of rules says for one desk; ``None`` is what it says nothing of.

    ``origin`` is the section that the policy is from: ``policy``, ``desk``, ``organisation <id>`` or ``recorded``.
    """

    policy: Policy | None
    stage: Stage | None
    origin: str


@attrs.frozen(kw_only=True)
class PolicyFile:
    """
    The rules of a file.

    ``desks`` and ``organisations`` are those that it gives rules of their own, ``tags`` what it says of its desks;
    ``state_dir`` is where it says that the daemon keeps its state.
    """

    desks: tuple[DeskId, ...]
    organisations: tuple[str, ...]
    tags: Mapping[DeskId, tuple[str, ...]]
    state_dir: Path | None
    _file: _File = attrs.field(alias="file", repr=False)

    def of(self, desk: DeskId, *, organisation: str | None = None, tags: Collection[str] = ()) -> DeskRules:
        """The rules of *desk*, which carries *tags* and was found in the directory of *organisation*, if in one's."""
        own = next((part for part in self._file.desks if part.id == desk), _NONE)
        group = next((part for part in self._file.organisations if part.id == organisation), _NONE)
        tagged = next((one.stage for one in self._file.stages if one.tag in tags), None)
        policies = (
            ("desk", own.policy),
            (f"organisation {organisation}", group.policy),
            ("policy", self._file.policy),
        )
        origin, policy = next((each for each in policies if each[1] is not None), ("recorded", None))
        return DeskRules(
            policy=None if policy is None else policy_of(policy),
            stage=own.stage or group.stage or tagged or self._file.daemon.stage,
            origin=origin,
        )


def load_policy_file(path: Path) -> PolicyFile:
    """
    Read and check the rules in the file at *path*; neither ``conf.d`` nor the environment stands over it.

    Raises:
        ConfigError: with one line per mistake, each "place: setting: what is wrong; how to mend it".
    """
    documents = read_documents(path, alone=True)
    documents.data = _of_rules(documents.data)
    check = Check(documents=documents, environ={}, problems=documents.problems, warnings=[], rules=RULES)
    file = check.table(_File, documents.data, ())
    check_unique(check, desks=documents.data.get("desk"), organisations=documents.data.get("organisation"))
    if file is not None and not documents.problems and not _says_something(file):
        check.problem((), "says nothing of rules; write [policy] (an empty one allows all), or a stage")
    if documents.problems or file is None:
        raise ConfigError(*documents.problems)
    return PolicyFile(
        desks=tuple(DeskId(part.id) for part in file.desks if part.says_something),
        organisations=tuple(part.id for part in file.organisations if part.says_something),
        tags={DeskId(part.id): part.tags for part in file.desks if part.tags},
        state_dir=file.daemon.state_dir,
        file=file,
    )


def _of_rules(data: dict[str, Any]) -> dict[str, Any]:
    """*data* without what a configuration may hold and rules do not need; mistakes in names stay."""
    kept = {key: value for key, value in data.items() if key in settings_of(_File) or key not in settings_of(Settings)}
    for key, (read, whole) in _KNOWN.items():
        known = settings_of(whole).keys() - settings_of(read).keys()
        match kept.get(key):
            case dict() as table:
                kept[key] = _without(table, known)
            case list() as tables:
                kept[key] = [_without(table, known) if isinstance(table, dict) else table for table in tables]
            case _:
                pass  # not there, or no table: the check says so
    return kept


def _without(table: dict[str, Any], known: set[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in known}


def _says_something(file: _File) -> bool:
    told = any(part.says_something for part in (*file.organisations, *file.desks))
    return told or file.policy is not None or file.daemon.stage is not None or bool(file.stages)
