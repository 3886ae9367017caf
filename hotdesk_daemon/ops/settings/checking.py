"""
From TOML data to settings, with every mistake found on the way.

One walk over the declared classes. A value that cannot be used becomes one line of ``problems`` and the walk goes on,
so that a person mends a file in one go. Rules over several settings stand in ``rules`` and see only tables that are
sound in themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

import attrs

from hotdesk_daemon.ops.guard import scrub_text
from hotdesk_daemon.ops.settings.declared import Setting, settings_of
from hotdesk_daemon.ops.settings.documents import Documents
from hotdesk_daemon.ops.settings.kinds import Kind, suggestion
from hotdesk_daemon.ops.settings.places import KeyPath
from hotdesk_daemon.ops.settings.secret import read_secret, unread_secret
from hotdesk_daemon.ops.settings.special import SecretRef, Table, Tables

T = TypeVar("T")

_UNUSABLE: Final = object()


class Look(Enum):
    """What is looked at beside the files themselves."""

    AT_FILES = "files"  # nothing: a configuration for another machine
    AT_SECRETS = "secrets"  # what settings are made of: secrets, certificates
    AROUND = "around"  # and what the daemon will need: directories that it can write to


@attrs.define(kw_only=True)
class Check:
    """One check of one configuration: what it is checked against and what it found."""

    documents: Documents
    environ: Mapping[str, str]
    problems: list[str]
    warnings: list[str]
    rules: Mapping[type[Any], Callable[[Check, Any, KeyPath], None]]
    look: Look = Look.AT_SECRETS

    def problem(self, path: KeyPath, text: str) -> None:
        """Note a mistake at *path*; *text* says what is wrong and how to mend it."""
        self.problems.append(self._line(path, text))

    def warning(self, path: KeyPath, text: str) -> None:
        """Note something that works but should be mended."""
        self.warnings.append(self._line(path, text))

    def table(self, cls: type[T], raw: object, path: KeyPath) -> T | None:
        """Make a *cls* of the table *raw*; None when something in it is wrong, which has been noted."""
        if not isinstance(raw, dict):
            self.problem(path, f"is no table; {_heading(path)}")
            return None
        known = settings_of(cls)
        for key in raw:
            if key not in known:
                self.problem((*path, key), f"is no setting{self._hint(key, known)}; mend or remove it")
        values = {
            field.name: self._value(words, field, raw.get(key, _UNUSABLE), (*path, key))
            for key, (words, field) in known.items()
        }
        if any(value is _UNUSABLE for value in values.values()):
            return None
        made = cls(**values)
        if cls in self.rules:
            before = len(self.problems)
            self.rules[cls](self, made, path)
            return made if before == len(self.problems) else None
        return made

    def _value(self, words: Setting, field: attrs.Attribute[Any], raw: object, path: KeyPath) -> object:
        """Check one setting; `_UNUSABLE` when it is wrong or missing."""
        if raw is _UNUSABLE:
            return self._left_out(words, field, path)
        match words.kind:
            case Table(cls=cls):
                made = self.table(cls, raw, path)
                return _UNUSABLE if made is None else made
            case Tables(cls=cls):
                return self._tables(cls, raw, path)
            case SecretRef():
                return self._secret(words, raw, path)
            case kind:
                return self._plain(kind, raw, path)

    def _plain(self, kind: Kind[Any], raw: object, path: KeyPath) -> object:
        try:
            return kind.parse(raw)
        except ValueError as exc:
            self.problem(path, str(exc))
            return _UNUSABLE

    def _left_out(self, words: Setting, field: attrs.Attribute[Any], path: KeyPath) -> object:
        if field.default is not attrs.NOTHING:
            return field.default
        is_list = isinstance(words.kind, Tables)
        remedy = _heading(path, double=True) if is_list else f"write {words.kind.describe()}"
        self.problem(path, f"is missing; {remedy}")
        return _UNUSABLE

    def _tables(self, cls: type[Any], raw: object, path: KeyPath) -> object:
        if not isinstance(raw, list):
            self.problem(path, f"is no list of tables; {_heading(path, double=True)}")
            return _UNUSABLE
        made = [self.table(cls, one, (*path, index)) for index, one in enumerate(raw)]
        return _UNUSABLE if None in made else tuple(made)

    def _secret(self, words: Setting, raw: object, path: KeyPath) -> object:
        try:
            if not isinstance(raw, str):
                # The value may be the secret itself: it is not repeated.
                self.problem(path, f"is no text; write {words.kind.describe()}")
                return _UNUSABLE
            if self.look is Look.AT_FILES:
                return unread_secret(raw)
            secret, warning = read_secret(raw, self.environ)
        except ValueError as exc:
            self.problem(path, str(exc))
            return _UNUSABLE
        if warning:
            self.warning(path, warning)
        return secret

    def _hint(self, key: str, known: Mapping[str, Any]) -> str:
        return suggestion(key, known) or f"; known here: {', '.join(known)}"

    def _line(self, path: KeyPath, text: str) -> str:
        return ": ".join(filter(None, (str(self.documents.place(path)), dotted(path), scrub_text(text))))


def dotted(path: KeyPath) -> str:
    """Write *path* for people: list elements are counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _heading(path: KeyPath, *, double: bool = False) -> str:
    name = ".".join(part for part in path if isinstance(part, str))
    return f"write it under the heading [[{name}]]" if double else f"write it under the heading [{name}]"
