"""
One connection to one device: its requests, its subscriptions, and the faults of the line between.

The frames themselves come from and go to a `Line`; no socket is known here. An answer always leaves before the
notifications that its request caused on the same line, so that nobody hears of a subscription before its Id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from . import commands
from .methods import METHODS, command_path
from .rpc import (
    INTERNAL_ERROR,
    METHOD_NOT_FOUND,
    NOT_READY,
    Answer,
    Request,
    RequestId,
    RpcError,
    parse_request,
    render_error,
    render_notification,
    render_result,
)
from .tree import Path, matches, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .device import Device, User
    from .faults import Fault
    from .tree import Json

_REORDER_S = 2.0


class Line(Protocol):
    """The connection's frames."""

    def send(self, frame: bytes) -> None:
        """Send one text frame."""
        ...

    def abort(self) -> None:
        """Lose the connection without a close handshake."""
        ...

    def mute(self, *, muted: bool) -> None:
        """Stop reading, or read again."""
        ...


@attrs.define(eq=False)
class Subscription:
    """One feedback expression; it is heard of once the answer with its Id has left."""

    id: int
    root: str
    pattern: Path
    is_active: bool = False


class Session:
    """The device's side of one connection."""

    def __init__(self, device: Device, line: Line, user: User) -> None:
        self.device = device
        self.user = user
        self.subscriptions: dict[int, Subscription] = {}
        self.is_muted = False
        self._line = line
        self._next_subscription = 0
        self._is_cut = False
        self._held: list[bytes] | None = None
        self._put_back: list[bytes] = []
        device.listeners.append(self)
        if device.faults.find("mute") is not None:
            self.mute(muted=True)

    def end(self) -> None:
        """Forget the connection and its subscriptions."""
        self._is_cut = True
        if self in self.device.listeners:
            self.device.listeners.remove(self)

    # Requests.

    def receive(self, frame: str | bytes) -> None:
        """Answer one frame."""
        if self.is_muted or self._is_cut:
            return
        try:
            request = parse_request(frame)
        except RpcError as error:
            self._line.send(render_error(error, error.request_id))
            return
        self._held = None if self.device.events_first else []
        try:
            self._answer(request)
        finally:
            held, self._held = self._held or [], None
            for notification in held:
                self._put(notification)

    def _answer(self, request: Request) -> None:
        faults, subject = self.device.faults, command_path(request.method) or request.method
        if faults.strike("cut_before", subject) is not None:
            self.cut()
            return
        refused = faults.strike("command_error", subject)
        cut_after = faults.strike("cut_after", subject)
        if cut_after is not None:
            self._is_cut = True  # nothing may leave any more, neither the answer nor the events of the command
        frame, afterwards = self._outcome(request, refused)
        if cut_after is not None:
            self.cut()
        elif request.wants_answer:
            self._reply(frame, afterwards, subject, request.id)
        restart = faults.strike("reboot", subject)
        if restart is not None:
            self.device.reboot(restart.number("seconds"))

    def _outcome(self, request: Request, refused: Fault | None) -> tuple[bytes, Callable[[], None] | None]:
        """Return the answer, and what is to be done once it has left."""
        try:
            answer = self._run(request, refused)
        except RpcError as error:
            return render_error(error, request.id), None
        except Exception as exc:  # noqa: BLE001  # the guard of every device: no request may break one
            self.device.schedule.report(exc)
            return render_error(RpcError(INTERNAL_ERROR, "Internal error"), request.id), None
        return render_result(request.id, answer.result), answer.afterwards

    def _run(self, request: Request, refused: Fault | None) -> Answer:
        path = command_path(request.method)
        if path is not None:
            path = commands.canonical(path)
            self.device.note_command(path, dict(request.params))
        if refused is not None:
            raise RpcError(int(refused.number("code")), refused.text("message"))
        if self.device.state != "up":
            raise RpcError(NOT_READY, "Not ready")
        if path is not None:
            return Answer(result=commands.run(self.device, path, request.params, self.user))
        method = METHODS.get(request.method.lower())
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return method(self, request.params)

    def _reply(self, frame: bytes, afterwards: Callable[[], None] | None, subject: str, request_id: RequestId) -> None:
        faults = self.device.faults
        if faults.strike("stray_reply", subject) is not None:
            stray = 987654321 if isinstance(request_id, int) else "nobody-asked"
            self._line.send(render_result(stray, {"status": "OK"}))
        if faults.strike("no_reply", subject) is not None:
            return
        late = faults.strike("late_reply", subject)
        if late is not None:
            self.device.schedule.after(late.number("seconds"), lambda: self._send_reply(frame, afterwards))
        else:
            self._send_reply(frame, afterwards)

    def _send_reply(self, frame: bytes, afterwards: Callable[[], None] | None) -> None:
        if self._is_cut or self.is_muted:
            return
        self._line.send(frame)
        if afterwards is not None:
            afterwards()

    # Subscriptions.

    def subscribe(self, root: str, pattern: Path) -> Subscription:
        """Add a feedback expression; it must be activated once its Id is known to the client."""
        subscription = Subscription(id=self._next_subscription, root=root, pattern=pattern)
        self.subscriptions[subscription.id] = subscription
        self._next_subscription += 1
        return subscription

    @property
    def subscription_count(self) -> int:
        """How many feedback expressions the connection holds."""
        return len(self.subscriptions)

    def notify(self, root: str, path: Path, leaves: Mapping[Path, Json]) -> None:
        """Send what the subscriptions want of a changed status or an event."""
        for subscription in tuple(self.subscriptions.values()):
            if subscription.root == root and subscription.is_active:
                wanted = {leaf: value for leaf, value in leaves.items() if matches(subscription.pattern, leaf)}
                if wanted:
                    self.deliver(subscription, wanted, path)

    def deliver(self, subscription: Subscription, leaves: Mapping[Path, Json], path: Path) -> None:
        """Send one notification, as far as the faults of the line let it."""
        frame = render_notification(subscription.id, subscription.root, nested(leaves))
        faults, subject = self.device.faults, " ".join(map(str, path))
        if faults.strike("lost", subject) is not None:
            return
        late = faults.strike("late", subject)
        if late is not None:
            self.device.schedule.after(late.number("seconds"), lambda: self._put(frame))
            return
        if faults.strike("reorder", subject) is not None:
            self._put_back.append(frame)
            self.device.schedule.after(_REORDER_S, self._bring_forth)
            return
        self._put(frame)
        if faults.strike("duplicate", subject) is not None:
            self._put(frame)
        self._bring_forth()

    def _bring_forth(self) -> None:
        frames, self._put_back = self._put_back, []
        for frame in frames:
            self._put(frame)

    def _put(self, frame: bytes) -> None:
        if self._is_cut or self.is_muted:
            return
        if self._held is not None:
            self._held.append(frame)
        else:
            self._line.send(frame)

    # The line itself.

    def inject(self, frame: bytes) -> None:
        """Send a frame that no device should send."""
        if not self._is_cut:
            self._line.send(frame)

    def cut(self) -> None:
        """Lose the connection."""
        self._line.abort()
        self.end()

    def mute(self, *, muted: bool) -> None:
        """Neither read nor write, or do so again."""
        self.is_muted = muted
        self._line.mute(muted=muted)
