"""
The daemon as a process: signals, limits of the machine, the event loop, and the exit status.
"""

from __future__ import annotations

import asyncio
import platform
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from hotdesk_daemon import __version__
from hotdesk_daemon.api.connections import MOST as MOST_CALLERS
from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.errors import ConfigError, HotdeskError, TransientError
from hotdesk_daemon.ops.clocks import Clock, ScaledClock, SystemClock
from hotdesk_daemon.ops.logs import close_logs, configure_logs, get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdesk_daemon.app.daemon import OnReady
    from hotdesk_daemon.ops.settings import Settings

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_TEMPORARY: Final = 75
EXIT_CONFIG: Final = 78
#: Files open beside one socket per device: the journal, HTTP callers, the event loop's own.
_FILES: Final = 64 + MOST_CALLERS
#: A simulated device listens, and both ends of its connection are ours; some desks have two.
_FILES_PER_SIMULATED_DESK: Final = 3.5


def clock_for(settings: Settings) -> Clock:
    """The site's clock: the machine's, or a scaled one for a simulated site."""
    wanted = settings.simulator
    if not wanted.enabled or (wanted.speed == 1.0 and wanted.start is None):
        return SystemClock()
    return ScaledClock(speed=wanted.speed, start=wanted.start)


async def _run(settings: Settings, load: Callable[[], Settings], origin: str, on_ready: OnReady) -> None:
    daemon = Daemon(
        settings=settings, clock=clock_for(settings), on_ready=on_ready, load=load, on_settings=_configure_logs
    )
    loop = asyncio.get_running_loop()
    told_mono = time.monotonic()

    def stop_by(number: signal.Signals) -> None:
        nonlocal told_mono
        if daemon.stop.is_set():
            hurry(number)
            return
        told_mono = time.monotonic()
        get_log().info("daemon.stopping", signal=number.name)
        daemon.stop.set()

    def hurry(number: signal.Signals) -> None:
        """Wait for no device any more; a start that is still going on is given up."""
        if not daemon.hurry.is_set():
            get_log().warning("daemon.hurried", signal=number.name)
        daemon.hurry.set()
        if not daemon.ready.is_set():
            running.cancel()

    for warning in (*settings.warnings, *_allow_many_files(settings)):
        get_log().warning("config.warning", problem=warning)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_by, number)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # whoever started us may have blocked it
    get_log().info(
        "daemon.started",
        version=__version__,
        python=platform.python_version(),
        config=origin,
        desks=len(settings.desks),
        stage=settings.daemon.stage.value,
        loop=type(loop).__module__.split(".")[0],
    )
    running = asyncio.create_task(daemon.run(), name="the daemon")
    await asyncio.wait((running,))
    if not running.cancelled():  # by ourselves, in a hurry
        running.result()
    get_log().info("daemon.stopped", took_s=round(time.monotonic() - told_mono, 3), left=daemon.left, exit_code=EXIT_OK)


def files_needed(settings: Settings) -> int:
    """How many files may be open at once, at most."""
    needed = _FILES + sum(len(desk.devices) for desk in settings.desks)
    if settings.simulator.enabled:
        needed += round(_FILES_PER_SIMULATED_DESK * settings.simulator.desks)
    return needed


def _allow_many_files(settings: Settings) -> tuple[str, ...]:
    """Raise our own limit of open files as far as we may; say so where even that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = files_needed(settings)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return ()
    return (f"only {hard} files may be open, but {needed} may be needed; raise ulimit -n, or LimitNOFILE= of the unit",)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it is installed: it halves what a frame costs; else the standard loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return uvloop.new_event_loop


def _configure_logs(settings: Settings) -> None:
    configure_logs(level=settings.log.level, form=settings.log.format, quote=quoted, stream=sys.stdout)


def main(settings: Settings, *, load: Callable[[], Settings], origin: str, on_ready: OnReady) -> int:
    """
    Run the daemon until a signal; return its exit status: 0, 1 failed, 75 temporary, 78 configuration.

    *load* reads the settings again from where they came. *on_ready* is told the URL of the HTTP door and the number of
    desks once they are served.
    """
    _configure_logs(settings)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(settings, load, origin, on_ready))
    except (HotdeskError, OSError) as error:
        return _fail([error])
    except ExceptionGroup as group:
        expected, mistakes = group.split((HotdeskError, OSError))
        if mistakes is not None:
            raise mistakes from None
        return _fail(_leaves(expected))
    finally:
        close_logs()
    return EXIT_OK


def _fail(errors: Sequence[BaseException]) -> int:
    """Say why the run ended, and which exit status that is."""
    for error in errors:
        if isinstance(error, ConfigError):
            for problem in error.problems:
                get_log().error("config.invalid", problem=problem)
        else:
            get_log().error("daemon.failed", error=str(error))
    if any(isinstance(error, ConfigError) for error in errors):
        return EXIT_CONFIG
    return EXIT_TEMPORARY if any(isinstance(error, TransientError) for error in errors) else EXIT_FAILED


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error] if error is not None else []
