"""
The interaction flows F01 to F33, each playable by name on a desk.

A flow that a person starts is played to its end. Of a flow that an integration starts, what happens before its
command is played; then the desk reacts to the command by itself. `FLOWS` tells which calendar kinds have a flow and
which variants it knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from .flow_steps import Stage
from .sign_in_flows import SIGN_IN_FLOWS
from .statuses import CHECK_IN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .clock import Clock
    from .desks import Desk

BOTH: Final = frozenset({"local", "hybrid"})
LOCAL: Final = frozenset({"local"})
HYBRID: Final = frozenset({"hybrid"})


class FlowError(ValueError):
    """The flow does not exist, or this desk cannot play it."""


@attrs.frozen(kw_only=True)
class Flow:
    """
    One flow.

    Args:
        title: what it is.
        play: plays it on a stage.
        kinds: the calendar kinds that have it.
        variants: what else it can do, `""` being the usual.
        devices: how many devices the desk needs.

    """

    title: str
    play: Callable[[Stage], Awaitable[None]]
    kinds: frozenset[str] = BOTH
    variants: tuple[str, ...] = ("",)
    devices: int = 1


@attrs.frozen(kw_only=True)
class Played:
    """
    What a played flow left behind.

    `meeting_id` is empty as long as nothing is confirmed, `request_uuid` when nobody at the device asked; `began` is
    the moment the play began.
    """

    flow: str
    variant: str
    email: str
    meeting_id: str
    request_uuid: str
    began: datetime


async def play(name: str, desk: Desk, clock: Clock, *, variant: str = "") -> Played:
    """
    Play a flow and return when the device's side of it is over; *clock* must be the floor's.

    Raises:
        FlowError: no such flow or variant, or the desk's kind does not have it.

    """
    flow = FLOWS.get(name.upper())
    if flow is None:
        message = f"no flow is called {name!r}; there are F01 to F33"
        raise FlowError(message)
    if desk.kind not in flow.kinds:
        message = f"{name} does not exist on a {desk.kind} calendar"
        raise FlowError(message)
    if variant not in flow.variants:
        message = f"{name} has no variant {variant!r}; it has {', '.join(flow.variants).strip(', ') or 'none'}"
        raise FlowError(message)
    if len(desk.stations) < flow.devices:
        message = f"{name} needs a desk with {flow.devices} devices"
        raise FlowError(message)
    began = clock.now()
    stage = Stage(desk=desk, clock=clock, variant=variant)
    await flow.play(stage)
    return Played(
        flow=name.upper(),
        variant=variant,
        email=stage.email,
        meeting_id=stage.meeting_id,
        request_uuid=stage.request_uuid,
        began=began,
    )


async def _sync_required(stage: Stage) -> None:
    stage.device.sync_required()


async def _companion(stage: Stage) -> None:
    stage.request_uuid = stage.desk.stations[1].device.people.book(30, "Desk", stage.email)
    await stage.until_decided()


async def _start(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=360)
    await stage.wait(360)


async def _end(stage: Stage) -> None:
    await stage.have_booking(minutes=10)
    await stage.wait_until_end()


async def _remaining(stage: Stage) -> None:
    configurations = stage.device.configurations
    before = configurations.get(CHECK_IN)
    if before is None:
        raise FlowError(f"F05 needs a release with check-in, {stage.desk.workspace} has {stage.device.release}")
    configurations.put({CHECK_IN: "True"})
    try:
        await stage.have_booking(begins_in_s=400, minutes=20)
        stage.entry().end_buffer_s = 120
        stage.device.agenda.refresh()
        await stage.wait(430)
        stage.people.check_in()
        stage.people.snooze()
        stage.people.edit(title="Desk, renamed")
        await stage.wait_until_end()
    finally:
        configurations.put({CHECK_IN: before})


async def _ad_hoc(stage: Stage) -> None:
    stage.prepare_refusal()
    stage.request_uuid = stage.people.book(30, "Desk", stage.email)
    await stage.until_decided()


async def _nothing(stage: Stage) -> None:
    del stage  # the integration begins, and the desk reacts by itself


async def _from_calendar(stage: Stage) -> None:
    start = stage.soon(60)
    stage.meeting_id = stage.desk.backend.create(stage.email, start, 60, title="Desk")
    await stage.until_known()


async def _delete_at_device(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=3600)
    stage.people.delete(stage.meeting_id)
    await stage.until_gone()


async def _have_future(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=3600)


async def _delete_in_calendar(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=3600)
    stage.desk.backend.cancel(stage.meeting_id)
    await stage.until_gone()


async def _edit_at_device(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=3600)
    stage.prepare_refusal()
    later = stage.entry().start + timedelta(minutes=30)
    stage.people.edit(stage.meeting_id, start=later, duration_min=45)
    await stage.wait_backend()


async def _move_in_calendar(stage: Stage) -> None:
    await stage.have_booking(begins_in_s=3600)
    later = stage.entry().start + timedelta(minutes=30)
    stage.desk.backend.move(stage.meeting_id, start=later, duration_min=45)
    await stage.wait_backend()


async def _extend(stage: Stage) -> None:
    await stage.have_booking(minutes=30)
    stage.prepare_refusal()
    stage.people.extend(15, stage.meeting_id)
    await stage.wait_backend()


_REFUSED: Final = ("", "refused", "timeout")

FLOWS: Final[Mapping[str, Flow]] = {
    "F01": Flow(title="what is known may be stale", play=_sync_required),
    "F02": Flow(title="two devices of one workspace report the same booking", play=_companion, devices=2),
    "F03": Flow(title="a booking starts", play=_start),
    "F04": Flow(title="a booking ends", play=_end),
    "F05": Flow(title="reminders, check-in, snooze and an update", play=_remaining),
    "F06": Flow(title="ad hoc at the device, local", play=_ad_hoc, kinds=LOCAL),
    "F07": Flow(title="ad hoc at the device, hybrid", play=_ad_hoc, kinds=HYBRID, variants=_REFUSED),
    "F08": Flow(title="booked by the integration, local", play=_nothing, kinds=LOCAL),
    "F09": Flow(title="booked by the integration, hybrid", play=_nothing, kinds=HYBRID),
    "F10": Flow(title="made in the calendar", play=_from_calendar, kinds=HYBRID),
    "F11": Flow(title="deleted at the device, local", play=_delete_at_device, kinds=LOCAL),
    "F12": Flow(title="deleted at the device, hybrid", play=_delete_at_device, kinds=HYBRID),
    "F13": Flow(title="deleted by the integration, local", play=_have_future, kinds=LOCAL),
    "F14": Flow(title="deleted by the integration, hybrid", play=_have_future, kinds=HYBRID),
    "F15": Flow(title="deleted in the calendar", play=_delete_in_calendar, kinds=HYBRID),
    "F16": Flow(title="edited at the device, local", play=_edit_at_device, kinds=LOCAL),
    "F17": Flow(title="edited at the device, hybrid", play=_edit_at_device, kinds=HYBRID, variants=_REFUSED),
    "F18": Flow(title="edited by the integration, local", play=_have_future, kinds=LOCAL),
    "F19": Flow(title="edited by the integration, hybrid", play=_have_future, kinds=HYBRID),
    "F20": Flow(title="moved in the calendar", play=_move_in_calendar, kinds=HYBRID),
    "F21": Flow(title="extended at the device, local", play=_extend, kinds=LOCAL),
    "F22": Flow(title="extended at the device, hybrid", play=_extend, kinds=HYBRID, variants=_REFUSED),
    **{
        name: Flow(title=title, play=steps, variants=variants)
        for name, (title, steps, variants) in SIGN_IN_FLOWS.items()
    },
}
