"""
Rules over more than one setting.

Each sees a table whose settings are sound one by one, and notes what does not go together.
"""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.public_ids import uuid_of
from hotdesk_daemon.ops.settings.checking import Look
from hotdesk_daemon.ops.settings.daemon import HttpSettings, JournalSettings, SocketSettings
from hotdesk_daemon.ops.settings.desks import (
    DeskSettings,
    DeviceSettings,
    OpeningHours,
    PolicySettings,
    Verify,
    Way,
)
from hotdesk_daemon.ops.settings.kinds import suggestion
from hotdesk_daemon.ops.settings.organisations import Events, OrganisationSettings, WebhookProof
from hotdesk_daemon.ops.settings.site import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hotdesk_daemon.ops.settings.checking import Check
    from hotdesk_daemon.ops.settings.places import KeyPath

#: The cloud takes no shorter key for signatures (Webex Workspace Integrations guide, "Webhooks").
_SHORTEST_KEY: Final = 20
#: Addresses that stand for all of the machine's.
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with


def _hours(check: Check, hours: OpeningHours, path: KeyPath) -> None:
    if hours.closes_min <= hours.opens_min:
        check.problem((*path, "to"), 'is not after "from"; a night takes two periods, one up to "24:00"')


def _policy(check: Check, policy: PolicySettings, path: KeyPath) -> None:
    try:
        ZoneInfo(policy.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = suggestion(policy.time_zone, available_timezones())
        text = f'"{policy.time_zone}" is no time zone{hint}; write an IANA name such as "Europe/Oslo"'
        check.problem((*path, "time_zone"), text)


def _journal(check: Check, journal: JournalSettings, path: KeyPath) -> None:
    if journal.path is not None and journal.url is not None:
        check.problem((*path, "url"), "does not go with path; keep one of the two")


def _http(check: Check, http: HttpSettings, path: KeyPath) -> None:
    if not is_loopback(http.host):
        check.warning((*path, "host"), "is reached from other machines, without TLS; put a proxy with TLS in front")


def _sockets(check: Check, sockets: SocketSettings, path: KeyPath) -> None:
    if sockets.backoff_max_s < sockets.backoff_initial_s:
        check.problem((*path, "backoff_max"), "is less than backoff_initial; make it the larger one")


def _device(check: Check, device: DeviceSettings, path: KeyPath) -> None:
    """The ways to trust a device exclude one another, and clear text knows none."""
    _check_ways(check, device, path)
    parts = urlsplit(device.url or "")
    ways = [
        name
        for name, is_set in (
            ("ca_file", device.ca_file is not None),
            ("fingerprint_sha256", device.fingerprint_sha256 is not None),
            ("verify", device.verify is Verify.OFF),
        )
        if is_set
    ]
    if parts.scheme == "ws" and ways:
        check.problem((*path, ways[0]), "says nothing about ws://, which has no TLS; remove it or write wss://")
    elif len(ways) > 1:
        check.problem((*path, ways[1]), f"does not go with {ways[0]}; keep one of {', '.join(ways)}")
    elif device.ca_file is not None:
        _check_authority(check, device.ca_file, path)
    if device.verify is Verify.OFF:
        check.warning((*path, "verify"), "the certificate is not checked: anybody on the way can read the password")
    if parts.scheme == "ws" and not is_loopback(parts.hostname or ""):
        check.warning((*path, "url"), "ws:// sends the password in clear; write wss://")


def _check_ways(check: Check, device: DeviceSettings, path: KeyPath) -> None:
    """A device is reached by its socket, which needs a password, or by the cloud, which needs its id there."""
    if device.url is None and device.webex_id is None:
        check.problem((*path, "url"), "is missing; write it, or webex_id for the way through the cloud")
    elif device.url is not None and device.password is None:
        check.problem((*path, "password"), 'is missing; write a reference such as "credential:desk-14"')
    elif device.way is Way.CLOUD and device.webex_id is None:
        check.problem((*path, "way"), "is the cloud, which needs webex_id; write that, or another way")
    elif device.way is Way.SOCKET and device.url is None:
        check.problem((*path, "way"), "is the socket, which needs url; write that, or another way")


def _organisation(check: Check, organisation: OrganisationSettings, path: KeyPath) -> None:
    """A webhook needs somewhere to go; its key must be long enough for the cloud to take it."""
    if organisation.ca_file is not None:
        _check_authority(check, organisation.ca_file, path)
    for key in ("api_url", "oauth_url", "jwks_url", "supported_url"):
        _check_clear(check, getattr(organisation, key), (*path, key))
    webhook = organisation.webhook
    if organisation.events is not Events.QUEUE and webhook is None:
        check.problem((*path, "webhook"), "is missing; write [organisation.webhook] with url and secret")
    if webhook is None:
        return
    if webhook.proof is WebhookProof.HMAC and len(webhook.secret.reveal()) < _SHORTEST_KEY:
        check.problem((*path, "webhook", "secret"), f"is shorter than {_SHORTEST_KEY} characters; make a longer one")
    _check_clear(check, webhook.url, (*path, "webhook", "url"))


def _check_clear(check: Check, url: str | None, path: KeyPath) -> None:
    """Tokens, secrets and what is said of people go there, and what comes from there is believed."""
    if url is not None and url.startswith("http:") and not is_loopback(urlsplit(url).hostname or ""):
        check.warning(path, "http:// lets anybody on the way read along and change what is said; write https://")


def _check_authority(check: Check, ca_file: Path, path: KeyPath) -> None:
    if check.look is Look.AT_FILES:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        check.problem((*path, "ca_file"), f"{ca_file} holds no certificate in PEM form; name one that does")
    except OSError as exc:
        check.problem((*path, "ca_file"), f"{ca_file} cannot be read: {exc.strerror}; mend path or permissions")


def _desk(check: Check, desk: DeskSettings, path: KeyPath) -> None:
    if not desk.devices:
        check.problem((*path, "device"), "is empty; add one [[desk.device]] at least")


def _site(check: Check, settings: Settings, path: KeyPath) -> None:
    """Rules of the whole site that need every table sound; `check_unique` needs less and runs always."""
    simulator = settings.simulator
    if simulator.enabled and settings.desks and (simulator.speed != 1 or simulator.start is not None):
        key = "speed" if simulator.speed != 1 else "start"
        text = "real desks live in real time: remove this, or the [[desk]] tables"
        check.problem(("simulator", key), text)
    if not simulator.enabled and not settings.desks and not settings.organisations:
        text = "there are no desks; add [[desk]] or [[organisation]] tables or set simulator.enabled = true"
        check.warning((), text)
    _check_ports(check, settings)
    known = {organisation.id for organisation in settings.organisations}
    for index, desk in enumerate(settings.desks):
        named = any(device.webex_id is not None for device in desk.devices)
        if desk.organisation is None and named:
            check.problem(("desk", index, "organisation"), "is missing; name the [[organisation]] of its webex_id")
        elif desk.organisation is not None and desk.organisation not in known:
            hint = suggestion(desk.organisation, known)
            check.problem(("desk", index, "organisation"), f'"{desk.organisation}" is no [[organisation]]{hint}')


def _check_ports(check: Check, settings: Settings) -> None:
    """Two doors need two ports, unless they are at two addresses."""
    http, webhook = settings.http, settings.webhook
    is_used = any(organisation.events is not Events.QUEUE for organisation in settings.organisations)
    meet = http.host == webhook.host or not _EVERYWHERE.isdisjoint((http.host, webhook.host))
    if is_used and http.port == webhook.port != 0 and meet:
        check.problem(("webhook", "port"), f"{webhook.port} is http.port too; choose another one")


def check_unique(check: Check, *, desks: object, organisations: object) -> None:
    """Find ids and addresses that stand twice, in whatever of the tables can be read."""
    seen: dict[tuple[str, str], KeyPath] = {}
    for index, organisation in enumerate(_dicts(organisations)):
        _once(check, seen, "organisation", organisation, ("organisation", index, "id"))
    for index, desk in enumerate(_dicts(desks)):
        path: KeyPath = ("desk", index)
        _once(check, seen, "desk", desk, (*path, "id"))
        for number, device in enumerate(_dicts(desk.get("device"))):
            for key in ("id", "url", "webex_id"):
                _once(check, seen, "device", device, (*path, "device", number, key))


def _once(check: Check, seen: dict[tuple[str, str], KeyPath], owner: str, table: dict[str, Any], path: KeyPath) -> None:
    key = str(path[-1])
    value = table.get(key)
    if not isinstance(value, str):
        return
    word = (f"{owner} {key}", _known_as(key, value))
    if word in seen:
        first = check.documents.place(seen[word])
        check.problem(path, f'"{value}" stands twice, first at {first}; each {owner} has its own {key}')
    seen.setdefault(word, path)


def _known_as(key: str, value: str) -> str:
    """What *value* names, in whichever of its forms it is written."""
    match key:
        case "url":
            return value.removesuffix("/ws")
        case "webex_id":
            try:
                return uuid_of(value)
            except ProtocolError:
                return value
        case _:
            return value


def _dicts(raw: object) -> list[dict[str, Any]]:
    """Return the tables of *raw*; what is none keeps its place as an empty one."""
    return [one if isinstance(one, dict) else {} for one in raw] if isinstance(raw, list) else []


def is_loopback(host: str) -> bool:
    """Whether *host* is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


#: The rule of each kind of table that has one.
RULES: Final[Mapping[type[Any], Callable[[Check, Any, KeyPath], None]]] = {
    OpeningHours: _hours,
    PolicySettings: _policy,
    JournalSettings: _journal,
    HttpSettings: _http,
    SocketSettings: _sockets,
    DeviceSettings: _device,
    DeskSettings: _desk,
    OrganisationSettings: _organisation,
    Settings: _site,
}
