"""
Simulated devices on loopback, and one client program after the other that takes them for real.

Each client gets desks of its own, once in clear text and once over TLS, and plays tricks on its devices through the
floor's control door. It prints one line for each check and ends with status 0 when all of them passed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from hotdesk_daemon.simulator import DeskPlan, Floor, ScaledClock, User

SPEED: Final = 5.0
CLIENT_LIMIT_S: Final = 60.0
HERE: Final = Path(__file__).parent
USERS: Final = (
    User(name="admin", password="???>>>p"),  # in base64 it has all of + / =
    User(name="clerk", password="clerk", roles=frozenset({"User"})),
)
COMMANDS: Final = {
    "jsxapi": ["node", str(HERE / "with_jsxapi.mjs")],
    # It uses an argument of aiohttp that is on its way out; that is between those two.
    "xows": [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / "with_xows.py")],
}


def plans(clients: list[str]) -> list[DeskPlan]:
    return [
        DeskPlan(workspace=f"{client} {kind}", kind=kind, backend_delay_s=2.0)
        for client in clients
        for kind in ("local", "hybrid")
    ]


async def meet(clients: list[str], *, modules: str, tls: bool) -> list[str]:
    """Let every client meet a floor; return those that were not satisfied."""
    clock = ScaledClock(speed=SPEED)
    unhappy = []
    async with Floor(plans(clients), clock=clock, seed=1, users=USERS, tls=tls) as floor:
        control = await floor.open_control()
        for client in clients:
            scheme = "wss" if tls else "ws"
            places: dict[str, object] = {
                "scheme": scheme,
                "control": control,
                "modules": modules,
                "users": {user.name: user.password for user in USERS},
                **{
                    kind: {"id": station.device_id, "url": station.url}
                    for kind in ("local", "hybrid")
                    for station in floor.desk(f"{client} {kind}").stations
                },
            }
            if not await satisfied(client, COMMANDS[client], places):
                unhappy.append(f"{client} over {scheme}")
    return unhappy


async def satisfied(
    client: str, command: list[str], places: dict[str, object], *, env: dict[str, str] | None = None
) -> bool:
    """Run one client program to its end, or to its limit."""
    process = await asyncio.create_subprocess_exec(*command, json.dumps(places), env=env)
    try:
        async with asyncio.timeout(CLIENT_LIMIT_S):
            return await process.wait() == 0
    except TimeoutError:
        print(f"FAIL {client}: it did not end within {CLIENT_LIMIT_S:g} s", flush=True)  # noqa: T201
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", default="", help="directory with the JavaScript client's node_modules")
    parser.add_argument("clients", nargs="+", choices=sorted(COMMANDS))
    args = parser.parse_args()
    unhappy: list[str] = []
    for tls in (False, True):
        unhappy += asyncio.run(meet(args.clients, modules=str(Path(args.modules).resolve()), tls=tls))
    print(f"interop: {', '.join(unhappy)} FAILED" if unhappy else "interop: all passed")  # noqa: T201
    return 1 if unhappy else 0


if __name__ == "__main__":
    sys.exit(main())
