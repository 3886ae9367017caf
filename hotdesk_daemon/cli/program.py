"""
The program ``hotdesk-daemon``: finds the verb, runs it, and turns whatever happens into an exit code.

Verbs are imported when they are run, and their one-line help stands here, so that ``--help`` costs nothing. Exit
codes: 0 done, 1 failed, 2 usage, 75 temporary (for instance the daemon cannot be reached), 77 refused, 78
configuration.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import click

from hotdesk_daemon.core.errors import ConfigError, HotdeskError, RefusedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM: Final = "hotdesk-daemon"
FAILED: Final = 1
TEMPORARY: Final = os.EX_TEMPFAIL
REFUSED: Final = os.EX_NOPERM
CONFIGURATION: Final = os.EX_CONFIG
_CODES: Final = {ConfigError: CONFIGURATION, RefusedError: REFUSED, TransientError: TEMPORARY}
_INTERRUPTED: Final = 130
_LAST_STANDARD: Final = 2
#: What writing to a full or broken disk ends with.
_OUTPUT_LOST: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
_PIPE_CLOSED: Final = 141  # as if SIGPIPE had ended us, which is what a shell expects of a closed pipe

_Given: TypeAlias = Any  # whatever click hands around

#: Each verb's module (and the command's name in it) with its one-line help, in the order of ``--help``.
VERBS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("run", "Run the daemon."),
    "init": ("init", "Write an annotated configuration to begin with."),
    "reload": ("reload", "Have the daemon read its configuration again."),
    "check-config": ("check_config", "Check the configuration and start nothing."),
    "doctor": ("doctor", "Look for everything that will hurt later."),
    "diagnose": ("diagnose", "Write what a ticket needs into one file, without persons and secrets."),
    "manifest": ("manifest", "Print the manifest of the Webex workspace integration."),
    "activate": ("activate", "Activate an organisation's workspace integration."),
    "simulate": ("simulate", "Run the simulated site alone."),
    "desks": ("desks", "Show desks."),
    "bookings": ("bookings", "Show bookings."),
    "book": ("book", "Ask for a booking."),
    "edit": ("edit", "Ask for another time or title of a booking."),
    "delete": ("delete", "Ask for a booking's end."),
    "sign-out": ("sign_out", "Sign out whoever is signed in at a desk."),
    "resync": ("resync", "Read a desk's bookings from its devices again."),
    "commands": ("commands", "Show commands; retry or drop parked ones."),
    "parked": ("parked", "Show commands that wait for a person."),
    "top": ("top", "Show the site at a glance, live."),
    "halt": ("halt", "Stop all sending, at once."),
    "resume": ("resume", "Let commands leave again."),
    "breaker": ("breaker", "Show the breaker, or close it."),
    "maintenance": ("maintenance", "Leave a desk alone for a while."),
    "explain": ("explain", "Show why a desk is as it is."),
    "timeline": ("timeline", "Draw a desk's day."),
    "capture": ("capture", "Write history to a file."),
    "import": ("import_", "Make a capture of what other tools have written."),
    "replay": ("replay", "Run history through the same rules again."),
    "what-if": ("what_if", "Run history under other rules, and compare."),
    "journal": ("journal", "Measure, verify, prune and copy the journal; erase a person."),
    "tap": ("tap", "Show what happens, live."),
    "version": ("version", "Show the version."),
}


class _Program(click.Group):
    """A group whose verbs are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"hotdesk_daemon.cli.{VERBS[cmd_name][0]}")
        return cast("click.Command", module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])

    def invoke(self, ctx: click.Context) -> _Given:
        """Run the verb; what reads our output may leave at any time, which is no error."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _abandon_output()
            return _PIPE_CLOSED
        return code

    def main(self, *args: _Given, **more: _Given) -> _Given:
        """Run and leave with an exit code; nobody sees a traceback unless the program itself is wrong."""
        more.update(prog_name=PROGRAM, standalone_mode=False)
        _fill_standard_streams()
        try:
            code = _code(super().main(*args, **more))
        except Exception as exc:  # noqa: BLE001 the top level: whatever it is, it becomes a message and a code
            code = _tell(exc)
        sys.exit(code)


def _code(returned: object) -> int:
    """A verb returns its exit code, or nothing when all is well."""
    return returned if isinstance(returned, int) else 0


def _tell(exc: Exception) -> int:
    """Say on stderr what went wrong and choose the exit code."""
    if isinstance(exc, click.ClickException):
        exc.show()
        return exc.exit_code
    if isinstance(exc, click.exceptions.Abort):
        return _INTERRUPTED
    if isinstance(exc, OSError) and exc.errno in _OUTPUT_LOST:
        _say(f"the output cannot be written: {exc.strerror or exc}")
        _abandon_output()
        return FAILED
    if not isinstance(exc, HotdeskError):
        from hotdesk_daemon.ops.guard import scrub_text

        click.echo(scrub_text("".join(traceback.format_exception(exc))), err=True, nl=False)
        _say("this is a mistake in the program; the lines above help to mend it")
        return FAILED
    _say(*(exc.problems if isinstance(exc, ConfigError) else (str(exc),)))
    return next((code for kind, code in _CODES.items() if isinstance(exc, kind)), FAILED)


def _say(*lines: str) -> None:
    from hotdesk_daemon.cli.screen import clean

    for line in lines:
        click.echo(f"{PROGRAM}: " + "\n".join(map(clean, line.split("\n"))), err=True)


def _fill_standard_streams() -> None:
    """
    Stand in for streams that were closed before we began.

    Else the next file that is opened, such as the journal, takes their number and gets what is meant for people.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
        os.set_inheritable(number, True)  # noqa: FBT003 - the standard library's signature
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the whole run


def _abandon_output() -> None:
    """Let the interpreter's last flush go nowhere: the reader has left, which is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 75 temporary, 77 refused, 78 configuration.",
)
@click.version_option(package_name="hotdesk-daemon", message="%(package)s %(version)s")
def main() -> None:
    """Keeps the true state of Webex hot desks, and changes it reliably."""
