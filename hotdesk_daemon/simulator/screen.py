"""
The messages on a device's screen.

One alert, one prompt and one line of text at a time, the newer in place of the older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import attrs

from .schedule import Appointment
from .tree import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .schedule import Schedule
    from .tree import Path

_PLACE: Final = ("UserInterface", "Message")


class ScreenDevice(Protocol):
    """The device, as its screen sees it."""

    schedule: Schedule

    def tell(self, path: Path, fields: Mapping[str, Json]) -> None:
        """Announce an event."""
        ...


@attrs.define(eq=False)
class Message:
    """Something shown: its kind is Alert, Prompt or TextLine."""

    kind: str
    params: dict[str, Json]
    ends: Appointment | None = None

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.params.get("Text", ""))

    @property
    def feedback_id(self) -> str:
        """The name its answers carry."""
        return str(self.params.get("FeedbackId", ""))


class Screen:
    """What is shown at one device."""

    def __init__(self, device: ScreenDevice) -> None:
        self._device = device
        self.shown: dict[str, Message] = {}

    def forget(self) -> None:
        """Show nothing any more: the device restarts."""
        for message in self.shown.values():
            if message.ends is not None:
                message.ends.cancel()
        self.shown.clear()

    def display(self, kind: str, params: Mapping[str, Json]) -> None:
        """Show a message in place of the one of its kind."""
        self.clear(kind)
        message = Message(kind=kind, params=dict(params))
        self.shown[kind] = message
        duration = params.get("Duration")
        if isinstance(duration, int) and duration > 0:
            message.ends = self._device.schedule.after(duration, lambda: self._run_out(message))

    def clear(self, kind: str, feedback_id: str = "") -> None:
        """Take a message away; with a *feedback_id* only that one."""
        message = self.shown.get(kind)
        if message is None or (feedback_id and feedback_id != message.feedback_id):
            return
        del self.shown[kind]
        if message.ends is not None:
            message.ends.cancel()
        if kind == "Alert":
            self._device.tell((*_PLACE, "Alert", "Cleared"), {})
        elif kind == "Prompt":
            self._device.tell((*_PLACE, "Prompt", "Cleared"), {"FeedbackId": message.feedback_id})

    def answer(self, option: int) -> bool:
        """Press an option of the prompt; whether there was a prompt with it."""
        prompt = self.shown.get("Prompt")
        if prompt is None or f"Option.{option}" not in prompt.params:
            return False
        del self.shown["Prompt"]
        if prompt.ends is not None:
            prompt.ends.cancel()
        fields: dict[str, Json] = {"FeedbackId": prompt.feedback_id, "OptionId": option}
        self._device.tell((*_PLACE, "Prompt", "Response"), fields)
        return True

    def _run_out(self, message: Message) -> None:
        if self.shown.get(message.kind) is message:
            self.clear(message.kind)
