"""What dispatching needs from outside; the application implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hotdesk_daemon.core.commands import Command
    from hotdesk_daemon.core.desk import OpenCommand
    from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
    from hotdesk_daemon.core.inputs import Outcome


class Ledger(Protocol):
    """The durable record; both return after the commit."""

    async def sending(self, desk: DeskId, command_id: CommandId, *, device: DeviceId, attempt: int) -> bool:
        """
        Record that the next instruction sends the command.

        False means that it is no longer to be sent; then nothing was recorded.
        """
        ...

    async def answered(
        self, desk: DeskId, command_id: CommandId, *, outcome: Outcome, code: int | None, message: str
    ) -> None:
        """Record what became of it; ``NOT_DONE`` is about one attempt, and the command remains to be sent."""


class Line(Protocol):
    """The way to a desk's devices."""

    def route(self, desk: DeskId, command: OpenCommand) -> DeviceId | None:
        """Name the live device that should get the command; None when none is live or it must not leave now."""
        ...

    async def wait_live(self, desk: DeskId, command: OpenCommand) -> None:
        """Return when some device of the desk is live and the command may leave; the caller bounds the wait."""

    async def call(self, device: DeviceId, command: Command) -> None:
        """
        Send the command and wait for the answer.

        Raises:
            TransientError: nothing was done.
            LostAnswerError: whether it was done is unknown.
            PermanentError: the device refused it, or it cannot be said to this device.
        """
