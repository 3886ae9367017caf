"""
How the value space of a command is written down, and what was wrong with given parameters.

A parameter may have changed between releases: its newest form stands in the table, older forms hang on it as
``earlier``. Numbers of strings count bytes of UTF-8, as devices do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import attrs

from hotdesk_daemon.xapi.releases import Release

Kind = Literal["string", "integer", "literal"]

#: Since this release the schema says which commands do not exist in Microsoft Teams mode.
TEAMS_RULES_SINCE: Final = Release.of(26, 1)


@attrs.frozen(kw_only=True)
class Violation:
    """Why one parameter will be refused; ``parameter`` is empty when the command as a whole is meant."""

    parameter: str
    message: str


@attrs.frozen(kw_only=True)
class ParamSpec:
    """
    One parameter of a command.

    ``minimum`` and ``maximum`` bound an integer's value or a string's length in bytes of UTF-8. ``since``
    None means as old as the command; ``until`` is the first release without the parameter. ``earlier`` is its
    form before ``since``, if it had one.
    """

    name: str
    required: bool = False
    kind: Kind = "string"
    minimum: int | None = None
    maximum: int | None = None
    values: tuple[str, ...] = ()
    since: Release | None = None
    until: Release | None = None
    default: str | int | None = None
    earlier: ParamSpec | None = None

    def at(self, release: Release | None) -> ParamSpec | None:
        """The form in force at *release* (None: the newest), or None when there is no such parameter."""
        if release is None:
            return self if self.until is None else None
        if self.since is not None and release < self.since:
            return None if self.earlier is None else self.earlier.at(release)
        return self if self.until is None or release < self.until else None

    def violation(self, value: object) -> Violation | None:
        """What is wrong with *value*, or None."""
        message = _KINDS[self.kind](self, value)
        return None if message is None else Violation(parameter=self.name, message=message)


@attrs.frozen(kw_only=True)
class CommandSpec:
    """
    One command.

    ``roles`` are the local roles that may use it, any of them; ``teams`` is false when it is missing in
    Microsoft Teams mode (from 26.1). ``one_of`` names parameters of which at least one must be given.
    ``multiline``: the command takes a ``body``, the only parameter in which line breaks are allowed.
    """

    path: str
    roles: frozenset[str]
    params: Mapping[str, ParamSpec]
    since: Release
    until: Release | None = None
    teams: bool = True
    one_of: tuple[str, ...] = ()
    multiline: bool = False

    def exists(self, release: Release | None, *, teams: bool = False) -> bool:
        """Whether a device with *release* (None: the newest known) has the command."""
        if release is None:
            return self.until is None and (self.teams or not teams)
        if release < self.since or (self.until is not None and self.until <= release):
            return False
        return self.teams or not teams or release < TEAMS_RULES_SINCE

    def params_at(self, release: Release | None) -> dict[str, ParamSpec]:
        """The parameters that a device with *release* (None: the newest known) knows, by name."""
        forms = ((name, spec.at(release)) for name, spec in self.params.items())
        return {name: form for name, form in forms if form is not None}

    def violations(self, params: Mapping[str, object], release: Release | None) -> Iterator[Violation]:
        """What a device with *release*, which has the command, will refuse about *params*."""
        known = self.params_at(release)
        for name, value in params.items():
            spec = known.get(name)
            if spec is None:
                yield Violation(parameter=name, message="the command has no such parameter")
            elif (violation := spec.violation(value)) is not None:
                yield violation
        for name, spec in known.items():
            if spec.required and name not in params:
                yield Violation(parameter=name, message="is required")
        choice = [name for name in self.one_of if name in known]
        if choice and not any(name in params for name in choice):
            yield Violation(parameter=choice[0], message=f"one of {', '.join(choice)} is required")


def _string_problem(spec: ParamSpec, value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if spec.minimum is not None and size < spec.minimum:
        return f"must have at least {spec.minimum} bytes of UTF-8"
    if spec.maximum is not None and size > spec.maximum:
        return f"has {size} bytes of UTF-8; at most {spec.maximum} are allowed"
    if spec.name != "body" and ("\n" in value or "\r" in value):
        return "must not contain line breaks"
    return None


def _integer_problem(spec: ParamSpec, value: object) -> str | None:
    # A bool is an int to Python, not to a device; neither is a numeric string a number.
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be an integer"
    if (spec.minimum is not None and value < spec.minimum) or (spec.maximum is not None and value > spec.maximum):
        return f"is {value}; allowed are {spec.minimum} to {spec.maximum}"
    return None


def _literal_problem(spec: ParamSpec, value: object) -> str | None:
    if isinstance(value, str) and value in spec.values:
        return None
    return f"must be one of {', '.join(spec.values)}"


_KINDS: Final = {"string": _string_problem, "integer": _integer_problem, "literal": _literal_problem}
