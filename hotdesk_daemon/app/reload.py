"""
Taking new settings over while the daemon serves: asked for by SIGHUP, or over HTTP.

One reload at a time. Whoever asks while one is under way gets the next, which begins after they asked; however many
ask, it is one. Settings that cannot be used, for whatever reason, change nothing: the old ones stay in force.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.api import Came, ReloadView
from hotdesk_daemon.app.takeover import Prepared, TakeOver
from hotdesk_daemon.core.errors import ConfigError, HotdeskError, TransientError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.notify import Notifier
from hotdesk_daemon.ops.settings import DeskSettings, OrganisationSettings, Settings
from hotdesk_daemon.ops.settings.changes import Differences, differences, keeping_what_waits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.ops.settings.changes import Listed

#: How long reading files may take: they may be on a disk that does not answer.
READ_S: Final = 30.0
#: A reload that would let go so many desks, and such a share of all, is refused until a person says that it is meant:
#: a file that was cut off between two desks while it was written is good TOML.
MANY_DESKS: Final = 3
MANY_SHARE: Final = 0.1
#: Names in one field of a log line, and problems told by a line of their own.
_NAMES: Final = 20
_LINES: Final = 20


@attrs.frozen(kw_only=True)
class Outcome:
    """
    What became of one reload: ``problems``, or what changed; neither when the daemon stopped meanwhile.

    ``waiting`` names settings that only a restart can change; their old values stay. ``staying`` are desks that could
    not be let go yet: the next reload tries again.
    """

    problems: tuple[str, ...] = ()
    changes: Differences | None = None
    waiting: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    staying: tuple[DeskId, ...] = ()
    prepared: Prepared | None = attrs.field(default=None, eq=False, repr=False)


@attrs.define(eq=False, kw_only=True)
class Reload:
    """
    The reloads of one run.

    Args:
        load: reads and checks the whole configuration; blocks.
        take_over: the site.
        beside: desks and organisations that are in no file: the simulated ones.
        on_change: told of the new settings when they are in force, and of the HTTP door's token.
        now_s: the machine's time, seconds since the epoch.
    """

    load: Callable[[], Settings]
    take_over: TakeOver
    notifier: Notifier
    metrics: Metrics
    beside: tuple[tuple[DeskSettings, ...], tuple[OrganisationSettings, ...]] = ((), ())
    on_change: Callable[[Settings, str], None] = lambda _settings, _token: None
    now_s: Callable[[], float] = time.time
    #: Why the last one failed; None when it did not.
    trouble: str | None = None
    _wish: asyncio.Event = attrs.field(factory=asyncio.Event)
    _may_remove: bool = False  # the reading that begins next
    _next: asyncio.Future[Outcome] | None = None  # of the reading that begins next
    _under_way: asyncio.Future[Outcome] | None = None
    _is_over: bool = False

    def __attrs_post_init__(self) -> None:
        """The configuration that the daemon began with counts as a reload that went well."""
        self._measure(is_good=True)

    def ask(self, *, remove_desks: bool = False) -> asyncio.Future[Outcome]:
        """
        Have the configuration read again; the future is the outcome of a reading that begins after this.

        With *remove_desks* it is meant that many desks go.

        Raises:
            TransientError: the daemon stops.
        """
        if self._is_over:
            get_log().warning("config.reload_refused")
            raise TransientError("the daemon stops: nothing is reloaded any more")
        if self._next is None:
            self._next, self._may_remove = asyncio.get_running_loop().create_future(), False
        self._may_remove |= remove_desks
        self._wish.set()
        return self._next

    async def now(self, *, remove_desks: bool) -> ReloadView:
        """
        As `ask`, and wait for the outcome; who gives up waiting does not end the reload.

        Raises:
            ConfigError: the configuration cannot be used; nothing changed.
            TransientError: the daemon stops.
        """
        outcome = await asyncio.shield(self.ask(remove_desks=remove_desks))
        if outcome.problems:
            raise ConfigError(*outcome.problems)
        if outcome.changes is None:
            raise TransientError("the daemon stops: its next start reads the configuration")
        return ReloadView(
            settings=_applied(outcome),
            waiting=outcome.waiting,
            warnings=outcome.warnings,
            desks=_came(outcome.changes.desks),
            organisations=_came(outcome.changes.organisations),
            staying=outcome.staying,
        )

    def end(self) -> None:
        """The daemon stops: whoever waits is told so."""
        self._is_over = True
        for waiting in (self._under_way, self._next):
            if waiting is not None and not waiting.done():
                get_log().warning("config.reload_refused")
                waiting.set_result(Outcome())

    async def run(self) -> Never:
        """Reload whenever asked, until cancelled."""
        while True:
            await self._wish.wait()  # for ever: nobody may ask
            self._wish.clear()
            self._under_way, self._next = self._next, None
            outcome = await self._reload_once(may_remove=self._may_remove)
            if self._under_way is not None and not self._under_way.done():
                self._under_way.set_result(outcome)
            self._under_way = None

    async def _reload_once(self, *, may_remove: bool) -> Outcome:
        began_mono = time.monotonic()
        self.notifier.reloading()
        try:
            outcome = await self._reload(may_remove=may_remove)
        except Exception as error:  # noqa: BLE001 - whatever it is, the daemon goes on by what it has
            outcome = _failed(error)
        self._tell(outcome, took_s=round(time.monotonic() - began_mono, 3))
        if outcome.prepared is not None:  # only now, so that what was done is told in the ways that people know
            try:
                self.on_change(outcome.prepared.settings, outcome.prepared.token)
            except Exception as error:  # noqa: BLE001 - likewise
                outcome = _failed(error)
                self._tell(outcome, took_s=round(time.monotonic() - began_mono, 3))
        self._measure(is_good=not outcome.problems)
        self.trouble = f"{len(outcome.problems)} problems" if outcome.problems else None
        self.notifier.ready(status="the configuration could not be reloaded; see the log" if outcome.problems else "")
        return outcome

    async def _reload(self, *, may_remove: bool) -> Outcome:
        async with asyncio.timeout(READ_S):
            loaded = await asyncio.to_thread(self.load)
        desks, organisations = self.beside
        loaded = attrs.evolve(
            loaded, desks=(*loaded.desks, *desks), organisations=(*loaded.organisations, *organisations)
        )
        if not may_remove:
            self._refuse_to_lose_many(loaded)
        old = self.take_over.settings
        async with asyncio.timeout(READ_S):
            prepared = await self.take_over.prepare(keeping_what_waits(old, loaded))
        staying = await self.take_over.apply(prepared)
        changes = differences(old, loaded)
        return Outcome(
            changes=changes, waiting=changes.waiting, warnings=loaded.warnings, staying=staying, prepared=prepared
        )

    def _refuse_to_lose_many(self, wanted: Settings) -> None:
        """
        Insist that few desks go.

        Raises:
            ConfigError: many would.
        """
        going, served = self.take_over.going(wanted), len(self.take_over.fleet.workers)
        if len(going) >= MANY_DESKS and len(going) > MANY_SHARE * served:
            raise ConfigError(
                f"{len(going)} of {served} desks would be let go ({', '.join(_named(going))}); is the file whole? "
                "if it is meant: hotdesk-daemon reload --remove-desks"
            )

    # --- telling -----------------------------------------------------------------------------------------------------

    def _tell(self, outcome: Outcome, *, took_s: float) -> None:
        log = get_log()
        if outcome.problems:
            log.error("config.reload_failed", problems=len(outcome.problems), took_s=took_s)
            left_out = len(outcome.problems) - _LINES
            more = (f"and {left_out} more: hotdesk-daemon check-config shows them all",) if left_out > 0 else ()
            for problem in (*outcome.problems[:_LINES], *more):
                log.error("config.invalid", problem=problem)
            return
        for warning in outcome.warnings:
            log.warning("config.warning", problem=warning)
        if outcome.waiting:
            log.warning("config.restart_needed", settings=_named(outcome.waiting))
        if outcome.changes is None:
            raise AssertionError("a reload that went well changed something or nothing")
        log.info(
            "config.reloaded",
            took_s=took_s,
            settings=_named(_applied(outcome)),
            **_lists("desks", outcome.changes.desks),
            **_lists("organisations", outcome.changes.organisations),
        )

    def _measure(self, *, is_good: bool) -> None:
        self.metrics.reload_successful.set(float(is_good))
        if is_good:
            self.metrics.reload_success_time.set(self.now_s())


def _failed(error: Exception) -> Outcome:
    """What becomes of a reload that *error* ended."""
    if isinstance(error, ConfigError):
        return Outcome(problems=error.problems)
    if isinstance(error, HotdeskError | OSError | TimeoutError):
        return Outcome(problems=(str(error) or "the configuration could not be read in time",))
    get_log().error("task.failed", task="reload", exc_info=error)
    return Outcome(problems=("a mistake in the program; see the log",))


def _applied(outcome: Outcome) -> tuple[str, ...]:
    changes = outcome.changes.settings if outcome.changes is not None else ()
    return tuple(change.name for change in changes if change.name not in outcome.waiting)


def _came(listed: Listed) -> Came:
    changed = tuple(name for name, _ in listed.changed)
    return Came(added=listed.added, removed=listed.removed, changed=changed)


def _lists(what: str, listed: Listed) -> dict[str, object]:
    """Counts and names of what was added, removed and changed; what there is none of is left out."""
    fields: dict[str, object] = {}
    for how, names in (
        ("added", listed.added),
        ("removed", listed.removed),
        ("changed", tuple(name for name, _ in listed.changed)),
    ):
        if names:
            fields[f"{what}_{how}"] = len(names)
            fields[f"{what}_{how}_names"] = _named(names)
    return fields


def _named(names: Iterable[str]) -> list[str]:
    """The names, but not thousands of them."""
    shown = [*names]
    return shown if len(shown) <= _NAMES else [*shown[:_NAMES], f"and {len(shown) - _NAMES} more"]
