"""
Every command a simulated device takes: who may use it, which parameters it wants, and what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.valuespaces import COMMANDS, violations

from .booking_commands import BOOKING_COMMANDS
from .entries import Effect
from .rpc import METHOD_NOT_FOUND, PERMISSION_DENIED, RpcError, bad_argument, command_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .booking_commands import Params
    from .device import Device, User

_ANYONE: Final = frozenset({"Admin", "Integrator", "RoomControl", "User"})

# Commands that clients use and this project's vocabulary does not hold; their parameters are taken as they come.
_OTHER_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "HttpFeedback Deregister": frozenset({"Admin"}),
    "Peripherals Connect": _ANYONE,
    "Peripherals HeartBeat": _ANYONE,
    "Standby Activate": frozenset({"Admin", "Integrator", "User"}),
    "Standby Deactivate": frozenset({"Admin", "Integrator", "User"}),
    "Standby Halfwake": frozenset({"Admin", "Integrator"}),
    "SystemUnit Boot": frozenset({"Admin", "Integrator", "User"}),
}


def run(device: Device, path: str, params: Params, user: User) -> Params:
    """
    Carry out a command and return its reply.

    Raises:
        RpcError: the device has no such command, the user may not use it, or it failed.

    """
    roles = _roles_of(device, path)
    if roles is None:
        raise RpcError(METHOD_NOT_FOUND, "Unknown command")
    if not roles & user.roles:
        raise RpcError(PERMISSION_DENIED, "Permission denied")
    if path in COMMANDS:
        _check(device, path, params)
    reply = device.playback.answer(device, path) if device.playback is not None else _HANDLERS[path](device, params)
    return reply if "status" in reply else {"status": "OK", **reply}


def canonical(path: str) -> str:
    """Return the spelling of a command that devices know, whatever case it came in; itself when they do not."""
    return _SPELLINGS.get(path.lower(), path)


def _roles_of(device: Device, path: str) -> frozenset[str] | None:
    if path in COMMANDS:
        return COMMANDS[path].roles if path in device.capabilities.commands else None
    return _OTHER_ROLES.get(path)


def _check(device: Device, path: str, params: Params) -> None:
    for name, value in params.items():
        if name != "body" and isinstance(value, str) and ("\n" in value or "\r" in value):
            raise bad_argument(name)
    found = violations(path, params, release=device.release)
    if not found:
        return
    first = found[0]
    if first.parameter and first.parameter in params:
        raise bad_argument(first.parameter)
    raise command_failed("Invalid or missing parameters")


def _logout(device: Device, _params: Params) -> Params:
    if device.signin.person is None and device.logout_needs_session:
        raise command_failed("Command returned an error.")
    device.signin.sign_out(by="integration")
    return {}


def _boot(device: Device, _params: Params) -> Params:
    device.schedule.after(0, device.reboot)
    return {}


def _display(kind: str) -> Callable[[Device, Params], Params]:
    def display(device: Device, params: Params) -> Params:
        detail = f"{kind}: {params.get('Text', '')}"
        device.note(Effect(kind="displayed", by="integration", at=device.schedule.now(), detail=detail))
        device.screen.display(kind, params)
        return {}

    return display


def _undisplay(kind: str) -> Callable[[Device, Params], Params]:
    def undisplay(device: Device, params: Params) -> Params:
        device.note(Effect(kind="undisplayed", by="integration", at=device.schedule.now(), detail=kind))
        device.screen.clear(kind, str(params.get("FeedbackId", "")))
        return {}

    return undisplay


def _answer_prompt(device: Device, params: Params) -> Params:
    option = params.get("OptionId")
    if not isinstance(option, int) or not device.screen.answer(option):
        raise command_failed("Command returned an error.")
    return {}


def _standby(state: str) -> Callable[[Device, Params], Params]:
    def standby(device: Device, _params: Params) -> Params:
        device.activity.standby(state)
        return {}

    return standby


def _nothing(_device: Device, _params: Params) -> Params:
    return {}


def _deregister(_device: Device, params: Params) -> Params:
    """No simulated device posts feedback, so its slots are empty; but one must be named."""
    slot = params.get("FeedbackSlot")
    if slot is None:
        raise command_failed("Invalid or missing parameters")
    if not isinstance(slot, int) or isinstance(slot, bool) or not 1 <= slot <= _FEEDBACK_SLOTS:
        raise bad_argument("FeedbackSlot")
    return {}


_FEEDBACK_SLOTS: Final = 4
_MESSAGE: Final = "UserInterface Message"
_HANDLERS: Final[Mapping[str, Callable[[Device, Params], Params]]] = {
    **BOOKING_COMMANDS,
    "Webex Registration Logout": _logout,
    **{f"{_MESSAGE} {kind} Display": _display(kind) for kind in ("Alert", "Prompt", "TextLine")},
    **{f"{_MESSAGE} {kind} Clear": _undisplay(kind) for kind in ("Alert", "Prompt", "TextLine")},
    f"{_MESSAGE} Prompt Response": _answer_prompt,
    "HttpFeedback Deregister": _deregister,
    "Peripherals Connect": _nothing,
    "Peripherals HeartBeat": _nothing,
    "Standby Activate": _standby("Standby"),
    "Standby Deactivate": _standby("Off"),
    "Standby Halfwake": _standby("Halfwake"),
    "SystemUnit Boot": _boot,
}
_SPELLINGS: Final[Mapping[str, str]] = {path.lower(): path for path in _HANDLERS}
