"""
The settings of desks: their rules, their devices and how each device is reached.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import attrs

from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings.declared import setting
from hotdesk_daemon.ops.settings.kinds import Choice, Duration, Text
from hotdesk_daemon.ops.settings.secret import Secret
from hotdesk_daemon.ops.settings.special import (
    FilePath,
    Fingerprint,
    Listed,
    PublicId,
    SecretRef,
    Table,
    Tables,
    Url,
    WallTime,
)


class Weekday(Enum):
    """A day of the week; in order, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Auth(Enum):
    """Where the credentials stand in the opening handshake."""

    SUBPROTOCOL = "subprotocol"
    BASIC = "basic"


class Verify(Enum):
    """Whether a device's certificate is checked."""

    ON = "on"
    OFF = "off-and-i-know-what-that-means"


class Way(Enum):
    """How a device is reached."""

    SOCKET_FIRST = "socket-first"
    SOCKET = "socket"
    CLOUD = "cloud"


NAME: Final = Text(
    what="a name of letters, digits, - and _, at most 64 long", pattern=r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
)


@attrs.frozen(kw_only=True)
class OpeningHours:
    """A period in which bookings are allowed; days without one are closed. Without any, every hour is open."""

    days: tuple[Weekday, ...] = setting(
        Listed(Choice(Weekday), 'a list of days such as ["mon", "tue"]'), "The days of the week."
    )
    opens_min: int = setting(WallTime(), "When the period begins, on the clocks of `policy.time_zone`.", key="from")
    closes_min: int = setting(
        WallTime(), 'When it ends, on the same day; "24:00" is midnight. A night takes two periods.', key="to"
    )


@attrs.frozen(kw_only=True)
class PolicySettings:
    """What bookings a company allows; what is not allowed is deleted, or changed back. The default allows all."""

    max_duration_s: float | None = setting(
        Duration("1m", "1d", step_s=60), "The longest booking.", default=None, none="no limit", key="max_duration"
    )
    time_zone: str = setting(
        Text(what='the IANA name of a time zone, such as "Europe/Oslo"'),
        "The time zone of the opening hours. They follow its daylight saving time.",
        default="UTC",
    )
    opening_hours: tuple[OpeningHours, ...] = setting(Tables(OpeningHours), "The opening hours.", default=())


@attrs.frozen(kw_only=True)
class DeviceSettings:
    """One device of the desk above it; companion devices share the desk's calendar."""

    id: str = setting(NAME, "Our name for the device, unique over the site. Kept in the journal: do not rename.")
    url: str | None = setting(
        Url(("wss", "ws"), "wss://desk-14.example.com/ws", default_path="/ws"),
        "The device's WebSocket. `ws://` sends the password in clear and needs `NetworkServices HTTP Mode` "
        "`HTTP+HTTPS` on the device.",
        default=None,
        none="the device is reached through its organisation's cloud",
    )
    username: str = setting(
        Text(what="a user name without a colon", pattern=r"[^:\x00-\x1f]+"),
        "A local user of the device with the role Admin: signing somebody out needs it.",
        default="admin",
    )
    password: Secret | None = setting(SecretRef(), "That user's password.", default=None, none="there is no `url`")
    auth: Auth = setting(
        Choice(Auth),
        "How the credentials are shown: as `auth-` subprotocol like Cisco's own client, or as HTTP Basic.",
        default=Auth.SUBPROTOCOL,
    )
    ca_file: Path | None = setting(
        FilePath(),
        "PEM file of the authority that signed the device's certificate.",
        default=None,
        none="the system's authorities",
    )
    fingerprint_sha256: str | None = setting(
        Fingerprint(),
        "Pin the device's own certificate instead of trusting an authority: right for the self-signed certificates "
        "that devices come with. Nothing is sent, not even credentials, to a device that shows another.",
        default=None,
        none="the certificate is checked against authorities",
    )
    webex_id: str | None = setting(
        PublicId("device", "DEVICE"),
        "The device's id in the Webex API, for the way through the cloud; its desk then names the `organisation`.",
        default=None,
        none="the device is reached by its WebSocket only",
    )
    way: Way = setting(
        Choice(Way),
        "Which way is taken where both are known: the `socket` or the `cloud` alone, or the socket while it stands and "
        "the cloud while it does not.",
        default=Way.SOCKET_FIRST,
    )
    verify: Verify = setting(
        Choice(Verify),
        "Switches the check of the certificate off when written out in full. Anybody on the way can then read the "
        "password; the log says so at each start.",
        default=Verify.ON,
    )


@attrs.frozen(kw_only=True)
class DeskSettings:
    """One bookable place: a Webex workspace. Written once per desk."""

    id: str = setting(NAME, "Our name for the desk, unique over the site. Kept in the journal: do not rename.")
    calendar: CalendarKind = setting(
        Choice(CalendarKind),
        "Where its bookings live: `local` on the devices, `hybrid` in Exchange, Microsoft 365 or Google.",
    )
    organisation: str | None = setting(
        NAME,
        "The `[[organisation]]` that the desk's workspace is of. A desk written here is not found a second time there.",
        default=None,
        none="the desk's devices are reached by their WebSockets only",
    )
    tags: tuple[str, ...] = setting(
        Listed(Text(what="a tag"), 'a list of tags such as ["pilot"]'),
        "Words by which desks are told apart, for `[[stage]]`.",
        default=(),
    )
    stage: Stage | None = setting(
        Choice(Stage), "What the daemon may do on this desk.", default=None, none="as its tags say, else `daemon.stage`"
    )
    sync_interval_s: float | None = setting(
        Duration("10s", "7d", step_s=1),
        "Time between two lists of this desk.",
        default=None,
        none="as `organisation.sync_interval` or `sync.interval`",
        key="sync_interval",
    )
    policy: PolicySettings | None = setting(
        Table(PolicySettings),
        "Rules of its own for the desk above it, which replace `[policy]` as a whole.",
        default=None,
        none="as `policy`",
    )
    devices: tuple[DeviceSettings, ...] = setting(Tables(DeviceSettings), "Its devices, one at least.", key="device")
