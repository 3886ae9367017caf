"""Every check by its name, with what helps when it does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class Check:
    """One check: what is looked at, and what to do when it is not as it should be."""

    name: str
    looks: str
    remedy: str

    @property
    def section(self) -> str:
        """The part of the site that it is of."""
        return self.name.partition(".")[0]


_ALL: Final = (
    Check(
        name="configuration.warning",
        looks="The warnings of `check-config`.",
        remedy="mend the setting at the place that the line names",
    ),
    Check(
        name="configuration.rules",
        looks="Whether desks that are at stage `enforce` have a rule that could be enforced.",
        remedy='write rules under [policy], or stage = "observe" until there are some',
    ),
    Check(
        name="configuration.time_zone",
        looks="Whether the time zones of all rules are known on this machine.",
        remedy='write an IANA name such as "Europe/Oslo"',
    ),
    Check(
        name="configuration.simulator",
        looks="Whether a simulated site is switched on beside real desks.",
        remedy="set simulator.enabled = false",
    ),
    Check(
        name="configuration.address",
        looks="Whether two devices have the same address, however it is written.",
        remedy="give each device its own url; two desks that share a device undo each other's work",
    ),
    Check(
        name="machine.state_directory",
        looks="Whether `daemon.state_dir` is there or can be made, is writable, and is closed to others.",
        remedy="give the directory to the daemon's user, with mode 0700",
    ),
    Check(
        name="machine.permissions",
        looks="Whether the configuration's secrets and the state directory's files are ours, and closed to others.",
        remedy="chmod 600 the file, and chown it to the daemon's user",
    ),
    Check(
        name="machine.disk",
        looks="free space for state and journal: a warning below 1 GB or 5 %, a failure below 100 MB.",
        remedy="free or add space; with a full disk nothing is decided any more",
    ),
    Check(
        name="machine.open_files",
        looks="Whether as many files may be open as all devices need.",
        remedy="raise LimitNOFILE= of the unit, or ulimit -n",
    ),
    Check(
        name="machine.port",
        looks="Whether the HTTP port is free, or our daemon answers there.",
        remedy="choose another http.port, or end what listens there",
    ),
    Check(
        name="machine.webhook_port",
        looks="Whether the webhook's port is free while no daemon runs, where it is used.",
        remedy="choose another webhook.port, or end what listens there",
    ),
    Check(
        name="machine.ready",
        looks="What the running daemon's `/readyz` says.",
        remedy="mend what the reason names; hotdesk-daemon desks and the log say more",
    ),
    Check(
        name="machine.journal",
        looks="Whether the journal opens and is of this version, and whether damaged ones were put aside.",
        remedy="restore a copy, or move the file away: a new journal begins, and every desk is listed again",
    ),
    Check(
        name="machine.journal_age",
        looks="Whether a running daemon still writes: each desk is listed once per `sync.interval`, and that recorded.",
        remedy="look at the log and at /readyz; restart the daemon if it hangs",
    ),
    Check(
        name="machine.halt",
        looks="Whether sending was stopped and never resumed.",
        remedy="hotdesk-daemon resume, when the reason is gone",
    ),
    Check(
        name="machine.breaker",
        looks="Whether the breaker is open.",
        remedy="see hotdesk-daemon breaker for what it holds back, then hotdesk-daemon breaker close",
    ),
    Check(
        name="machine.clock",
        looks="Whether devices and clouds agree that this machine's clock is off: a warning beyond 5 s, a failure "
        "beyond 60 s.",
        remedy="let NTP set the clock (timedatectl set-ntp true)",
    ),
    Check(
        name="device.reachable",
        looks="Whether the name resolves and something answers at the address.",
        remedy="check the url, the name's address, the cable, and what firewalls let through to the device's port",
    ),
    Check(
        name="device.certificate",
        looks="TLS: whether the certificate is trusted, not expired, and the pinned one.",
        remedy="compare the fingerprint at the device, then pin it (fingerprint_sha256), or name its ca_file",
    ),
    Check(
        name="device.certificate_expiry",
        looks="Whether the certificate expires within 30 days.",
        remedy="renew it on the device, and a pinned fingerprint with it",
    ),
    Check(
        name="device.verification",
        looks="Whether credentials cross a network unprotected: in clear text, or to whoever answers.",
        remedy="write wss:// and fingerprint_sha256 or ca_file; take verify out",
    ),
    Check(
        name="device.service",
        looks="Whether the WebSocket service is on.",
        remedy="set NetworkServices Websocket to FollowHTTPService, and HTTP Mode to HTTPS or HTTP+HTTPS",
    ),
    Check(
        name="device.connections",
        looks="Whether the device still takes connections.",
        remedy="find who else connects to it all the time, and wait some minutes",
    ),
    Check(
        name="device.credentials",
        looks="Whether user and password are taken.",
        remedy="check username and password: the user must be a local, active one of the device",
    ),
    Check(
        name="device.ready",
        looks="Whether the device is up, not starting.",
        remedy="wait until it has started, and look again",
    ),
    Check(
        name="device.answers",
        looks="Whether it answers requests in time, to the end of the visit.",
        remedy="look at the device's load and at the network; restart the device if it stays mute",
    ),
    Check(
        name="device.role",
        looks="Whether the user has the role Admin, by a command for Admin only that does nothing.",
        remedy="give the local user the role Admin: without it nobody can be signed out",
    ),
    Check(
        name="device.release",
        looks="Whether RoomOS is 11.24 or newer.",
        remedy="upgrade RoomOS to 11.24 or newer",
    ),
    Check(
        name="device.teams",
        looks="Whether the device runs in Microsoft Teams mode, where commands are missing.",
        remedy="leave it to Teams, or switch it to RoomOS",
    ),
    Check(
        name="device.check_in",
        looks="Whether the device itself gives bookings up that nobody checked in to.",
        remedy="set Bookings CheckIn Enabled to False: two releasers on one desk take bookings from each other",
    ),
    Check(
        name="device.task_sign_in",
        looks="Whether people may sign in without a booking.",
        remedy="set Webex DevicePersonalization TaskBasedSignIn to Off",
    ),
    Check(
        name="device.user_authentication",
        looks="Whether the one who booked must sign in.",
        remedy="set Webex Hotdesking UserAuthentication to Enabled",
    ),
    Check(
        name="device.people_count",
        looks="Whether the device counts people outside calls.",
        remedy="set RoomAnalytics PeopleCountOutOfCall to On",
    ),
    Check(
        name="device.personalized",
        looks="Whether the device tells that somebody is signed in.",
        remedy="upgrade RoomOS, or let the user read it; till then it is guessed from SessionStatus",
    ),
    Check(
        name="device.subscriptions",
        looks="Whether the daemon's subscriptions find room: all of them while no daemon runs, else one.",
        remedy="find the client that holds too many (HttpFeedback, macros, other integrations) and end it",
    ),
    Check(
        name="device.clock",
        looks="Whether the device's clock is right: a warning beyond 5 s, a failure beyond 60 s.",
        remedy="set NetworkServices NTP on the device: bookings start and end by its clock",
    ),
    Check(
        name="device.bookings",
        looks="Whether `Bookings List` answers.",
        remedy="see that the workspace is set up for bookings, and that the user's role may list them",
    ),
    Check(
        name="organisation.installation",
        looks="Whether the organisation is activated, and its file can be read.",
        remedy="run hotdesk-daemon activate with the activation code from Control Hub",
    ),
    Check(
        name="organisation.refresh_token",
        looks="How long the refresh token lasts: a warning below 14 days, a failure below 7, or when it is refused.",
        remedy="let the daemon run, which renews it; if it does and this stays, run hotdesk-daemon activate anew",
    ),
    Check(
        name="organisation.api",
        looks="Whether the cloud's API is reached, with TLS, and takes the access token.",
        remedy="check the way out, proxies and name service; a cloud of one's own needs ca_file",
    ),
    Check(
        name="organisation.directory",
        looks="Whether devices and workspaces can be read.",
        remedy="approve the scopes spark-admin:devices_read and spark-admin:workspaces_read in Control Hub",
    ),
    Check(
        name="organisation.scopes",
        looks="Whether the scopes that the manifest requires were granted.",
        remedy="approve the integration's scopes in Control Hub, then activate anew",
    ),
    Check(
        name="organisation.access",
        looks="Whether the xAPI statuses, commands and events that the manifest requires were granted.",
        remedy="upload the present manifest (hotdesk-daemon manifest) in Control Hub and approve the change",
    ),
    Check(
        name="organisation.subscriptions",
        looks="Whether the cloud pushes all that is wanted.",
        remedy="nothing has to be done: desks are looked at by reconcile_interval; shorten that, or add sockets",
    ),
    Check(
        name="organisation.webhook",
        looks="Whether the webhook's address is one that the cloud could reach.",
        remedy='write the https:// address of a proxy that the internet reaches, or events = "queue"',
    ),
    Check(
        name="organisation.selection",
        looks="Whether any workspace is a desk of ours.",
        remedy="loosen organisation.select, or switch hot desking on for the workspaces in Control Hub",
    ),
    Check(
        name="organisation.unusable",
        looks="Whether devices on desks cannot be used.",
        remedy="see each in Control Hub: a device needs a workspace, and the integration its location",
    ),
    Check(
        name="organisation.device",
        looks="Whether the directory has every device that the configuration names.",
        remedy="mend webex_id, or take the device out",
    ),
    Check(
        name="organisation.settings",
        looks="Whether the cloud tells the settings of devices that have no socket of ours: the first 10, or those of "
        "`--desk`. What they are is told as `device.check_in`, `device.task_sign_in`, `device.user_authentication`, "
        "`device.people_count` and `device.personalized`; Microsoft Teams mode and all else of a device's own visit is "
        "not looked at.",
        remedy="see that the device is connected, and that spark-admin:devices_read is granted",
    ),
    Check(
        name="organisation.connected",
        looks="Whether the devices of desks are connected to the cloud.",
        remedy="switch them on, and see Control Hub for what ails them",
    ),
    Check(
        name="organisation.hotdesking",
        looks="Whether hot desking is on for all desks.",
        remedy="switch it on for the workspace in Control Hub: without it nobody signs in to a booking",
    ),
    Check(
        name="organisation.calendar",
        looks="Whether `calendar` of each configured desk is what the directory says.",
        remedy='write calendar = "hybrid" where the workspace has a calendar, else "local"',
    ),
    Check(
        name="organisation.release",
        looks="Whether RoomOS of the devices of desks is 11.24 or newer.",
        remedy="upgrade RoomOS to 11.24 or newer",
    ),
    Check(
        name="organisation.clock",
        looks="Whether the cloud's clock and ours agree: a warning beyond 5 s, a failure beyond 60 s.",
        remedy="let NTP set this machine's clock: tokens and actions are judged by it",
    ),
)

CHECKS: Final[Mapping[str, Check]] = {check.name: check for check in _ALL}


def known_checks(wanted: str) -> tuple[str, ...]:
    """The names that *wanted* stands for: itself, or all of a section; empty if it is none of both."""
    return tuple(name for name, check in CHECKS.items() if wanted in (name, check.section))
