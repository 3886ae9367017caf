"""
Simulated devices on loopback behind a simulated cloud, and Cisco's client for workspace integrations that takes it for
Webex.

The client program plays tricks on the devices through the floor's control door, and has the cloud send actions through
the door here. It prints one line for each check and ends with status 0 when all of them passed. The client asks fixed
hosts for the keys that the cloud signs with; see ``webex_hosts.cjs`` for how that leads here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt
import msgspec
from aiohttp import web

from hotdesk_daemon.simulator import DeskPlan, Floor, ScaledClock
from hotdesk_daemon.simulator.certificates import Certificate, make_certificate
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from tests.interop.meeting import HERE, SPEED, satisfied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator.cloud import CloudOrganisation

CLIENT: Final = "workspace-integrations"
COMMAND: Final = ["node", "--require", str(HERE / "webex_hosts.cjs"), str(HERE / "with_workspace_integrations.mjs")]
#: The hosts that have the keys of the regions where the simulated cloud can be; its certificate names them.
KEY_HOSTS: Final = ("xapi-a.wbx2.com", "xapi-k.wbx2.com", "xapi-r.wbx2.com")
PLANS: Final = (
    DeskPlan(workspace="Local desk"),
    DeskPlan(workspace="Hybrid desk", kind="hybrid", backend_delay_s=2.0),
)


class CloudDoor:
    """
    What the client program can have the cloud do, by HTTP on loopback.

        POST /actions  {"action": "healthCheck", "signed_by": "cloud", "age_s": 0, "times": 1}: put it in the queue
        POST /move     to another region
    """

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        """Listen while the context is open; gives the URL."""
        app = web.Application()
        app.add_routes([web.post("/actions", self._send), web.post("/move", self._move)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    @property
    def _organisation(self) -> CloudOrganisation:
        return self._cloud.organisations[0]

    async def _send(self, request: web.Request) -> web.Response:
        order = await request.json()
        issued = self._organisation.now() - timedelta(seconds=order.get("age_s", 0))
        token = self._organisation.token(order["action"], iat=int(issued.timestamp()))
        if order.get("signed_by", "cloud") == "stranger":
            token = self._forged(token)
        for _ in range(order.get("times", 1)):
            self._organisation.queue.put(msgspec.json.encode({"type": "action", "jwt": token}))
        return web.json_response({})

    def _forged(self, token: str) -> str:
        """The same claims under the name of the cloud's key, signed by somebody else."""
        claims = jwt.decode(token, options={"verify_signature": False})
        key = self._cloud.strangers_key.private
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": self._cloud.key.kid})

    async def _move(self, _request: web.Request) -> web.Response:
        self._organisation.move_region()
        return web.json_response({})


async def meet(certificate: Certificate, pem: Path, *, modules: str) -> bool:
    """Let the client meet the cloud; whether it was satisfied."""
    async with (
        Floor(PLANS, clock=ScaledClock(speed=SPEED), seed=1) as floor,
        SimulatedCloud(floor, certificate=certificate) as cloud,
        CloudDoor(cloud).opened() as door,
    ):
        organisation = cloud.organisations[0]
        places: dict[str, object] = {
            "modules": modules,
            "control": await floor.open_control(),
            "door": door,
            "activationCode": organisation.activation_code(),
            "clientId": organisation.client_id,
            "clientSecret": organisation.client_secret,
            "appId": organisation.app_id,
            "desks": {
                desk.kind: {
                    "control": desk.device.device_id,
                    "device": organisation.device_id(desk.device),
                    "workspace": desk.workspace,
                }
                for desk in organisation.desks
            },
        }
        env = {**os.environ, "NODE_EXTRA_CA_CERTS": str(pem), "SIMULATED_CLOUD": cloud.url}
        return await satisfied(CLIENT, COMMAND, places, env=env)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", required=True, help="directory with the client's node_modules")
    modules = str(Path(parser.parse_args().modules).resolve())
    certificate = make_certificate(also=KEY_HOSTS)
    with tempfile.TemporaryDirectory(prefix="hotdesk-interop-") as folder:
        pem = Path(folder) / "cloud.pem"
        pem.write_bytes(certificate.pem)
        happy = asyncio.run(meet(certificate, pem, modules=modules))
    print(f"interop: {CLIENT} passed" if happy else f"interop: {CLIENT} FAILED")  # noqa: T201
    return 0 if happy else 1


if __name__ == "__main__":
    sys.exit(main())
