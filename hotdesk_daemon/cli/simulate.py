"""``simulate``: the simulated site without a daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hotdesk_daemon.cli.sources import Source, with_source
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdesk_daemon.app.served import Script

_SPEED_HELP = "Simulated seconds per real second; a daemon pointed at the site needs 1."


@click.command("simulate")
@with_source
@click.option("--desks", type=click.IntRange(1, 5000), help="How many desks the site has.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="The same seed gives the same day.")
@click.option(
    "--transport",
    type=click.Choice(["socket", "queue", "webhook"]),
    help="How a daemon is to reach it: each device's socket, or a simulated cloud.",
)
@click.option("--speed", type=click.FloatRange(0.01, 10_000), default=1, show_default=True, help=_SPEED_HELP)
@click.option("--desk", multiple=True, help="With --from or --journal: only this desk.")
@click.option("--as-recorded", is_flag=True, help="With --from or --journal: leave the times in messages as they are.")
def command(
    source: Source,
    desks: int | None,
    seed: int | None,
    transport: str | None,
    speed: float,
    desk: tuple[str, ...],
    *,
    as_recorded: bool,
) -> int:
    """
    Run a site that does not exist: devices on loopback, and people who use them.

    With --from or --journal nobody lives there: the devices say what was recorded, moved so that it begins now.
    """
    given: dict[str, object] = {"simulator__desks": desks, "simulator__seed": seed, "simulator__speed": speed}
    given["simulator__transport"] = transport
    served: Sequence[Script] = ()
    if source.is_named:
        served = _read(source, [DeskId(name) for name in desk], as_recorded=as_recorded)
    elif desk or as_recorded:
        raise click.UsageError("--desk and --as-recorded are about --from or --journal")
    wanted = {name: None if value is None else str(value) for name, value in given.items()}
    settings = source.config.for_simulation(**wanted)
    from hotdesk_daemon.app.simulate import main

    return main(settings, served=served)


def _read(source: Source, desks: list[DeskId], *, as_recorded: bool) -> Sequence[Script]:
    from hotdesk_daemon.app.served import scripts

    with source.open() as recording:
        return scripts(recording, desks=desks, shift_to=None if as_recorded else datetime.now(UTC))
