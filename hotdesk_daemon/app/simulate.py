"""
The simulated site alone, for a daemon elsewhere or for other people's clients.

Its desks are printed as configuration, so that a daemon can be pointed at them; what is there to do goes to stderr.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.process import loop_factory
from hotdesk_daemon.app.served import play
from hotdesk_daemon.app.simulated import desk_settings, organisation_settings
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.ops.clocks import ScaledClock
from hotdesk_daemon.ops.logs import configure_logs, get_log
from hotdesk_daemon.ops.settings import SimulatorTransport
from hotdesk_daemon.ops.settings.desks import NAME
from hotdesk_daemon.ops.settings.kinds import quoted as as_toml
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from hotdesk_daemon.simulator.floor import DEFAULT_PASSWORD, Floor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdesk_daemon.app.served import Script
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.ops.settings import OrganisationSettings, Settings
    from hotdesk_daemon.simulator.desks import Desk

#: Where the printed configuration says that the devices' password is.
PASSWORD_VARIABLE: Final = "HOTDESK_SIMULATED_PASSWORD"  # noqa: S105 - a variable's name
WEBHOOK_VARIABLE: Final = "HOTDESK_SIMULATED_WEBHOOK_SECRET"


def main(settings: Settings, *, served: Sequence[Script] = ()) -> int:
    """
    Run the site until a signal; return the exit status.

    It begins now and not at ``simulator.start``: whatever is pointed at it lives by the machine's clock. With *served*
    it has those desks, which say what was recorded, instead of people who live.

    Raises:
        ConfigError: a configuration cannot name a desk or device of *served*, whose names may be anybody's.
    """
    if settings.simulator.transport is SimulatorTransport.SOCKET:
        _check_names(served)
    configure_logs(level=settings.log.level, form=settings.log.format, quote=quoted, stream=sys.stderr)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(settings, served))
    except (HotdeskError, OSError) as error:
        get_log().error("daemon.failed", error=str(error))
        return 1
    return 0


async def _run(settings: Settings, served: Sequence[Script]) -> None:
    wanted = settings.simulator
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = ScaledClock(speed=wanted.speed)
    plans = [script.plan for script in served] or wanted.desks
    async with Floor(plans, clock=clock, seed=wanted.seed, living=not served) as floor:
        if served:
            play(floor, served, on_end=_say_that_all_is_said)
        control = await floor.open_control()
        async with AsyncExitStack() as stack:
            if wanted.transport is SimulatorTransport.SOCKET:
                shown = "".join(_configuration(desk) for desk in floor.desks)
                way = f"Their password: export {PASSWORD_VARIABLE}={DEFAULT_PASSWORD}"
            else:
                cloud = await stack.enter_async_context(SimulatedCloud(floor))
                organisation = cloud.organisations[0]
                wanted_org = organisation_settings(cloud, organisation, settings)
                webhook = wanted_org.webhook
                secret = f" {WEBHOOK_VARIABLE}='{webhook.secret.reveal()}'" if webhook is not None else ""
                shown = _cloud_configuration(wanted_org)
                way = (
                    f"Its secret: export {PASSWORD_VARIABLE}={organisation.client_secret}{secret}\n"
                    f"Activate it: hotdesk-daemon activate {organisation.activation_code()}"
                )
            sys.stdout.write(shown)
            sys.stdout.flush()
            by_socket = wanted.transport is SimulatorTransport.SOCKET
            sys.stderr.write(_way_to(floor, control, way, speed=wanted.speed, by_socket=by_socket))
            sys.stderr.write(_about(served))
            sys.stderr.flush()
            await stop.wait()  # for ever: until a signal


def _check_names(served: Sequence[Script]) -> None:
    names = [name for script in served for name in (script.desk.desk_id, *script.devices)]
    unfit = [as_toml(name) for name in names if not re.fullmatch(NAME.pattern, name)]
    if unfit:
        also = f", nor {len(unfit) - 1} more" if len(unfit) > 1 else ""
        told = f"no configuration can name a desk or device {unfit[0]}{also}: it must be {NAME.what}"
        raise ConfigError(f"{told}; --transport queue serves any, and --desk chooses others")


def _say_that_all_is_said(desk: DeskId) -> None:
    sys.stderr.write(f"{_printable(desk)}: everything has been said\n")
    sys.stderr.flush()


def _about(served: Sequence[Script]) -> str:
    """What is special about a site that was recorded."""
    if not served:
        return ""
    cues = sum(len(script.cues) for script in served)
    silent = sum(script.silent for script in served)
    left_out = f" {silent} inputs are left out: their messages were not recorded." if silent else ""
    return f"A desk begins to say what was recorded, {cues} things in all, when its list is first read.{left_out}\n"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "·" for char in text)


def _body(**members: object) -> str:
    """A JSON object as one word of a shell's, whatever is in it."""
    return shlex.quote(json.dumps(members).replace("\x7f", "\\u007f"))


def _way_to(floor: Floor, control: str, way: str, *, speed: float, by_socket: bool) -> str:
    """What a person at the terminal needs to know."""
    first = floor.desks[0]
    count = "1 simulated desk is" if len(floor.desks) == 1 else f"{len(floor.desks)} simulated desks are"
    of_a_device = f"upgrade_502 -d {_body(device=first.stations[0].device_id)}"
    of_the_cloud = f"poll_error -d {_body(options={'status': 503})}"
    lines = [
        f"{count} listening; the configuration above points a daemon at them.",
        way,
        f"What can be done to them: curl {control}/desks, /faults and /flows tell; for instance",
        f"  curl -X PUT {control}/faults/{of_a_device if by_socket else of_the_cloud}",
        f"  curl -X POST {control}/flows/F03 -d {_body(desk=first.workspace)}",
        "Ctrl-C ends it.",
    ]
    if speed != 1:
        lines.insert(1, "Their clock runs fast and a daemon's own does not: to a daemon, most of it will be odd.")
    return "\n".join(lines) + "\n"


def _cloud_configuration(organisation: OrganisationSettings) -> str:
    lines = [
        "[[organisation]]",
        f'id = "{organisation.id}"',
        f'client_id = "{organisation.client_id}"',
        f'client_secret = "env:{PASSWORD_VARIABLE}"',
        f'events = "{organisation.events.value}"',
        f'jwks_url = "{organisation.jwks_url}"',
        f'supported_url = "{organisation.supported_url}"',
    ]
    if organisation.webhook is not None:
        lines += [
            "",
            "[organisation.webhook]",
            f'url = "{organisation.webhook.url}"',
            f'secret = "env:{WEBHOOK_VARIABLE}"',
        ]
    return "\n".join(lines) + "\n"


def _configuration(desk: Desk) -> str:
    held = desk_settings(desk)
    lines = ["[[desk]]", f'id = "{held.id}"', f'calendar = "{held.calendar.value}"', ""]
    for device in held.devices:
        lines += [
            "[[desk.device]]",
            f'id = "{device.id}"',
            f'url = "{device.url}"',
            f'username = "{device.username}"',
            f'password = "env:{PASSWORD_VARIABLE}"',
            "",
        ]
    return "\n".join(lines) + "\n"
