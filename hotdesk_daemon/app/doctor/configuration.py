"""What the configuration says that works and still will hurt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.app.doctor.machine import file_of, secrets_of
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import desk_configured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings import PolicySettings, Settings

_PORTS: Final = {"ws": 80, "wss": 443}


def look_at_configuration(settings: Settings) -> Iterator[Finding]:
    """Every check of the section, on settings that could be read. Blocks: zones are files."""
    warnings = _warnings(settings)
    yield from [warned("configuration.warning", "", warning) for warning in warnings]
    if not warnings:
        yield fine("configuration.warning", "", "no warnings")
    yield _rules(settings)
    yield from _zones(settings)
    if settings.simulator.enabled and (settings.desks or settings.organisations):
        yield warned("configuration.simulator", "", "a simulated site is switched on beside real desks")
    else:
        yield fine("configuration.simulator", "", "real and simulated desks are not mixed")
    yield from _addresses(settings)


def _warnings(settings: Settings) -> list[str]:
    """Those of the settings, but for secrets that others can read: ``machine.permissions`` tells of them."""
    files = {str(path) for secret in secrets_of(settings) if (path := file_of(secret)) is not None}
    return [warning for warning in settings.warnings if not any(f"read {path};" in warning for path in files)]


def _rules(settings: Settings) -> Finding:
    """Desks found in a directory have the stage and rules of their organisation, or the site's."""
    idle = [
        desk.id
        for desk in settings.desks
        if desk_configured(settings, desk).stage is Stage.ENFORCE and not _has_rules(desk.policy or settings.policy)
    ]
    idle += [
        organisation.id
        for organisation in settings.organisations
        if (organisation.stage or settings.daemon.stage) is Stage.ENFORCE
        and not _has_rules(organisation.policy or settings.policy)
    ]
    if not idle:
        return fine("configuration.rules", "", "wherever rules are enforced there are some")
    text = f"the stage is enforce, and there is no rule, at {_some(idle)}: every booking is allowed"
    return warned("configuration.rules", "", text)


def _has_rules(policy: PolicySettings) -> bool:
    return policy.max_duration_s is not None or bool(policy.opening_hours)


def _zones(settings: Settings) -> Iterator[Finding]:
    owners = [("policy", settings.policy)]
    owners += [(f"desk {desk.id}", desk.policy) for desk in settings.desks if desk.policy is not None]
    owners += [(f"organisation {one.id}", one.policy) for one in settings.organisations if one.policy is not None]
    unknown = [(owner, policy.time_zone) for owner, policy in owners if not _is_zone(policy.time_zone)]
    for owner, zone in unknown:
        yield failed("configuration.time_zone", owner, f'"{zone}" is no time zone that this machine knows')
    if not unknown:
        yield fine("configuration.time_zone", "", "all time zones are known")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _addresses(settings: Settings) -> Iterator[Finding]:
    seen: dict[tuple[str, int], str] = {}
    twice = False
    for desk in settings.desks:
        for device in desk.devices:
            if device.url is None:
                continue
            parts = urlsplit(device.url)
            address = ((parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0))
            subject = f"{desk.id}/{device.id}"
            if address in seen:
                twice = True
                yield failed("configuration.address", subject, f"has the address of {seen[address]}")
            seen.setdefault(address, subject)
    if not twice:
        yield fine("configuration.address", "", "every device has an address of its own")


def _some(names: list[str]) -> str:
    most = 5
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
