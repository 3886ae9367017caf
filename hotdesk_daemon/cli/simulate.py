"""``simulate``: the simulated site without a daemon."""

from __future__ import annotations

import click

from hotdesk_daemon.cli.options import Config, with_config

_SPEED_HELP = "Simulated seconds per real second; a daemon pointed at the site needs 1."


@click.command("simulate")
@with_config
@click.option("--desks", type=click.IntRange(1, 5000), help="How many desks the site has.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="The same seed gives the same day.")
@click.option(
    "--transport",
    type=click.Choice(["socket", "queue", "webhook"]),
    help="How a daemon is to reach it: each device's socket, or a simulated cloud.",
)
@click.option("--speed", type=click.FloatRange(0.01, 10_000), default=1, show_default=True, help=_SPEED_HELP)
def command(config: Config, desks: int | None, seed: int | None, transport: str | None, speed: float) -> int:
    """Run a site that does not exist: devices on loopback, and people who use them."""
    given: dict[str, object] = {"simulator__desks": desks, "simulator__seed": seed, "simulator__speed": speed}
    given["simulator__transport"] = transport
    settings = config.load(**{name: None if value is None else str(value) for name, value in given.items()})
    from hotdesk_daemon.app.simulate import main

    return main(settings)
