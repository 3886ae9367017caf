"""
The reference documents that are made from declarations: ``docs/{configuration,logs,metrics}.md``.

    python -m hotdesk_daemon.ops.reference configuration > docs/configuration.md
    python -m hotdesk_daemon.ops.reference logs --check docs/logs.md

Without a topic it is ``configuration``. ``--check`` ends with 1 when the file is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.ops.events import COMMON_FIELDS, EVENTS, LogEvent
from hotdesk_daemon.ops.floods import MOST, WINDOW_S
from hotdesk_daemon.ops.journald import NAMESPACE, SHORT, message_id
from hotdesk_daemon.ops.metrics import DESK_SERIES, PROCESS, Metrics, MetricSpec, Values
from hotdesk_daemon.ops.settings import Settings
from hotdesk_daemon.ops.settings.declared import Applies, Setting, settings_of
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CONFIGURATION: Final = """\
# Configuration

<!-- Made from the code: python -m hotdesk_daemon.ops.reference configuration > docs/configuration.md -->

The daemon reads one TOML file, `hotdesk-daemon run --config FILE`, and everything in `conf.d/*.toml` beside it, in name
order. Later files stand over earlier ones, key by key; `[[desk]]` and `[[organisation]]` tables add up. Over the files
stands the environment: `HOTDESK_HTTP__PORT=8481` sets `http.port`. Lists of tables (desks, opening hours) stand in
files only. Over all stand the flags of the command line.

Everything is checked before anything starts. Unknown keys are errors. `hotdesk-daemon check-config --config FILE` shows
every mistake with file and line, also secrets that cannot be read and directories that cannot be written to; the daemon
itself ends with exit code 78 on any. With `--print-effective` it shows every setting as it counts, and the file and
line, variable or option that it comes from; with `--files-only` it leaves out what only the daemon's machine has.

* Durations are text with units: `"250ms"`, `"20s"`, `"15m"`, `"1h30m"`, `"7d"`. Sizes likewise: `"64KiB"`, `"4MiB"`.
* Relative paths start at the working directory of the daemon.
* Secrets stand nowhere in these files. They are named: `credential:NAME` is a systemd credential (`LoadCredential=`),
  `file:PATH` a file of which the last newline is not part, `env:NAME` an environment variable. A file that everybody
  on the machine can read gets a warning.

`hotdesk-daemon init FILE` writes a file to begin with, in which every setting stands with its meaning
(`config/examples/annotated.toml`). `config/hotdesk.toml` is the file as shipped; `config/examples/real-desk.toml` shows
two real desks, `webex.toml` two organisations.

## Reloading

`hotdesk-daemon reload`, `systemctl reload` or the signal SIGHUP have a running daemon read everything again: the files,
and what secrets refer to. It is checked as a whole before anything changes. If anything is wrong, for whatever reason,
the old configuration stays in force: the log says why (`config.reload_failed`, then a line per problem with file and
line), `hotdesk_config_last_reload_successful` is 0, and `hotdesk-daemon reload` ends with 78. Else what is different is
applied, and nothing else is touched: the desks, devices and organisations that are as before keep their sessions. The
log says what changed (`config.reloaded`). One reload at a time; asked for during a start it waits for its end, and
during a stop it is refused.

The column *a change counts* below says when:

| a change counts | |
|---|---|
| at once | with the reload |
| at the next connect | of each device; a session that stands goes on as it is |
| by a new link | of the device that it stands at, at once; other devices notice nothing |
| by new connections | of the organisation that it stands at, at once; its desks stay, and are listed again |
| at a restart | until then the old value counts; `config.restart_needed` names the setting |

Desks, devices and organisations that are added are served at once; those that are gone are let go once the commands
under way to them are answered, and keep their journal. A secret that has changed counts as a change of the setting that
names it: a device's new password renews its link.

A file that was cut off while it was written may still be good TOML, with fewer desks. So a reload that would let three
desks or more go, and more than a tenth of all, is refused like a mistake; desks of a directory that go with their
organisation count too. If it is meant, `hotdesk-daemon reload --remove-desks` does it, and so does a restart, which
asks nobody. Nothing tells a file that lost less from one that was changed: write it under another name, and rename it.

Systemd hands over credentials when the unit starts, so a changed
`credential:` needs a restart, while a `file:` does not; the environment of a process never changes.
"""

_LOGS: Final = """\
# Logs

<!-- Made from the code: python -m hotdesk_daemon.ops.reference logs > docs/logs.md -->

`hotdesk-daemon run` logs one fact per line, in one of these forms (`log.format`):

* `console`, for people: on a terminal.
* `journald`: under systemd, to the journal's own socket, every field under its own name.
* `json`, one object a line, on stdout: everywhere else. `logfmt` likewise, when asked for. Where the journal reads
  stdout, these lines begin with their level (`<3>` error … `<7>` debug).

Levels say what to do: **error** act, or data is lost; **warning** odd but handled, look when it repeats; **info** a
change somebody would ask about; **debug** everything else. A lasting failure is a warning once, debug while it
repeats, and info when it is over. No line names a person or a secret: such fields are left out, addresses, credentials
and tokens are blotted out, and of what devices and the cloud say in their own words `…` stands for every word that may
name somebody; `hotdesk-daemon commands show` has all of it. What libraries say takes the same way, as
`library.message`, from warning up.

## In the journal

A field's name is that of the tables below in capitals: `journal_seq` is `JOURNAL_SEQ`, `exception.type` is
`EXCEPTION_TYPE`. Three have a short name besides, for typing: @SHORT@. The field `message` is `TEXT`, because
`MESSAGE` is the whole line as text; `timestamp` and `level` are the journal's own time and `PRIORITY`. A traceback
stands below its line.

    journalctl -u hotdesk-daemon -p warning              # what was odd, and what needs somebody
    journalctl -u hotdesk-daemon DESK=osl-4-014          # one desk
    journalctl -u hotdesk-daemon BOOKING=osl-4-014.b17   # one booking
    journalctl -u hotdesk-daemon EVENT=command.parked -o json-pretty

Each event has a `MESSAGE_ID` that never changes: [below](#message-ids). When the journal takes nothing, lines go to
stdout with their level in front until it does (`log.journal_away`, `log.journal_back`); the daemon never waits for it.

## To follow a booking

Every line about a booking carries its `booking_id`, from the first event to the last answer: the booking's own life,
its open change, its sign-ins, and each command for it (decided, sent, taken, done; or refused, unknown, repeated,
parked, retried, dropped). It is the id that the HTTP door, `hotdesk-daemon bookings` and `explain` show, and it stays
the same over restarts. `command_id` tells the commands apart, `cause_seq` is the `journal_seq` of the line that led to
this one. What the cloud answered to a request carries both (at debug), with the tracking id that Webex support asks
for.

    journalctl -u hotdesk-daemon BOOKING=osl-4-014.b17
    grep -F '"booking_id":"osl-4-014.b17"' hotdesk.log
    hotdesk-daemon explain osl-4-014 --booking osl-4-014.b17   # from the daemon's journal, with every rule that decided

## Floods

Of one event at one desk (or organisation, or library) @MOST@ lines are written within @WINDOW@ s; how many more there
were is said once, when the time is over: `log.folded`. Debug lines and `config.…` are not folded. Nothing is missing in
the daemon's own journal: `hotdesk-daemon explain` and `tap` show all.
"""


_METRICS: Final = """\
# Metrics

<!-- Made from the code: python -m hotdesk_daemon.ops.reference metrics > docs/metrics.md -->

`GET /metrics` answers in Prometheus' text format, without a token: no metric names a person, a title or a booking.
`config/prometheus/hotdesk-daemon.rules.yml` has the alerts, each with a page in [runbooks](runbooks/README.md);
`config/grafana/hotdesk-daemon.json` is a dashboard. To have Prometheus ask:

    scrape_configs:
      - job_name: hotdesk-daemon
        static_configs:
          - targets: ["127.0.0.1:8480"]

Units are seconds and bytes; counters end in `_total` and begin at 0 with the process. Each label has the values named
here and no others, or one for each organisation. `desk` stands on two gauges only, and for the first @DESKS@ desks in
the order of names, so a desk has two series at most; `hotdesk_desk_series_left_out` says how many desks have none. All
desks are in the sums. While one look at 5,000 desks is answered (about 20 ms here: `python -m bench scrape`), nothing
else is done.
"""


def render_configuration() -> str:
    """Return ``docs/configuration.md``."""
    return "\n".join([_CONFIGURATION, *_chapters(Settings, "", {}, Applies.RESTART)]).rstrip() + "\n"


def render_logs() -> str:
    """Return ``docs/logs.md``."""
    short = ", ".join(f"`{name}` (`{field}`)" for field, name in SHORT.items())
    words = _LOGS.replace("@SHORT@", short).replace("@MOST@", str(MOST)).replace("@WINDOW@", f"{WINDOW_S:g}")
    lines = [words, "## Fields of any line", "", "| field | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in COMMON_FIELDS.items()]
    for family, events in groupby(EVENTS.values(), key=lambda event: event.name.partition(".")[0]):
        lines += ["", f"## {family}", "", "| event | level | meaning | fields |", "|---|---|---|---|"]
        lines += [_event_row(event) for event in events]
    lines += ["", "## Message ids", "", f"UUIDs of version 5, made of {NAMESPACE} and the event's name.", ""]
    lines += ["| event | `MESSAGE_ID` |", "|---|---|", *(f"| `{name}` | `{message_id(name)}` |" for name in EVENTS)]
    return "\n".join(lines) + "\n"


def render_metrics() -> str:
    """Return ``docs/metrics.md``."""
    lines = [_METRICS.replace("@DESKS@", str(DESK_SERIES)), "| metric | type | labels | meaning |", "|---|---|---|---|"]
    lines += [_metric_row(spec) for spec in Metrics(version="").specs.values()]
    lines += ["", "## The process", "", "Told by prometheus-client, where the machine lets it read `/proc`.", ""]
    lines += ["| metric | type | labels | meaning |", "|---|---|---|---|", *(_metric_row(spec) for spec in PROCESS)]
    return "\n".join(lines) + "\n"


def _metric_row(spec: MetricSpec) -> str:
    names = f"`{spec.name}`" if spec.kind == "histogram" else f"`{spec.samples[0]}`"
    labels = "; ".join(f"`{label}`: {_values(values)}" for label, values in spec.labels.items())
    return f"| {names} | {spec.kind} | {labels} | {spec.meaning} |"


def _values(values: Values) -> str:
    return values if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)


def _event_row(event: LogEvent) -> str:
    fields = ", ".join(f"`{field}`" for field in event.fields)
    return f"| `{event.name}` | {event.level} | {event.meaning} | {fields} |"


def _chapters(cls: type[Any], prefix: str, told: dict[type[Any], str], around: Applies) -> Iterator[str]:
    """One chapter per table below *cls*; a kind of table that was *told* before is pointed to."""
    for key, (words, _) in settings_of(cls).items():
        if not isinstance(words.kind, Table | Tables):
            continue
        inner, path = words.kind.cls, f"{prefix}{key}"
        heading = _heading(path, words)
        yield f"## `{heading}`\n"
        if inner in told:
            yield f"{words.doc} Left out: {words.none}. Its settings are those of `{told[inner]}`.\n"
            continue
        told[inner] = heading
        yield f"{cleandoc(inner.__doc__ or '')}\n"
        applies = words.applies or around
        yield "| setting | write | default | a change counts | meaning |\n|---|---|---|---|---|"
        yield "\n".join(_setting_rows(inner, applies)) + "\n"
        yield from _chapters(inner, f"{path}.", told, applies)


def _heading(path: str, words: Setting) -> str:
    return f"[[{path}]]" if isinstance(words.kind, Tables) else f"[{path}]"


def _setting_rows(cls: type[Any], around: Applies) -> Iterator[str]:
    for key, (words, field) in settings_of(cls).items():
        if not isinstance(words.kind, Table | Tables):
            counts = (words.applies or around).value
            cells = (f"`{key}`", words.kind.describe(), _default(words, field), counts, words.doc)
            yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(words: Setting, field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "*must be written*"
    if field.default == ():
        return "none"
    return words.none or "" if field.default is None else f"`{words.kind.render(field.default)}`"


_TOPICS: Final[Mapping[str, Callable[[], str]]] = {
    "configuration": render_configuration,
    "logs": render_logs,
    "metrics": render_metrics,
}


def main(arguments: list[str]) -> int:
    """Print the asked document, or check the file that should hold it."""
    parser = argparse.ArgumentParser(prog="python -m hotdesk_daemon.ops.reference")
    parser.add_argument("topic", nargs="?", choices=sorted(_TOPICS), default="configuration")
    parser.add_argument("--check", metavar="FILE", type=Path, nargs="?", const=Path())
    asked = parser.parse_args(arguments)
    text = _TOPICS[asked.topic]()
    if asked.check is None:
        sys.stdout.write(text)
        return 0
    file = Path("docs", f"{asked.topic}.md") if asked.check == Path() else asked.check
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{file} is out of date: python -m hotdesk_daemon.ops.reference {asked.topic} > {file}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
