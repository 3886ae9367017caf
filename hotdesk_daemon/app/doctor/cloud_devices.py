"""
The settings of devices that only the cloud reaches: what a visit would ask them itself, as far as the cloud answers.

Requests are the organisation's, and a daemon needs them too: so a few devices are asked, or those that were named.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.doctor.facts import CONFIGURATIONS, PERSONALIZED, Facts, judge_personalized, judge_settings
from hotdesk_daemon.app.doctor.findings import Finding, fine, skipped
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.ops.settings import Way
from hotdesk_daemon.transport.cloud import uuid_of
from hotdesk_daemon.xapi.capabilities import release_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from hotdesk_daemon.app.doctor.facts import Path, Value
    from hotdesk_daemon.app.organisations.register import Register
    from hotdesk_daemon.ops.settings import OrganisationSettings, Settings
    from hotdesk_daemon.transport.cloud import CloudRest, DirectoryRead

#: Devices of one organisation that are asked, and how long all of it may take.
MOST: Final = 10
WITHIN_S: Final = 15.0
_ANSWER_S: Final = 6.0
_NAME: Final = "organisation.settings"


@attrs.frozen(kw_only=True)
class CloudOnly:
    """A device without a socket of ours; ``subject`` is desk and device, ``id`` the cloud's."""

    desk: str
    subject: str
    id: str
    software: str | None = None


def cloud_only(
    settings: Settings, wanted: OrganisationSettings, read: DirectoryRead, register: Register
) -> Iterator[CloudOnly]:
    """The devices of the organisation's desks that only the cloud reaches, by the names that the daemon gives them."""
    listed = {device.uuid: device for device in read.devices}
    named = {uuid_of(d.webex_id) for desk in settings.desks for d in desk.devices if d.webex_id is not None}
    for desk in settings.desks:
        for device in desk.devices:
            held = listed.get(uuid_of(device.webex_id)) if device.webex_id is not None else None
            is_visited = device.url is not None and device.way is not Way.CLOUD
            if desk.organisation == wanted.id and held is not None and not is_visited:
                subject = f"{desk.id}/{device.id}"
                yield CloudOnly(desk=desk.id, subject=subject, id=held.id, software=held.software)
    written = {desk.id for desk in settings.desks}
    for found in read.desks:
        if any(device.uuid in named for device in found.devices):
            continue
        known = register.note(found, desks=written, devices=())  # in memory: the daemon writes it
        for one in known.devices:
            subject = f"{known.desk}/{one.device}"
            yield CloudOnly(desk=known.desk, subject=subject, id=one.webex_id, software=one.software)


async def look_at_settings(
    subject: str, devices: Sequence[CloudOnly], rest: CloudRest, *, desks: Collection[str]
) -> list[Finding]:
    """Ask those of *desks*, or the first few, and say how many were not asked."""
    wanted = [one for one in devices if not desks or one.desk in desks]
    if not wanted:
        return [fine(_NAME, subject, "no device is reached through the cloud alone")]
    asking = [asyncio.create_task(_ask(one, rest), name=f"doctor {one.subject}") for one in wanted[:MOST]]
    try:
        done, late = await asyncio.wait(asking, timeout=WITHIN_S)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
    found = [finding for task in asking if task in done for finding in task.result()]
    silent = sum(one.name == _NAME for one in found) + len(late)
    looked = min(len(wanted), MOST) - silent
    text = f"of {len(wanted)} devices without a socket of ours {looked} were looked at; Teams mode is not told there"
    if looked == len(wanted):
        return [*found, fine(_NAME, subject, text)]
    return [*found, skipped(_NAME, subject, f"{text}; choose {MOST} others with --desk")]


async def _ask(one: CloudOnly, rest: CloudRest) -> list[Finding]:
    values: dict[Path, Value] = {}
    try:
        for path in (PERSONALIZED, *CONFIGURATIONS):
            ask = rest.one_status if path is PERSONALIZED else rest.configuration
            values[path] = await ask(one.id, ".".join(path[1:]), timeout_s=_ANSWER_S)
    except HotdeskError as exc:
        return [skipped(_NAME, one.subject, f"the cloud does not tell its settings: {quoted(str(exc))}")]
    facts = Facts(release=release_of(one.software), values=values)
    return [*judge_settings(one.subject, facts), judge_personalized(one.subject, facts)]
