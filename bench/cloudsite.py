"""
The cloud of a measurement: the simulated one in a process of its own, with one organisation on a floor at rest.

It is the package's own simulator, so that activation, tokens, pages and statuses are met as they are; only its queue is
another one, which is never empty while something is to be poured.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import time
from collections import Counter, deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import uvloop

from bench.messages import Speaker, messages
from bench.mix import stamped
from bench.wires import LIFE_S, Parent, order
from hotdesk_daemon.simulator.clock import ScaledClock
from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
from hotdesk_daemon.simulator.cloud.ids import public_id
from hotdesk_daemon.simulator.cloud.outbox import QueueBox
from hotdesk_daemon.simulator.desks import DeskPlan
from hotdesk_daemon.simulator.floor import Floor

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.schedule import Schedule

MOST_EVENTS: Final = 500_000
BATCH: Final = 100
_SECOND: Final = timedelta(seconds=1)
_NOT_COUNTED: Final = ("/queue", "/access_token")  # the rate is not theirs


class Pouring(QueueBox):
    """The queue, with as much to say as the measurement wants; a message is stamped when it is handed over."""

    def __init__(self, schedule: Schedule, speakers: list[Speaker]) -> None:
        super().__init__(schedule)
        self._talk = itertools.cycle([messages(speaker, seed=n) for n, speaker in enumerate(speakers)])
        self._unsent: deque[bytes] = deque()

    def prepare(self, events: int) -> None:
        """Make *events* in all, each by the next device: making them takes time."""
        self._made = [next(talk) for talk in itertools.islice(self._talk, events)]

    def pour(self) -> None:
        """Hand over what was made, batch by batch, to whoever polls."""
        self._unsent.extend(self._made)
        self.wake()

    async def wait(self) -> None:
        """Return at once while there is something to be poured."""
        if not self._unsent:
            await super().wait()

    def take(self) -> list[bytes]:
        """Take a full batch off."""
        now_ns = time.monotonic_ns()
        size = min(BATCH, len(self._unsent))
        return [stamped(self._unsent.popleft(), now_ns) for _ in range(size)] or super().take()


def _speakers(organisation: CloudOrganisation) -> list[Speaker]:
    return [
        Speaker(
            device=organisation.device_id(device),
            workspace=public_id("PLACE", organisation.workspace_uuid(desk)),
            organisation=organisation.id,
        )
        for desk, device in organisation.stations()
    ]


def _seen(organisation: CloudOrganisation) -> dict[str, Any]:
    """What was asked of the organisation: how much, how fast, and how it was answered."""
    asked = [one for one in organisation.requests if not one.path.endswith(_NOT_COUNTED)]
    statuses = Counter(str(one.status) for one in asked)
    most, window = 0, deque[Any]()
    for one in asked:
        window.append(one.at)
        while one.at - window[0] >= _SECOND:
            window.popleft()
        most = max(most, len(window))
    took_s = (asked[-1].at - asked[0].at) / _SECOND if asked else 0.0
    return {"requests": len(asked), "took_s": took_s, "most_per_s": most, "statuses": dict(statuses)}


async def main() -> None:
    """Listen, tell where, and do as the parent says until it goes."""
    parent, given = await Parent.meet(), order()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # every simulated device listens
    plans = [DeskPlan(workspace=f"Desk {number:04d}") for number in range(given["desks"])]
    async with (
        asyncio.timeout(LIFE_S),
        Floor(plans, clock=ScaledClock()) as floor,
        SimulatedCloud(floor) as cloud,
    ):
        organisation = cloud.organisations[0]
        organisation.rate_per_s = given.get("most_per_s")
        speakers = _speakers(organisation)
        organisation.queue = pouring = Pouring(floor.schedule, speakers)
        parent.say(
            jwks_url=cloud.jwks_url,
            supported_url=cloud.supported_url,
            client_id=organisation.client_id,
            client_secret=organisation.client_secret,
            app_id=organisation.app_id,
            code=organisation.activation_code(),
        )
        while (wish := await parent.hear()) is not None:
            if "events" in wish:
                pouring.prepare(min(MOST_EVENTS, wish["events"]))
                parent.say(prepared=True)
            elif "pour" in wish:
                pouring.pour()
            elif "speakers" in wish:
                parent.say(speakers=[[one.device, one.workspace, one.organisation] for one in speakers])
            elif "forget" in wish:
                organisation.requests.clear()
                parent.say(forgotten=True)
            else:
                parent.say(**_seen(organisation))


if __name__ == "__main__":
    uvloop.run(main())
