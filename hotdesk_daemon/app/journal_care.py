"""
What keeps a running daemon's journal in order: another one where it turns out to be broken, and retention.

Neither stops anything. While the journal is renewed, turns wait as they do for a full disk; pruning happens a slice at
a time, between two commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.journal_opening import tell_of
from hotdesk_daemon.app.recovery import Past
from hotdesk_daemon.journal import JournalUnavailableError, SqlJournal
from hotdesk_daemon.journal.pruning import Pruned, prune
from hotdesk_daemon.journal.retention import Retention, advance
from hotdesk_daemon.ops.clocks import Clock
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.tasks import Tasks
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.journal.store import Store
    from hotdesk_daemon.ops.settings import JournalSettings

#: How often retention is looked at, in the site's time, and how seldom at least the machine is left alone.
LOOK_S: Final = 3600.0
_LEAST_S: Final = 10.0
#: A start has other things to do.
_FIRST_LOOK_S: Final = 60.0
#: Between two slices of pruning: the writer thread has at least as much time for others.
_PAUSE_S: Final = 0.02
#: Between two looks at the size.
_MEASURE_S: Final = 300.0
_RETRY_S: Final = 5.0
#: How long workers may take to notice what the journal has acknowledged: a turn of the event loop.
_NOTICE_S: Final = 5.0
_NOTICE_LOOK_S: Final = 0.005


def retention_of(wanted: JournalSettings) -> Retention:
    """How long things are kept, of the settings."""
    return Retention(
        records=timedelta(seconds=wanted.keep_s),
        raw=timedelta(seconds=wanted.keep_raw_s),
        commands=timedelta(seconds=wanted.keep_commands_s),
        size_bytes=wanted.max_size_bytes,
    )


@attrs.define(eq=False, kw_only=True)
class JournalCare:
    """``sleep`` is the machine's time; `mend` runs from before the first commits on, the others while it serves."""

    journal: SqlJournal
    fleet: Fleet
    past: Past
    retention: Retention
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    metrics: Metrics
    _looked_mono: float = attrs.field(init=False)
    _told: set[str] = attrs.field(factory=set)
    _is_doubting: bool = False
    _has_looked: bool = False

    def __attrs_post_init__(self) -> None:
        self._looked_mono = self.clock.mono()

    def start(self, tasks: Tasks) -> list[asyncio.Task[Never]]:
        """Begin; whoever called cancels what is returned."""
        return [
            tasks.add(self.mend(), name="journal: damage"),
            tasks.add(self.retain(), name="journal: retention"),
            tasks.add(self.measure(), name="journal: size"),
        ]

    async def begun(self) -> None:
        """Every desk's first turn is durable: what a copy did not know is in the journal now."""
        if (await self.journal.opening()).is_copy:
            await self.journal.do(lambda held: held.trust())

    # --- damage ------------------------------------------------------------------------------------------------------

    async def mend(self) -> Never:
        """Put a journal aside that turns out to be broken, and go on in a new one, until cancelled."""
        while True:
            await self.journal.damaged.wait()  # for ever: most never are
            try:
                await self._renew()
            except JournalUnavailableError as exc:
                say = get_log().debug if self._is_told("renewal") else get_log().error
                say("journal.renewal_failed", error=str(exc))
                await self.sleep(_RETRY_S)

    async def _renew(self) -> None:
        """The states that are in memory are what the journal has acknowledged: nothing is lost but its history."""
        # A reader may have found it, while writing still goes well: from here on nothing more is acknowledged.
        await self.journal.condemn(self.journal.fault)
        states = [*await self._states(), *self.past.states()]
        opening = await self.journal.opening()
        aside = await self.journal.begin_anew(states, first_seq=opening.first_seq)
        self._told.discard("renewal")
        self.metrics.journal_quarantined.inc()
        tell_of(aside, desks=len(states), kept=sum(len(desk.commands) for desk in states), lost=0)

    async def _states(self) -> list[Desk]:
        """The state of every served desk, once its worker has noticed all that is durable."""
        durable = await self.journal.last_seqs()
        end_mono = asyncio.get_running_loop().time() + _NOTICE_S
        workers = self.fleet.workers
        while any(worker.desk.seq != durable.get(desk_id, worker.desk.seq) for desk_id, worker in workers.items()):
            if asyncio.get_running_loop().time() > end_mono:
                raise JournalUnavailableError("the desks are not where the journal is")
            await asyncio.sleep(_NOTICE_LOOK_S)
        return [worker.desk for worker in workers.values()]

    # --- retention ---------------------------------------------------------------------------------------------------

    async def retain(self) -> Never:
        """Take out what is older than it has to be, every hour, until cancelled."""
        await self.sleep(max(_LEAST_S, self.clock.real_s(_FIRST_LOOK_S)))
        while True:
            try:
                await self.look()
            except JournalUnavailableError as exc:
                say = get_log().debug if self._is_told("pruning") else get_log().warning
                say("journal.prune_failed", error=str(exc))
            else:
                self._told.discard("pruning")
            await self.sleep(max(_LEAST_S, self.clock.real_s(LOOK_S)))

    async def look(self) -> Pruned:
        """
        Take out what is too old by now.

        Raises:
            JournalUnavailableError: it cannot be done now.
        """
        mono = self.clock.mono()
        ran_s, self._looked_mono = max(0.0, mono - self._looked_mono), mono
        now = self.clock.now()
        trusted = await self.journal.do(lambda held: advance(held, ran_s, now=now))
        self._tell_of_the_clock(ahead_s=(now - trusted.at).total_seconds(), is_doubtful=trusted.is_doubtful)
        for worker in list(self.fleet.workers.values()):
            await worker.snapshot()  # a desk that is quiet has its history cut there too
        horizons = self.retention.horizons(trusted.at, served=frozenset(self.fleet.workers))
        pruned = await self._prune(lambda held: prune(held, horizons))
        self._tell_of_pruning(pruned)
        return pruned

    async def _prune(self, begin: Callable[[Store], Iterator[Pruned]]) -> Pruned:
        slices = await self.journal.do(begin)
        pruned = Pruned()
        while (step := await self.journal.do(lambda _: next(slices, None))) is not None:
            pruned = step
            await self.sleep(_PAUSE_S)
        return pruned

    def _tell_of_the_clock(self, *, ahead_s: float, is_doubtful: bool) -> None:
        # After a start it is most often that nobody ran for long, which is worth no warning.
        if is_doubtful and not self._is_doubting and self._has_looked:
            get_log().warning("journal.clock_doubted", ahead_s=round(ahead_s))
        self._is_doubting, self._has_looked = is_doubtful, True

    def _tell_of_pruning(self, pruned: Pruned) -> None:
        for name in ("records", "raw", "commands"):
            self.metrics.journal_pruned.labels(name).inc(getattr(pruned, name))
        for desk_id, seq in pruned.forgotten.items():
            self.past.forget(desk_id, seq=seq)
        if pruned.records or pruned.raw or pruned.commands or pruned.forgotten:
            get_log().info(
                "journal.pruned",
                records=pruned.records,
                raw=pruned.raw,
                commands=pruned.commands,
                forgotten=len(pruned.forgotten),
                freed_bytes=pruned.freed_bytes,
            )
        if pruned.shortened_to is not None:
            get_log().warning("journal.shortened", since=pruned.shortened_to.isoformat())
        if pruned.is_too_large:
            say = get_log().debug if self._is_told("size") else get_log().warning
            say("journal.too_large", limit_bytes=self.retention.size_bytes)
        else:
            self._told.discard("size")

    def _is_told(self, trouble: str) -> bool:
        """Whether *trouble*, which is there, has been told since it began."""
        is_told = trouble in self._told
        self._told.add(trouble)
        return is_told

    # --- size --------------------------------------------------------------------------------------------------------

    async def measure(self) -> Never:
        """Keep the gauge of the journal's size true, until cancelled."""
        while True:
            with suppress(OSError):  # the disk is away, or a broken journal is being put aside: told by who writes
                self.metrics.journal_size.set(await self.journal.size_bytes())
            await self.sleep(_MEASURE_S)
