from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, ProtocolError, RefusedError, TransientError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input, StandbyState
from hotdesk_daemon.simulator import DeskPlan, Device, Floor, ManualClock
from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
from hotdesk_daemon.transport.cloud import CloudLink, CloudRest, ForbiddenError, NotFoundError, PauseError
from hotdesk_daemon.xapi.cloud import WANTED_STATUSES
from tests.transport.cloud.answering import AMPLE_S, Caller, a_caller, a_closed_port
from tests.transport.doubles import TICK_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

DEVICE = DeviceId("dev-1")
GET = "xCommand/Bookings/Get"
BOOK = "xCommand/Bookings/Book"
LIST = "xCommand/Bookings/List"
LOGOUT = "xCommand/Webex/Registration/Logout"


class NotedRest:
    """Notes what it is asked; ``trouble`` is raised instead."""

    def __init__(self) -> None:
        self.commands: list[tuple[Any, ...]] = []
        self.lists: list[tuple[Any, ...]] = []
        self.reads: list[tuple[Any, ...]] = []
        self.tree: Mapping[str, object] = {}
        self.trouble: HotdeskError | None = None

    async def command(self, device_id: str, name: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        self.commands.append((device_id, name, dict(arguments), timeout_s))
        if self.trouble is not None:
            raise self.trouble
        return {"Id": "8"}

    async def list_bookings(self, device_id: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        self.lists.append((device_id, dict(arguments), timeout_s))
        return {"Booking": []}

    async def status(self, device_id: str, names: Sequence[str], *, timeout_s: float) -> Mapping[str, object]:
        self.reads.append((device_id, tuple(names), timeout_s))
        if self.trouble is not None:
            raise self.trouble
        return self.tree


@pytest.fixture
def rest() -> NotedRest:
    return NotedRest()


@pytest.fixture
def link(rest: NotedRest) -> CloudLink:
    link = CloudLink(DEVICE, webex_id="webex-1", rest=rest, timeout_s=30.0)
    link.is_up = True
    return link


async def test_a_command_goes_by_the_clouds_name(link: CloudLink, rest: NotedRest) -> None:
    assert {"Id": "8"} == await link.call(BOOK, {"Title": "a"})
    await link.call(GET, {}, timeout_s=5.0)

    expected = [("webex-1", "Bookings.Book", {"Title": "a"}, 30.0), ("webex-1", "Bookings.Get", {}, 5.0)]
    assert expected == rest.commands


async def test_a_list_is_asked_for_as_a_list(link: CloudLink, rest: NotedRest) -> None:
    assert {"Booking": []} == await link.call(LIST, {"Days": 1})

    assert ([("webex-1", {"Days": 1}, 30.0)], []) == (rest.lists, rest.commands)


async def test_a_device_that_is_not_reached_is_sent_nothing(link: CloudLink, rest: NotedRest) -> None:
    link.is_up, link.cause = False, "the device is not connected to the cloud"

    with pytest.raises(TransientError, match="not reached"):
        await link.call(LIST, {})
    with pytest.raises(TransientError, match=r"dev-1 is not reached .* not connected to the cloud") as caught:
        await link.call(GET, {})

    assert TransientError is type(caught.value)
    assert ([], []) == (rest.commands, rest.lists)


async def test_a_new_link_is_not_up(rest: NotedRest) -> None:
    link = CloudLink(DEVICE, webex_id="webex-1", rest=rest, timeout_s=30.0)

    with pytest.raises(TransientError, match="not heard of yet"):
        await link.call(GET, {})

    assert link.software is None


@pytest.mark.parametrize("method", ["xGet", "xFeedback/Subscribe", "xStatus/Standby", "", "Bookings.Get"])
async def test_the_cloud_carries_commands_only(link: CloudLink, rest: NotedRest, method: str) -> None:
    with pytest.raises(ProtocolError):
        await link.call(method, {})

    assert [] == rest.commands


@pytest.mark.parametrize(
    "trouble", [TransientError("a"), LostAnswerError("b"), RefusedError("c", code=400), ProtocolError("d")]
)
async def test_what_the_cloud_says_is_handed_on(link: CloudLink, rest: NotedRest, trouble: HotdeskError) -> None:
    rest.trouble = trouble

    with pytest.raises(HotdeskError) as of_command:
        await link.call(GET, {})
    with pytest.raises(HotdeskError) as of_read:
        await link.read_statuses()

    assert trouble is of_command.value is of_read.value


@pytest.mark.parametrize("is_up", [False, True])
async def test_every_mirrored_status_is_asked_for_reached_or_not(
    link: CloudLink, rest: NotedRest, *, is_up: bool
) -> None:
    link.is_up = is_up

    assert () == await link.read_statuses()

    assert [("webex-1", tuple(WANTED_STATUSES), 30.0)] == rest.reads


async def test_what_is_read_becomes_inputs_of_the_device(link: CloudLink, rest: NotedRest) -> None:
    rest.tree = {"Standby": {"State": "Off"}, "Unknown": {"Thing": 1}}

    assert (StandbyState(device=DEVICE, value="Off"),) == await link.read_statuses()


class NotedAccess:
    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    async def denied(self, webex_id: str, error: str) -> None:
        self.told.append(("denied", webex_id, error))

    def asking(self) -> float:
        return 7.0

    def read(self, webex_id: str, found: tuple[Input, ...], *, asked_mono: float) -> tuple[Input, ...]:
        self.told.append(("read", webex_id, str(asked_mono)))
        return found[:-1]


async def test_whether_we_may_read_is_told_with_every_reading(rest: NotedRest) -> None:
    access = NotedAccess()
    link = CloudLink(DEVICE, webex_id="webex-1", rest=rest, timeout_s=30.0, access=access)

    rest.tree = {"Standby": {"State": "Off"}}
    assert () == await link.read_statuses()
    for trouble in (ForbiddenError("no", code=403), NotFoundError("gone", code=404), TransientError("later")):
        rest.trouble = trouble
        with pytest.raises(type(trouble)):
            await link.read_statuses()

    assert [("read", "webex-1", "7.0"), ("denied", "webex-1", "no")] == access.told


# --- a simulated cloud -----------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Reached:
    """One device behind a simulated cloud."""

    organisation: CloudOrganisation
    device: Device
    caller: Caller
    rest: CloudRest
    link: CloudLink

    def troubled(self, name: str, **options: Any) -> None:
        self.device.faults.enable(name, **options)


@pytest_asyncio.fixture
async def reached() -> AsyncIterator[Reached]:
    clock = ManualClock(yields=1)
    plans = (DeskPlan(workspace="A"),)
    async with Floor(plans, clock=clock) as floor, SimulatedCloud(floor) as cloud, a_caller(cloud.url) as caller:
        [organisation] = cloud.organisations
        organisation.access_tokens["token-1"] = clock.now().replace(year=2027)
        device = floor.desks[0].device
        rest = CloudRest(http=caller.http, budget=caller.budget, base_url=cloud.api_url)
        link = CloudLink(DEVICE, webex_id=organisation.device_id(device), rest=rest, timeout_s=AMPLE_S)
        link.is_up = True
        yield Reached(organisation, device, caller, rest, link)


async def test_a_command_reaches_the_device_and_its_statuses_are_read(reached: Reached) -> None:
    result = await reached.link.call(LIST, {"Days": 1})

    assert isinstance(result, dict)
    assert StandbyState(device=DEVICE, value="Off") in await reached.link.read_statuses()


async def test_a_device_that_is_off_did_nothing(reached: Reached) -> None:
    reached.device.reboot()

    with pytest.raises(TransientError, match="was not done") as caught:
        await reached.link.call(LOGOUT, {})
    with pytest.raises(TransientError, match="cannot be read"):
        await reached.link.read_statuses()

    assert TransientError is type(caught.value)


async def test_a_device_of_another_location_is_refused(reached: Reached) -> None:
    reached.organisation.elsewhere.add(reached.organisation.device_uuid(reached.device))

    with pytest.raises(RefusedError, match="another location") as caught:
        await reached.link.call(LOGOUT, {})

    assert 403 == caught.value.code


@pytest.mark.parametrize(
    ("when", "status", "error"),
    [
        ("before", 429, PauseError),
        ("before", 503, LostAnswerError),
        ("after", 502, LostAnswerError),
        ("before", 400, RefusedError),
    ],
)
async def test_the_clouds_own_trouble_is_told(
    reached: Reached, when: str, status: int, error: type[HotdeskError]
) -> None:
    reached.troubled("cloud_error", when=when, status=status)

    with pytest.raises(HotdeskError) as caught:
        await reached.link.call(LIST, {})

    assert error is type(caught.value)


async def test_an_answer_that_never_comes_is_lost(reached: Reached) -> None:
    reached.troubled("no_reply")

    with pytest.raises(LostAnswerError):
        await reached.link.call(LIST, {}, timeout_s=TICK_S)


async def test_no_cloud_at_all_means_that_nothing_was_done(reached: Reached) -> None:
    reached.rest.base_url = a_closed_port()

    with pytest.raises(TransientError, match="no connection") as caught:
        await reached.link.call(LOGOUT, {})

    assert TransientError is type(caught.value)
