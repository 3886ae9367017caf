"""
The settings of the whole daemon, one class per concern; each class is one table of the file.

A class's docstring opens its chapter in ``docs/configuration.md``. Names end in their unit (``_s``, ``_bytes``) where
the file writes the unit with the value.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path

import attrs

from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings.declared import Applies, setting
from hotdesk_daemon.ops.settings.kinds import Choice, Duration, Flag, Number, Size, Text, Whole
from hotdesk_daemon.ops.settings.secret import Secret
from hotdesk_daemon.ops.settings.special import FilePath, Moment, SecretRef


class LogLevel(Enum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    """How a log line looks."""

    AUTO = "auto"
    JSON = "json"
    LOGFMT = "logfmt"
    CONSOLE = "console"
    JOURNALD = "journald"


@attrs.frozen(kw_only=True)
class DaemonSettings:
    """The process itself."""

    state_dir: Path = setting(
        FilePath(),
        "Directory of everything that must survive a restart: the journal and the HTTP token. Made if missing, "
        "readable by its owner only.",
        default=Path("var"),
    )
    stage: Stage = setting(
        Choice(Stage),
        "What the daemon may do: `off` only looks, `observe` judges and says so but never sends anything, `warn` shows "
        "a message on the device instead of deleting or putting back a booking, `enforce` acts. A desk may differ.",
        default=Stage.ENFORCE,
        applies=Applies.AT_ONCE,
    )
    drain_s: float = setting(
        Duration("0s", "5m"),
        "How long a stop waits for commands that are being sent; what is left then is listed in the log and taken up "
        "again at the next start. Closing takes up to two seconds more. A second signal waits for nothing.",
        default=2.0,
        key="drain",
        applies=Applies.AT_ONCE,
    )


@attrs.frozen(kw_only=True)
class JournalSettings:
    """The durable store of everything that happened; docs/journal.md tells how to live with it."""

    path: Path | None = setting(
        FilePath(),
        "The SQLite file. Keep it on a local disk: network file systems break its locks.",
        default=None,
        none="`journal.sqlite3` in `daemon.state_dir`",
    )
    url: str | None = setting(
        Text(what='a database address such as "sqlite:////var/lib/hotdesk/journal.sqlite3"', pattern=r"sqlite:///\S+"),
        "The store as a database address, instead of `path`. SQLite is the only one so far.",
        default=None,
        none="`path` counts",
    )

    keep_s: float = setting(
        Duration("1h", "3650d", step_s=1),
        "How long what happened is kept; a day longer at most. `explain` and `replay` reach so far back. A desk takes "
        "about half a megabyte a day, two thirds of that when the messages are gone.",
        default=90 * 86_400.0,
        key="keep",
        applies=Applies.AT_ONCE,
    )
    keep_raw_s: float = setting(
        Duration("1h", "3650d", step_s=1),
        "How long the messages are kept as they came, beside what was understood of them: a third of the room, needed "
        "only to look into a misunderstanding. What could not be understood is kept as long as its record.",
        default=14 * 86_400.0,
        key="keep_raw",
        applies=Applies.AT_ONCE,
    )
    keep_commands_s: float = setting(
        Duration("1h", "3650d", step_s=1),
        "How long commands that are done, refused or dropped are shown; those that wait for a person are kept until "
        "they are settled.",
        default=180 * 86_400.0,
        key="keep_commands",
        applies=Applies.AT_ONCE,
    )
    max_size_bytes: int = setting(
        Size("16MiB", "1048576GiB"),
        "Largest size of the journal. Beyond it the oldest records go, however young, and the log says so. The default "
        "holds 300 desks for three months; leave as much again free on the disk.",
        default=10 << 30,
        key="max_size",
        applies=Applies.AT_ONCE,
    )


@attrs.frozen(kw_only=True)
class HttpSettings:
    """The HTTP door: health, metrics, the API and its live stream."""

    host: str = setting(
        Text(what="an IP address or host name", pattern=r"[0-9A-Za-z:._%-]+"),
        "Address to listen on. The default is reached from this machine only, because the door speaks no TLS: put a "
        "proxy that does in front of any other.",
        default="127.0.0.1",
    )
    port: int = setting(Whole(0, 65535), "Port to listen on; 0 takes a free one.", default=8480)
    token: Secret | None = setting(
        SecretRef(),
        "The bearer token that everything that changes something must show.",
        default=None,
        none="one is made at the first start and kept in `http-token` in `daemon.state_dir`",
        applies=Applies.AT_ONCE,
    )


@attrs.frozen(kw_only=True)
class LogSettings:
    """What is logged and how; every line is explained in `docs/logs.md`."""

    level: LogLevel = setting(
        Choice(LogLevel),
        "The least level that is logged. `debug` has a line per message and is costly on a busy site.",
        default=LogLevel.INFO,
    )
    format: LogFormat = setting(
        Choice(LogFormat),
        "How lines look: `auto` is `journald` (each field under its name) under systemd, `console` on a terminal and "
        "`json` elsewhere.",
        default=LogFormat.AUTO,
    )


@attrs.frozen(kw_only=True)
class SocketSettings:
    """The connections to devices. The defaults suit 5,000 devices behind one daemon."""

    connects_per_s: float = setting(
        Number(0.1, 10_000),
        "New connections per second over the whole fleet, so that a building that comes back does not drown itself. "
        "One costs about 4 ms of a core with TLS and first list: the default leaves four fifths of it to the desks "
        "that are up, and has 5,000 devices back in 100 seconds.",
        default=50.0,
        applies=Applies.AT_ONCE,
    )
    handshakes: int = setting(
        Whole(1, 10_000),
        "Connections that may be in their opening handshake at the same time.",
        default=64,
        applies=Applies.AT_ONCE,
    )
    ping_interval_s: float = setting(
        Duration("1s", "10m"), "Time between two keep-alive pings on a connection.", default=20.0, key="ping_interval"
    )
    ping_timeout_s: float = setting(
        Duration("1s", "10m"),
        "How long a ping may stay unanswered before the connection counts as broken.",
        default=20.0,
        key="ping_timeout",
    )
    idle_limit_s: float = setting(
        Duration("5s", "1d"),
        "After so long without any message the device is asked something; without an answer it is reconnected.",
        default=300.0,
        key="idle_limit",
    )
    request_timeout_s: float = setting(
        Duration("100ms", "5m"),
        "How long a device may take to answer a request. Later the answer counts as lost and the device is asked "
        "what became of the request.",
        default=15.0,
        key="request_timeout",
    )
    max_frame_bytes: int = setting(
        Size("64KiB", "256MiB"),
        "Largest message accepted; a larger one is recorded and the device reconnected.",
        default=4 << 20,
        key="max_frame",
    )
    backoff_initial_s: float = setting(
        Duration("50ms", "5m"),
        "Upper end of the random wait before the first reconnect; it doubles with each failure.",
        default=1.0,
        key="backoff_initial",
    )
    backoff_max_s: float = setting(
        Duration("1s", "1d"), "The wait before a reconnect never exceeds this.", default=60.0, key="backoff_max"
    )


@attrs.frozen(kw_only=True)
class DispatchSettings:
    """How commands are sent."""

    rate_per_s: float = setting(
        Number(0.1, 10_000),
        "Commands and lists per second over the whole fleet. Each device has its own socket and nobody counts them "
        "together, so this only keeps the daemon's own load even; of one desk, one is under way at a time.",
        default=1000.0,
    )
    concurrency: int = setting(
        Whole(1, 10_000),
        "Commands and lists under way at the same time over the whole fleet; on one desk it is always one. Enough "
        "that a few mute devices, each until `sockets.request_timeout`, do not hold up the others.",
        default=128,
    )
    attempts: int = setting(
        Whole(1, 1000),
        "How often a command that certainly was not done is sent before it is parked. The default leaves the end to "
        "`dispatch.deadline`.",
        default=40,
    )
    deadline_s: float = setting(
        Duration("10s", "7d", step_s=1),
        "How long a command may stay unsettled before it is parked for a person to retry or drop.",
        default=900.0,
        key="deadline",
    )


@attrs.frozen(kw_only=True)
class SyncSettings:
    """When what devices say is taken for true: their lists, a safety net under their events, and their sign-ins."""

    interval_s: float = setting(
        Duration("10s", "7d", step_s=1),
        "Time between two lists of a quiet desk, spread by jitter. What such a list corrects is counted as drift.",
        default=900.0,
        key="interval",
    )
    sign_in_settle_s: float = setting(
        Duration("1s", "10m", step_s=1),
        "How long somebody who signs in during a booking must stay before they count as its user. A device takes some "
        "seconds to find that it is somebody else and to sign them out again.",
        default=15.0,
        key="sign_in_settle",
    )


@attrs.frozen(kw_only=True)
class HybridSettings:
    """Desks whose calendar is Exchange, Microsoft 365 or Google."""

    booking_timeout_s: float = setting(
        Duration("10s", "1h", step_s=1),
        "How long a booking may stay unconfirmed on a device whose own `Bookings AdhocBooking BookingTimeout` cannot "
        "be read; the default is the longest that devices use by themselves.",
        default=300.0,
        key="booking_timeout",
    )


class SimulatorTransport(Enum):
    """How the daemon meets the simulated site."""

    SOCKET = "socket"
    QUEUE = "queue"
    WEBHOOK = "webhook"


@attrs.frozen(kw_only=True)
class SimulatorSettings:
    """A site that does not exist, inside the daemon: devices on loopback and people who use them."""

    enabled: bool = setting(Flag(), "Whether the simulated site is built.", default=False)
    desks: int = setting(Whole(1, 5000), "How many desks it has.", default=12)
    seed: int = setting(Whole(0, 2**63 - 1), "The same seed gives the same day.", default=1)
    transport: SimulatorTransport = setting(
        Choice(SimulatorTransport),
        "The way to its desks: each device's own `socket`, or a simulated cloud's `queue` or `webhook`.",
        default=SimulatorTransport.SOCKET,
    )
    speed: float = setting(
        Number(0.01, 10_000), "Simulated seconds per real second, for the site and the daemon alike.", default=1.0
    )
    start: datetime | None = setting(
        Moment(), "The moment at which the simulated day begins.", default=None, none="now"
    )
