"""
The methods of the local xAPI besides commands: `xGet`, `xSet`, `xQuery`, `xDoc`, and feedback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.valuespaces import COMMANDS

from .rpc import (
    COMMAND_ERROR,
    INVALID_PARAMS,
    PERMISSION_DENIED,
    SUBSCRIBERS_EXCEEDED,
    Answer,
    RpcError,
    bad_argument,
)
from .statuses import takes
from .tree import descend, matches, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .session import Session, Subscription
    from .tree import Json, Path, Tree, Value

_COMMAND: Final = "xcommand/"
_ROOTS: Final = ("Status", "Configuration", "Event", "Command")
_FEEDBACK_ROOTS: Final = ("Status", "Configuration", "Event")
_DEFAULT_LIMIT: Final = 400
_READERS: Final = frozenset({"Admin", "User", "Integrator"})


def command_path(method: str) -> str | None:
    """Return the words of a command (`Bookings Book`); None when the method is no command."""
    if not method.lower().startswith(_COMMAND):
        return None
    return " ".join(word for word in method[len(_COMMAND) :].split("/") if word)


def _path(params: Mapping[str, Json], name: str, roots: tuple[str, ...]) -> tuple[str, Path]:
    """Return the root and the rest of a path parameter."""
    given = params.get(name)
    if not isinstance(given, list) or not given:
        raise RpcError(INVALID_PARAMS, f"Invalid params: {name}")
    words: list[str | int] = []
    for word in given:
        if not isinstance(word, str | int) or isinstance(word, bool):
            raise RpcError(INVALID_PARAMS, f"Invalid params: {name}")
        words.append(int(word) if isinstance(word, str) and word.isascii() and word.isdigit() else word)
    root = next((one for one in roots if one.lower() == str(words[0]).lower()), None)
    if root is None:
        raise RpcError(INVALID_PARAMS, f"Invalid params: {name}")
    return root, tuple(words[1:])


def _tree(session: Session, root: str) -> Tree:
    if not session.user.roles & _READERS:
        raise RpcError(PERMISSION_DENIED, "Permission denied")
    device = session.device
    device.refresh_clock()
    return device.statuses if root == "Status" else device.configurations


def _no_match(path: Path) -> RpcError:
    data: Json = {"Error": "No match on address expression", "XPath": "/".join(map(str, path))}
    return RpcError(COMMAND_ERROR, "No match on address expression.", data)


def _get(session: Session, params: Mapping[str, Json]) -> Answer:
    root, path = _path(params, "Path", ("Status", "Configuration"))
    if any(word in ("*", "**") for word in path):
        raise RpcError(INVALID_PARAMS, "Invalid params: Path")
    found = _tree(session, root).select(path)
    value = descend(nested(found), path) if found else None
    if value is None:
        raise _no_match((root, *path))
    return Answer(result=value)


def _query(session: Session, params: Mapping[str, Json]) -> Answer:
    root, pattern = _path(params, "Query", ("Status", "Configuration"))
    found = _tree(session, root).select(pattern)
    return Answer(result={root: nested(found)} if found else {})


def _set(session: Session, params: Mapping[str, Json]) -> Answer:
    _, path = _path(params, "Path", ("Configuration",))
    value = params.get("Value")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RpcError(INVALID_PARAMS, "Invalid params: Value")
    if "Admin" not in session.user.roles:
        raise RpcError(PERMISSION_DENIED, "Permission denied")
    tree = session.device.configurations
    full = next((leaf for leaf, _ in tree.items() if len(leaf) == len(path) and matches(path, leaf)), None)
    if full is None:
        raise _no_match(("Configuration", *path))
    if not takes(full, value):
        raise bad_argument(str(full[-1]))
    return Answer(result=True, afterwards=lambda: _configure(session, {full: value}))


def _configure(session: Session, leaves: Mapping[Path, Value]) -> None:
    device = session.device
    changed = device.configurations.put(leaves)
    for listener in tuple(device.listeners) if changed else ():
        listener.notify("Configuration", next(iter(changed)), dict(changed))
    device.activity.refresh()
    device.agenda.refresh()


def _doc(session: Session, params: Mapping[str, Json]) -> Answer:
    root, path = _path(params, "Path", _ROOTS)
    if root == "Command":
        spec = COMMANDS.get(" ".join(map(str, path)))
        if spec is None or spec.path not in session.device.capabilities.commands:
            raise _no_match((root, *path))
        parameters: dict[str, Json] = {
            one.name: {"required": "True" if one.required else "False", "type": one.kind.capitalize()}
            for one in spec.params_at(session.device.release).values()
        }
        return Answer(result={"role": ";".join(sorted(spec.roles)), "Params": parameters})
    if root == "Event":
        return Answer(result={"access": "public-api"})
    found = _tree(session, root).select(path)
    if not found:
        raise _no_match((root, *path))
    kinds = {"Integer" if isinstance(value, int) else "String" for value in found.values()}
    return Answer(result={"access": "public-api", "valuespace": {"type": "/".join(sorted(kinds))}})


def _subscribe(session: Session, params: Mapping[str, Json]) -> Answer:
    root, pattern = _path(params, "Query", _FEEDBACK_ROOTS)
    current = params.get("NotifyCurrentValue", False)
    if not isinstance(current, bool):
        raise RpcError(INVALID_PARAMS, "Invalid params: NotifyCurrentValue")
    device = session.device
    limit = device.faults.find("subscription_limit")
    allowed = int(limit.number("limit")) if limit is not None else _DEFAULT_LIMIT
    if device.subscription_count >= allowed:
        raise RpcError(SUBSCRIBERS_EXCEEDED, "Subscriber count exceeded")
    subscription = session.subscribe(root, pattern)

    def begin() -> None:
        subscription.is_active = True
        if current and root != "Event":
            _notify_current(session, subscription)

    return Answer(result={"Id": subscription.id}, afterwards=begin)


def _notify_current(session: Session, subscription: Subscription) -> None:
    """Send the current values, each group of leaves in a notification of its own."""
    groups: dict[Path, dict[Path, Json]] = {}
    for path, value in _tree(session, subscription.root).select(subscription.pattern).items():
        groups.setdefault(path[:-1], {})[path] = value
    for group, leaves in groups.items():
        session.deliver(subscription, leaves, group)


def _unsubscribe(session: Session, params: Mapping[str, Json]) -> Answer:
    number = params.get("Id")
    if not isinstance(number, int) or isinstance(number, bool) or number not in session.subscriptions:
        raise RpcError(INVALID_PARAMS, "Invalid params: Id")
    del session.subscriptions[number]
    return Answer(result=True)


METHODS: Final[Mapping[str, Callable[[Session, Mapping[str, Json]], Answer]]] = {
    "xget": _get,
    "xset": _set,
    "xquery": _query,
    "xdoc": _doc,
    "xfeedback/subscribe": _subscribe,
    "xfeedback/unsubscribe": _unsubscribe,
}
