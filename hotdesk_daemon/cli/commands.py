"""``commands``: what the daemon decided to send, and what became of it."""

from __future__ import annotations

from typing import Any

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import API, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import Row, clean, clock, show_json, show_table

_HEADERS = ("COMMAND", "DESK", "PATH", "STATE", "TRIES", "DECIDED", "BOOKING", "WHY", "MESSAGE")
_SPARE = ("DESK", "BOOKING", "TRIES", "DECIDED")
_STATES = ("pending", "sending", "taken", "unknown", "parked", "done", "refused", "dropped")


class _ListsByDefault(click.Group):
    """A group that lists when no sub-verb is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("commands", cls=_ListsByDefault)
def command() -> None:
    """Show commands (list is the default); retry or drop parked ones."""


@command.command("list")
@click.option("--desk", help="Only of this desk.")
@click.option("--state", multiple=True, type=click.Choice(_STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many.")
@with_daemon
def list_(client: Client, desk: str | None, state: tuple[str, ...], limit: int) -> None:
    """Show commands, newest first."""
    show_commands(client, desk=desk, states=state, limit=limit)


@command.command("show")
@click.argument("command_id", metavar="COMMAND")
@with_daemon
def show(client: Client, command_id: str) -> None:
    """Show everything about COMMAND."""
    found = client.door.get(f"{API}/commands/{part(command_id)}")
    if client.as_json:
        show_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name}\t{clean(_plain(value))}".rstrip())


@command.command("retry")
@click.argument("command_id", metavar="COMMAND")
@with_daemon
def retry(client: Client, command_id: str) -> None:
    """Send the parked COMMAND again."""
    ask(client, "POST", f"/commands/{part(command_id)}/retry", done=f"retry of {command_id} asked for")


@command.command("drop")
@click.argument("command_id", metavar="COMMAND")
@with_daemon
def drop(client: Client, command_id: str) -> None:
    """Give the parked COMMAND up."""
    ask(client, "POST", f"/commands/{part(command_id)}/drop", done=f"drop of {command_id} asked for")


def show_commands(client: Client, *, desk: str | None, states: tuple[str, ...], limit: int) -> None:
    """Show the newest commands of these states."""
    listed = client.door.items(f"{API}/commands", {"desk": desk, "state": states}, cursor="before", most=limit)
    if client.as_json:
        show_json({"now": listed.now, "items": listed.items})
    else:
        show_table(_HEADERS, [_row(item, now=listed.now) for item in listed.items], now=listed.now, spare=_SPARE)


def _row(item: dict[str, Any], *, now: str) -> Row:
    return (
        item["id"],
        item["desk"],
        item["path"],
        item["state"],
        item["attempts"],
        clock(item["decided_at"], now=now),
        item["booking"],
        item["why"],
        item["message"],
    )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={member}" for name, member in value.items() if member is not None)
    return "" if value is None else str(value)
