"""
What the HTTP door needs from the daemon: a small Protocol, and the facts that cross it.

The door knows nothing of workers, journals or sockets. It shows desks as they are, hands in what people wish, and
passes on what happens. `app` fulfils `Site`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import attrs

from hotdesk_daemon.core.desk import CommandState, Desk, OpenCommand
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.core.steps import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from hotdesk_daemon.api.wire import Explanation
    from hotdesk_daemon.ops.health import Readiness


@attrs.frozen(kw_only=True)
class Asked:
    """
    What became of a person's wish, once it is durable.

    ``refusal`` says why it was refused; ``booking_id`` is the booking that it made or meant; ``seq`` is the desk's
    sequence number of the recorded wish.
    """

    refusal: str | None
    booking_id: BookingId | None
    seq: int


@attrs.frozen(kw_only=True)
class CommandView:
    """A command in its newest form, open or settled."""

    desk_id: DeskId
    command: OpenCommand
    updated_at: datetime


@attrs.frozen(kw_only=True)
class StreamItem:
    """One step of one desk. ``desk`` is its state after the step, ``None`` where only the record is at hand."""

    desk_id: DeskId
    seq: int
    at: datetime
    source: str
    kind: str
    input: Input
    reasons: tuple[Reason, ...] = ()
    refusal: str | None = None
    desk: Desk | None = None


@attrs.frozen(kw_only=True)
class Lost:
    """A watcher was too slow: so many items were dropped for it just before the next one."""

    count: int


@attrs.frozen(kw_only=True)
class SafetyView:
    """
    What keeps commands from leaving: why a person stopped all sending, and why the breaker is open, if so.

    ``hit`` is how many desks the rules' commands have hit within the last ``window_s`` seconds, ``most`` how many they
    may, ``None`` any number.
    """

    halted: str | None
    breaker_open: str | None
    hit: int
    most: int | None
    window_s: float


class Switches(Protocol):
    """What stops and releases commands; each raises `TransientError` when it is done but cannot be written down."""

    def view(self) -> SafetyView:
        """How they stand."""

    async def halt(self, why: str) -> None:
        """Stop all sending."""

    async def resume(self) -> None:
        """Send again."""

    async def close_breaker(self) -> None:
        """Let the rules go on."""


@attrs.frozen(kw_only=True)
class Came:
    """Names of what a reload added, removed and changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ReloadView:
    """
    What a reload did: the names of the settings that are others now, and what became of desks and organisations.

    ``waiting`` are settings that only a restart can change, ``staying`` desks that could not be let go yet.
    """

    settings: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    desks: Came = Came()
    organisations: Came = Came()
    staying: tuple[str, ...] = ()


class Site(Protocol):
    """The daemon as the HTTP door sees it."""

    @property
    def switches(self) -> Switches:
        """What stops and releases commands."""

    def now(self) -> datetime:
        """The site's own time, aware and in UTC; a simulated site has its own clock."""

    def desks(self) -> Sequence[Desk]:
        """Every desk in its present state."""

    def desk(self, desk_id: DeskId) -> Desk | None:
        """One desk, or ``None`` if there is no such desk."""

    async def ask(self, desk_id: DeskId, wish: Input) -> Asked:
        """
        Record *wish* and say what became of it, after the journal's commit.

        Raises:
            TransientError: The desk cannot take it now (its mailbox is full, the journal is unavailable).
        """

    async def commands(
        self,
        *,
        desk_id: DeskId | None = None,
        states: frozenset[CommandState] | None = None,
        limit: int,
        before: CommandId | None = None,
    ) -> Sequence[CommandView]:
        """Commands, settled ones included, newest decision first; ``before`` goes on after that command."""

    async def command(self, command_id: CommandId) -> CommandView | None:
        """One command, open or settled."""

    async def history(self, desk_id: DeskId, *, since_seq: int, limit: int) -> Sequence[StreamItem]:
        """The desk's steps after ``since_seq``, oldest first."""

    async def explain(
        self, desk_id: DeskId, *, at: datetime | None, since: datetime | None, booking: str | None, over_too: bool
    ) -> Explanation:
        """
        Why a desk is as it is, or was at a moment, from what is recorded of it.

        Raises:
            AmbiguousError: several bookings are named so.
            PermanentError: nothing is recorded of such a desk or booking.
            TransientError: another one is being made, it takes too long, or the journal cannot be read.
        """

    def watch(
        self, *, desks: frozenset[DeskId] | None, kinds: frozenset[str] | None
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamItem | Lost]]:
        """Steps as they happen, while the context is open; bounded per watcher. `Watchers` does it."""

    async def reload(self, *, remove_desks: bool) -> ReloadView:
        """
        Read the configuration again and live by it; with *remove_desks* also if many desks go by that.

        Raises:
            ConfigError: it cannot be used, or many desks would go; nothing changed.
            TransientError: the daemon stops.
        """

    def quote(self, text: str) -> str:
        """*text* without the words in it, said by devices or the cloud, that may name somebody."""

    def readiness(self) -> Readiness:
        """Whether the daemon does its work, and if not, why."""

    async def metrics(self) -> bytes:
        """The metrics in Prometheus' text format."""
