"""
Core's values as plain JSON values: what people and programs are shown of inputs, steps and desks.

Titles and persons are taken out by `hidden` and `veiled` unless whoever asks says otherwise: who looks at a replay
mostly needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from hotdesk_daemon.core.errors import UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotdesk_daemon.app.replaying.differing import Difference
    from hotdesk_daemon.core.desk import Desk, Held, OpenCommand
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import StoredRecord

Fact = dict[str, Any]

#: What stands where a title or a person would.
HIDDEN: Final = "(hidden)"
_ORGANIZER: Final = "organizer"
_PERSONAL: Final = frozenset({"title", "organizer_name", "organizer_email", "organizer_id", _ORGANIZER})

#: Any value of core's that holds no command, as JSON.
plain_fact = msgspec.to_builtins


def input_fact(given: Input | UndecodableError) -> Fact:
    """The members of an input; none of one that cannot be read."""
    fact: Fact = {} if isinstance(given, UndecodableError) else plain_fact(given)
    return fact


def buffer_fact(buffer: Iterable[Held]) -> list[Fact]:
    """The events that wait for a list, each with its number and ``kind``."""
    return [{"seq": held.seq, "kind": type(held.event).__name__, **input_fact(held.event)} for held in buffer]


def command_fact(command: OpenCommand) -> Fact:
    """The members of an open command, and what it is: its class as ``kind``, its ``path``."""
    told = command.command
    return {"kind": type(told).__name__, "path": told.path, **plain_fact(command)}


def step_fact(step: Step | StoredRecord) -> Fact:
    """What a step says: reasons, commands, refusal."""
    return {
        "reasons": [plain_fact(reason) for reason in step.reasons],
        "commands": [command_fact(command) for command in step.commands],
        "refusal": step.refusal,
    }


def desk_fact(desk: Desk) -> Fact:
    """The whole state of a desk."""
    fact: Fact = plain_fact(desk)
    fact["commands"] = {key: command_fact(command) for key, command in desk.commands.items()}
    fact["buffer"] = buffer_fact(desk.buffer)
    return fact


def hidden(fact: Mapping[str, Any]) -> Fact:
    """*fact* without titles and persons; what was empty stays so."""
    return {key: _hidden(key, value) for key, value in fact.items()}


def _hidden(key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if not value or isinstance(value, msgspec.UnsetType):
        return value
    if key in _PERSONAL:
        return {name: member and HIDDEN for name, member in value.items()} if isinstance(value, dict) else HIDDEN
    if isinstance(value, dict):
        return hidden(value)
    if isinstance(value, list | tuple):
        return [_hidden("", each) for each in value]
    return value


def veiled(difference: Difference) -> Difference:
    """*difference* without titles and persons: what differs is told by its path alone."""
    key = "title" if is_personal(difference.path) else ""
    return attrs.evolve(difference, old=_hidden(key, difference.old), new=_hidden(key, difference.new))


def is_personal(path: str) -> bool:
    """Whether what is at *path* tells of a person, or is a title."""
    *above, name = path.split("/")
    return name in _PERSONAL or _ORGANIZER in (name, *above[-1:])
