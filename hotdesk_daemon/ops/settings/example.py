"""
An annotated configuration to begin with, made from the declarations.

Every setting stands in it with its words. What a kind of site needs is written out, everything else is commented out
with its default.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from enum import Enum
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.ops.settings.declared import Applies, Setting, settings_of
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH: Final = 110


class Part(Enum):
    """What a site is made of."""

    DEVICES = "devices"
    ORGANISATION = "organisation"
    SIMULATED = "simulated"


#: What is written out, by the parts that want it; a table that none wants is commented out.
_CHOSEN: Final[Mapping[Part, Mapping[str, str]]] = {
    Part.DEVICES: {
        "daemon.state_dir": '"/var/lib/hotdesk"',
        "daemon.stage": '"observe"',
        "desk.id": '"osl-4-014"',
        "desk.calendar": '"local"',
        "desk.device.id": '"osl-4-014-board"',
        "desk.device.url": '"wss://desk-014.example.com/ws"',
        "desk.device.username": '"hotdesk"',
        "desk.device.password": '"credential:desk-014"',
    },
    Part.ORGANISATION: {
        "daemon.state_dir": '"/var/lib/hotdesk"',
        "daemon.stage": '"observe"',
        "organisation.id": '"acme"',
        "organisation.client_id": '"C0123456789abcdef"',
        "organisation.client_secret": '"credential:webex-client-secret"',
        "organisation.select.tags": '["hotdesk"]',
    },
    Part.SIMULATED: {
        "daemon.state_dir": '"./var"',
        "simulator.enabled": "true",
        "simulator.speed": "30",
        "simulator.start": "2026-05-04T06:30:00Z",
    },
}

#: What stands for a setting that must be written and has no default, and for one whose default is to have none.
_EXAMPLES: Final[Mapping[str, str]] = {
    "journal.path": '"/var/lib/hotdesk/journal.sqlite3"',
    "journal.url": '"sqlite:////var/lib/hotdesk/journal.sqlite3"',
    "http.token": '"credential:http-token"',
    "policy.max_duration": '"10h"',
    "policy.opening_hours.days": '["mon", "tue", "wed", "thu", "fri"]',
    "policy.opening_hours.from": '"07:00"',
    "policy.opening_hours.to": '"19:00"',
    "stage.tag": '"pilot"',
    "stage.stage": '"enforce"',
    "simulator.start": "2026-05-04T06:30:00Z",
    "organisation.id": '"acme"',
    "organisation.client_id": '"C0123456789abcdef"',
    "organisation.client_secret": '"credential:webex-client-secret"',
    "organisation.webhook.url": '"https://desks.example.com"',
    "organisation.webhook.secret": '"credential:webex-hook-secret"',
    "organisation.select.tags": '["hotdesk"]',
    "organisation.select.locations": '["b7d1e9a4-5c38-4f06-9e2d-8a1f3c6b7d50"]',
    "organisation.select.workspaces": '["3f5a1d2c-4b6e-4f80-9c12-0a7b6c5d4e3f"]',
    "organisation.stage": '"observe"',
    "organisation.api_url": '"https://webexapis.com/v1"',
    "organisation.oauth_url": '"https://webexapis.com/v1/access_token"',
    "organisation.jwks_url": '"https://xapi-a.wbx2.com/jwks"',
    "organisation.supported_url": '"https://xapi-a.wbx2.com/xapi/api/apps/supportedSubscriptions"',
    "organisation.ca_file": '"/etc/hotdesk/cloud-ca.pem"',
    "desk.id": '"osl-4-014"',
    "desk.calendar": '"local"',
    "desk.organisation": '"acme"',
    "desk.tags": '["pilot"]',
    "desk.stage": '"enforce"',
    "desk.sync_interval": '"10m"',
    "desk.device.id": '"osl-4-014-board"',
    "desk.device.url": '"wss://desk-014.example.com/ws"',
    "desk.device.password": '"credential:desk-014"',
    "desk.device.ca_file": '"/etc/hotdesk/devices-ca.pem"',
    "desk.device.fingerprint_sha256": f'"{":".join(["4A"] * 32)}"',
    "desk.device.webex_id": '"3f5a1d2c-4b6e-4f80-9c12-0a7b6c5d4e3f"',
}

_HEAD: Final = """\
hotdesk-daemon: its configuration, as `hotdesk-daemon init` writes it.

Every setting stands here with what it means. A line that begins with "# " and a name shows a default, or an example of
what may be written where there is none: take the "# " away to change it. More files may stand in conf.d beside this
one, and HOTDESK_SECTION__KEY in the environment overrides one setting.

Behind each setting stands when a change counts after a reload (`hotdesk-daemon reload`, or SIGHUP). Secrets stand in no
file: "credential:NAME" is a systemd credential (LoadCredential=), "file:PATH" a file, "env:NAME" a variable.

Check it with: hotdesk-daemon check-config --config FILE
"""


def render_example(parts: Collection[Part]) -> str:
    """
    The annotated configuration for a site of these *parts*.

    Raises:
        AssertionError: a setting that must be written has no example here, or an example names no setting.
    """
    return _Writer(parts).render()


@attrs.define
class _Writer:
    parts: Collection[Part]
    _met: set[str] = attrs.field(factory=set)

    def render(self) -> str:
        lines = [*_comment(_HEAD.rstrip())]
        for key, (words, _) in settings_of(Settings).items():
            if isinstance(words.kind, Table | Tables):
                lines += ["", f"# {'-' * (_WIDTH - 2)}", *self._table(words, key, Applies.RESTART)]
        strangers = {*_EXAMPLES, *(name for chosen in _CHOSEN.values() for name in chosen)} - self._met
        if strangers:
            raise AssertionError(f"examples of no setting: {', '.join(sorted(strangers))}")
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _table(self, words: Setting, path: str, around: Applies, *, is_around: bool = True) -> Iterator[str]:
        """One table with all that is in it; commented out as a whole where nothing of it is to be there."""
        if not isinstance(words.kind, Table | Tables):
            raise TypeError("a plain setting is no table")
        cls, is_list = words.kind.cls, isinstance(words.kind, Tables)
        is_asked = any(self._chosen(name) for name in self._names(cls, path))
        is_there = is_around and (is_asked or not (is_list or words.none))
        heading = f"[[{path}]]" if is_list else f"[{path}]"
        yield from _comment(cleandoc(cls.__doc__ or ""))
        yield heading if is_there else f"# {heading}"
        applies = words.applies or around
        inner = {key: one for key, (one, _) in settings_of(cls).items() if isinstance(one.kind, Table | Tables)}
        for key, (one, field) in settings_of(cls).items():
            if key not in inner:
                yield from self._setting(f"{path}.{key}", one, field, applies, is_there=is_there)
        for key, one in inner.items():
            yield ""
            if key == "policy":  # whose settings stand above
                yield from _comment(f"{one.doc} Left out: {one.none}. Its settings are those of [policy].")
                yield f"# [{path}.{key}]"
            else:
                yield from self._table(one, f"{path}.{key}", applies, is_around=is_there)

    def _setting(
        self, path: str, words: Setting, field: attrs.Attribute[Any], around: Applies, *, is_there: bool
    ) -> Iterator[str]:
        self._met.add(path)
        key = path.rpartition(".")[2]
        left_out = f" Left out: {words.none}." if words.none else ""
        counts = (words.applies or around).value
        yield ""
        yield from _comment(f"{words.doc} Write {words.kind.describe()}.{left_out} A change counts {counts}.")
        chosen = self._chosen(path)
        if chosen is not None and is_there:
            yield f"{key} = {chosen}"
        elif field.default is attrs.NOTHING and is_there:
            raise AssertionError(f"{path} must be written, and nothing is chosen for it")
        else:
            yield f"# {key} = {_shown(path, words, field)}"

    def _chosen(self, path: str) -> str | None:
        return next((chosen[path] for part, chosen in _CHOSEN.items() if part in self.parts and path in chosen), None)

    def _names(self, cls: type[Any], path: str) -> Iterator[str]:
        for key, (words, _) in settings_of(cls).items():
            if isinstance(words.kind, Table | Tables):
                yield from self._names(words.kind.cls, f"{path}.{key}")
            else:
                yield f"{path}.{key}"


def _shown(path: str, words: Setting, field: attrs.Attribute[Any]) -> str:
    if field.default in {None, (), attrs.NOTHING}:
        if path not in _EXAMPLES:
            raise AssertionError(f"{path} has neither a default nor an example")
        return _EXAMPLES[path]
    return words.kind.render(field.default)


def _comment(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield "#"
        words = " ".join(paragraph.split())
        for line in textwrap.wrap(words, _WIDTH - 2, break_long_words=False, break_on_hyphens=False):
            yield f"# {line}"
