"""
The manual page hotdesk-daemon(8), made from the help of the verbs.

``python -m hotdesk_daemon.cli.manpage`` writes it to stdout in man(7)'s macros: the same bytes for the same code.
"""

from __future__ import annotations

import re
import sys
from inspect import cleandoc
from typing import TYPE_CHECKING, Final

import click

from hotdesk_daemon import __version__
from hotdesk_daemon.cli.options import with_daemon
from hotdesk_daemon.cli.program import CONFIGURATION, FAILED, PROGRAM, REFUSED, TEMPORARY, main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MARK: Final = re.compile(r"`([^`]+)`")
_SAFE: Final = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"}
_NO_MARGINS: Final = "\b"  # click's mark for a paragraph whose lines stay as they are

_DESCRIPTION: Final = """
It listens to the Cisco RoomOS devices on desks that anyone may book, over their WebSockets or through the Webex cloud,
keeps one true picture of every desk, applies the configured rules, tells the devices, and records why each thing
happened.

`run` is the daemon. The other verbs ask a running daemon over HTTP, read its journal beside it, or prepare something.
Data goes to stdout, everything else to stderr. Tables, colours and progress are for terminals: in a pipe there is one
line with tabs for each thing, or JSON with `--format json`.
"""
_STATUSES: Final = (
    (0, "Done."),
    (FAILED, "Failed, or something was found, as the verb says."),
    (2, "The command line is wrong."),
    (TEMPORARY, "Not now: the daemon cannot be reached, or a file is in use. Try again later."),
    (REFUSED, "Refused, by the daemon or by the system."),
    (CONFIGURATION, "The configuration, or a file that was named, cannot be used. systemd does not restart after it."),
)
_FILES: Final = (
    ("/etc/hotdesk/hotdesk.toml", "The configuration, unless another is named."),
    ("/etc/hotdesk/conf.d/*.toml", "Laid over it in name order."),
    ("/var/lib/hotdesk/", "The state directory of the service; elsewhere it is daemon.state_dir, by default ./var."),
    ("/var/lib/hotdesk/journal.sqlite3", "The journal: everything that happened."),
    ("/var/lib/hotdesk/http-token", "The token for everything that changes something, unless http.token names one."),
    ("/var/lib/hotdesk/pseudonyms.key", "The key of the pseudonyms in captures."),
    ("/var/lib/hotdesk/organisations/", "For each organisation its tokens and the names of its desks."),
    ("/var/lib/hotdesk/halt", "While it is there nothing is sent to any device."),
    ("/var/lib/hotdesk/breaker", "While it is there the commands of the rules are held back."),
)
_VARIABLES: Final = (
    ("HOTDESK_CONFIG", "The configuration file, where --config names none."),
    ("HOTDESK_SECTION__KEY", "Sets one setting, over the files: HOTDESK_HTTP__PORT=8481 sets http.port."),
    ("CREDENTIALS_DIRECTORY", "Where secrets written as credential:NAME are; systemd sets it."),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "How the daemon tells systemd that it is ready and alive; systemd sets them."),
)
_SIGNALS: Final = (
    (
        "SIGTERM, SIGINT",
        "Stop; commands that are being sent have daemon.drain for their answers. A second one waits for none.",
    ),
    ("SIGHUP", "Read the configuration again, as reload does; what came of it stands in the log."),
)
_SEE_ALSO: Final = """
`systemd.service`(5), `systemd.exec`(5), `journalctl`(1), /usr/share/doc/hotdesk-daemon/
"""


def render() -> str:
    """The whole page."""
    title = f'.TH {PROGRAM.upper()} 8 "" "{PROGRAM} {__version__}" "System Administration"'
    context = click.Context(main, info_name=PROGRAM)
    shared = _shared(context)
    return "\n".join([title, *_front(), *_options(shared), *_verbs(context, shared), *_back(shared)]) + "\n"


def _front() -> Iterator[str]:
    summary = (main.help or "").strip()
    summary = summary[:1].lower() + summary[1:]
    yield ".SH NAME"
    yield f"{_text(PROGRAM)} \\- {_text(summary.rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield f".B {_text(PROGRAM)}\n.I VERB\n.RI [ OPTIONS ]\n.RI [ ARGUMENTS ]"
    yield ".SH DESCRIPTION"
    yield from _prose(_DESCRIPTION)


def _options(shared: Sequence[click.Option]) -> Iterator[str]:
    yield ".SH OPTIONS"
    yield from _prose("Each verb has its own, and some of these, as it says. `--help` after a verb shows them too.")
    yield from _option_list(shared, click.Context(main))
    yield from _item("--version", "Before a verb: show the version.")


def _verbs(context: click.Context, shared: Sequence[click.Option]) -> Iterator[str]:
    yield ".SH COMMANDS"
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None:
            yield from _verb(command, click.Context(command, info_name=name), name, shared)


def _verb(command: click.Command, context: click.Context, name: str, shared: Sequence[click.Option]) -> Iterator[str]:
    """One verb; of a group also each verb in it."""
    if isinstance(command, click.Group):
        yield f".SS {_text(name)}"
        yield from _prose(command.help or "")
        for inner in command.list_commands(context):
            one = command.get_command(context, inner)
            if one is not None and not one.hidden:
                yield from _verb(one, click.Context(one, info_name=inner, parent=context), f"{name} {inner}", shared)
        return
    yield f".SS {_text(' '.join([name, *command.collect_usage_pieces(context)]))}"
    yield from _prose(command.help or "")
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and not _is_help(one)]
    told = {(option.name, option.help) for option in shared}
    own = [one for one in options if (one.name, one.help) not in told]
    yield from _option_list(own, context)
    also = [f"`{one.opts[0]}`" for one in options if one not in own]
    if also:
        yield from _prose(f"{'Also' if own else 'Takes'} {', '.join(also)}.")


def _back(shared: Sequence[click.Option]) -> Iterator[str]:
    variables = list(_VARIABLES)
    variables += [
        (str(one.envvar), f"Stands for {one.opts[0]}, where that is not given.") for one in shared if one.envvar
    ]
    for heading, rows in (
        ("EXIT STATUS", _STATUSES),
        ("FILES", _FILES),
        ("ENVIRONMENT", variables),
        ("SIGNALS", _SIGNALS),
    ):
        yield f".SH {heading}"
        for term, meaning in rows:
            yield from _item(str(term), meaning)
    yield ".SH SEE ALSO"
    yield from _prose(_SEE_ALSO)


def _shared(context: click.Context) -> list[click.Option]:
    """The options that `with_daemon` gives to verbs, which are told once."""

    @click.command()
    @with_daemon
    def probe() -> None:
        raise AssertionError("its options are what it is for")

    found = [one for one in probe.get_params(context) if isinstance(one, click.Option) and not _is_help(one)]
    return sorted(found, key=lambda option: option.opts[-1])


def _is_help(option: click.Option) -> bool:
    return "--help" in option.opts


# --- man(7) ----------------------------------------------------------------------------------------------------------


def _option_list(options: Sequence[click.Option], context: click.Context) -> Iterator[str]:
    for option in options:
        record = option.get_help_record(context)  # None for hidden ones
        if record is not None:
            yield from _item(*record)


def _item(term: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_text(term)}\\fR"
    yield _line(meaning) or "\\&"


def _prose(text: str) -> Iterator[str]:
    """Paragraphs; an indented one keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", cleandoc(text)):
        lines = [line for line in paragraph.splitlines() if line.strip() and line.strip() != _NO_MARGINS]
        if lines and (paragraph.lstrip(" ").startswith(_NO_MARGINS) or lines[0].startswith("    ")):
            yield ".PP\n.nf"
            yield from (_line(line) for line in lines)
            yield ".fi"
        elif lines:
            yield ".PP"
            yield _line(" ".join(line.strip() for line in lines))


def _line(text: str) -> str:
    """A line of text with `names` bold, which roff takes for no request."""
    marked = _MARK.sub(r"\\fB\1\\fR", "`".join(map(_text, text.split("`"))))
    return f"\\&{marked}" if marked.startswith((".", "'")) else marked


def _text(text: str) -> str:
    """*text* without anything that roff understands; other characters than ASCII by their numbers."""
    return "".join(_SAFE.get(one, one) if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)


if __name__ == "__main__":
    sys.stdout.write(render())
