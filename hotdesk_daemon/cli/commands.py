"""``commands``: what the daemon decided to send, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import click

from hotdesk_daemon.cli.asking import ask
from hotdesk_daemon.cli.door import API, part
from hotdesk_daemon.cli.options import Client, with_daemon
from hotdesk_daemon.cli.screen import Row, clean, clock, show_json, show_table
from hotdesk_daemon.core.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADERS = ("COMMAND", "DESK", "PATH", "STATE", "TRIES", "DECIDED", "BOOKING", "WHY", "MESSAGE")
_SPARE = ("DESK", "BOOKING", "TRIES", "DECIDED")
_Given: TypeAlias = Any  # what click hands over: the options of `_of_some`
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


def _of_some(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give *verb*, which does something to commands, the options that choose them."""
    verb = click.option("--path", help="With --all-parked: only of this path, such as 'Bookings Delete'.")(verb)
    verb = click.option("--desk", help="With --all-parked: only of this desk.")(verb)
    verb = click.option("--all-parked", is_flag=True, help="All that wait for a person.")(verb)
    return with_daemon(click.argument("command_id", metavar="[COMMAND]...", nargs=-1)(verb))


@command.command("retry")
@_of_some
def retry(client: Client, **chosen: _Given) -> int:
    """Send parked commands again."""
    return _each(client, "retry", **chosen)


@command.command("drop")
@_of_some
def drop(client: Client, **chosen: _Given) -> int:
    """Give commands up: parked ones, or ones that wait to be sent."""
    return _each(client, "drop", **chosen)


def _each(
    client: Client, action: str, *, command_id: tuple[str, ...], all_parked: bool, desk: str | None, path: str | None
) -> int:
    """Ask for *action* on each command; one that is refused does not keep the others from it. 1 if any was."""
    if bool(command_id) == all_parked or ((desk or path) and not all_parked):
        raise click.UsageError("name commands, or choose with --all-parked, which --desk and --path narrow")
    named = list(command_id)
    if all_parked:
        parked = client.door.items(f"{API}/commands", {"desk": desk, "state": ("parked",)}, cursor="before")
        named = [item["id"] for item in reversed(parked.items) if path in (None, item["path"])]
        click.echo(f"{len(named)} parked commands", err=True)
    refused = 0
    for one in named:
        try:
            ask(client, "POST", f"/commands/{part(one)}/{action}", done=f"{action} of {one} asked for")
        except PermanentError as exc:
            if len(named) == 1:
                raise
            refused += 1
            click.echo(clean(f"{one}: {exc}"), err=True)
    return 1 if refused else 0


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
