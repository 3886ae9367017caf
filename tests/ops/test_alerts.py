"""Alert rules, runbooks and the dashboard speak of metrics, events, verbs and settings that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
import yaml

from hotdesk_daemon.api.routes import ROUTES
from hotdesk_daemon.cli.program import main
from hotdesk_daemon.ops.events import COMMON_FIELDS, EVENTS
from hotdesk_daemon.ops.journald import SHORT, field_name
from hotdesk_daemon.ops.metrics import PROCESS, Metrics
from hotdesk_daemon.ops.settings import Settings
from hotdesk_daemon.ops.settings.declared import settings_of
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "config/prometheus"
PROMTOOL: Final = shutil.which("promtool") or ""
RUNBOOKS: Final = ROOT / "docs/runbooks"
#: What Prometheus itself adds to each series, or has of its own.
TARGET: Final = {"job", "instance", "le"}
FOREIGN: Final = {"up": TARGET}

SAMPLES: Final = {
    sample: {*spec.labels} for spec in (*Metrics(version="").specs.values(), *PROCESS) for sample in spec.samples
}
FIELDS: Final = {
    field_name(name) for name in (*COMMON_FIELDS, *(field for event in EVENTS.values() for field in event.fields))
} | {*SHORT.values(), "PRIORITY", "MESSAGE_ID"}


def rules() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((PROMETHEUS / "hotdesk-daemon.rules.yml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in found["groups"] for rule in group["rules"]}


RULES: Final = rules()


def strangers(expression: str) -> list[str]:
    """Names in an expression of PromQL that are neither metrics nor labels of ours."""
    known = SAMPLES | FOREIGN
    metrics = {name for name in re.findall(r"\b[a-z_]+\b", expression) if name.startswith("hotdesk_")}
    metrics |= set(re.findall(r"\b(process_[a-z_]+|up)\b", expression))
    labels: set[str] = set()
    for name, matchers in re.findall(r"\b([a-z_]+)\{([^}]*)\}", expression):
        names = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        labels |= names - known.get(name, set()) - TARGET
    allowed = {label for metric in metrics for label in known.get(metric, ())} | TARGET
    for names in re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)", expression):
        labels |= {name.strip() for name in names.split(",") if name.strip()} - allowed
    return [*sorted(metrics - known.keys()), *(f"label {label}" for label in sorted(labels))]


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_asks_for_metrics_and_labels_that_there_are(alert: str) -> None:
    assert [] == strangers(RULES[alert]["expr"])


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_pages_says_what_it_means_and_names_its_runbook(alert: str) -> None:
    rule = RULES[alert]

    assert {"severity": "page"} == rule["labels"]
    assert {"summary", "description", "runbook_url"} == {*rule["annotations"]}
    head, _, page = rule["annotations"]["runbook_url"].rpartition("/")
    assert "{{ with $externalLabels.hotdesk_runbooks }}{{ . }}{{ else }}docs/runbooks{{ end }}" == head
    assert f"# {alert}\n" == (RUNBOOKS / page).read_text(encoding="utf-8").splitlines(keepends=True)[0]


def test_every_runbook_is_of_an_alert_and_in_the_list() -> None:
    titles = {page.read_text(encoding="utf-8").split("\n", 1)[0]: page.name for page in RUNBOOKS.glob("*.md")}
    listed = re.findall(r"^\| (\w+) \| \[(.+)\]\((.+)\) \|$", (RUNBOOKS / "README.md").read_text("utf-8"), re.MULTILINE)

    assert {f"# {alert}" for alert in RULES} == titles.keys() - {"# Runbooks"}
    assert [(name, titles[f"# {name}"], titles[f"# {name}"]) for name in RULES] == listed


def test_there_are_tests_for_when_each_alert_fires_and_when_not() -> None:
    groups = yaml.safe_load((PROMETHEUS / "tests.yml").read_text(encoding="utf-8"))["tests"]
    told: dict[str, set[bool]] = {alert: set() for alert in RULES}
    for group in groups:
        for one in group.get("alert_rule_test", ()):
            told[one["alertname"]].add(bool(one.get("exp_alerts")))
        for one in group.get("promql_expr_test", ()):
            for alert in re.findall(r'alertname="(\w+)"', one["expr"]):
                told[alert].add(bool(one["exp_samples"][0]["value"]))

    assert {alert: {True, False} for alert in RULES} == told


@pytest.mark.skipif(not PROMTOOL, reason="promtool (of the package prometheus) is not here")
def test_promtool_agrees_with_alerts_and_dashboard(tmp_path: Path) -> None:
    asked = [expression.replace("$__rate_interval", "5m") for _, expression in expressions()]
    recorded = [{"record": f"panel_{number}", "expr": expression} for number, expression in enumerate(asked)]
    panels = tmp_path / "panels.yml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))

    assert (0, "") == promtool("test", "rules", "tests.yml")
    assert (0, "") == promtool("check", "rules", str(panels))


def promtool(*words: str) -> tuple[int, str]:
    done = subprocess.run([PROMTOOL, *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=15, check=False)
    return done.returncode, done.stderr


# --- runbooks --------------------------------------------------------------------------------------------------------

PAGES: Final = sorted([*RUNBOOKS.glob("*.md"), ROOT / "docs/logs.md"])
SECTIONS: Final = [
    "What it means", "What users notice", "How to look", "What to do", "How to tell it is over",
]  # fmt: skip
#: Commands of the system, which are taken for granted.
OF_THE_SYSTEM: Final = {"systemctl", "df", "ls", "timedatectl", "grep"}
PLACEHOLDERS: Final = {"DEVICE"}


def commands_in(page: Path) -> Iterator[tuple[list[str], str | None]]:
    """Commands in indented blocks and between backticks, with what is wrong with them."""
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        yield words, problem_of(words)
    for line in re.findall(r"`((?:hotdesk-daemon|journalctl|curl) [^`]+)`", text):
        words = shlex.split(line)
        problem = problem_of(words)
        is_mention = problem is not None and problem.startswith("Missing argument")  # a verb that is only spoken of
        yield words, None if is_mention else problem


def problem_of(words: list[str]) -> str | None:
    """What is wrong with a command; None when it can be given as it is."""
    match words:
        case ["hotdesk-daemon", *rest]:
            return _wrong_verb(rest)
        case ["journalctl", *rest]:
            asked = dict(word.split("=", 1) for word in rest if "=" in word and not word.startswith("-"))
            if unknown := asked.keys() - FIELDS:
                return f"the journal has no field {unknown}"
            events = [word.removeprefix("EVENT=") for word in rest if word.startswith("EVENT=")]
            return next((f"no event {event}" for event in events if event not in EVENTS), None)
        case ["curl", *rest]:
            url = next(word for word in rest if word.startswith("http"))
            host, path = re.match(r"https?://([^/]+)(/.*)", url).groups()  # type: ignore[union-attr]  # else it fails
            is_ours = any(route.path == path for route in ROUTES)
            return None if is_ours or host in PLACEHOLDERS else f"no {path}"
        case [name, *_] if name in OF_THE_SYSTEM:
            return None
        case _:
            return f"what is {words[0]}?"


def _wrong_verb(words: list[str]) -> str | None:
    command: click.Command = main
    context = click.Context(command, info_name="hotdesk-daemon")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0]) if words else None
        if found is None:
            return f"no verb {words[:1]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    try:
        command.make_context("x", list(words), parent=context.parent)
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_given(page: Path) -> None:
    commands = list(commands_in(page))

    assert commands or page.name == "README.md"
    assert [] == [(words, problem) for words, problem in commands if problem is not None]


@pytest.mark.parametrize(
    "words",
    [
        "hotdesk-daemon desk", "hotdesk-daemon desks --rotten", "hotdesk-daemon resync",
        "journalctl EVENT=no.such", "journalctl COLOUR=red", "curl http://127.0.0.1:8480/healthy", "reboot",
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_given_is_found(words: str) -> None:
    assert problem_of(words.split()) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_metrics_events_and_settings_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    metrics = set(re.findall(r"\bhotdesk_[a-z_]+\b", text))
    events = set(re.findall(r"\bEVENT=([a-z_.]+)", text))
    dotted = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text))

    assert set() == metrics - SAMPLES.keys() - Metrics(version="").specs.keys() - {"hotdesk_daemon"}
    assert set() == events - EVENTS.keys()
    assert set() == dotted - EVENTS.keys() - COMMON_FIELDS.keys() - set(settings(Settings, ""))


def settings(cls: type[Any], prefix: str) -> Iterator[str]:
    for key, (words, _) in settings_of(cls).items():
        if isinstance(words.kind, Table | Tables):
            yield from settings(words.kind.cls, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@pytest.mark.parametrize("alert", RULES)
def test_a_runbook_has_all_its_parts(alert: str) -> None:
    page = RUNBOOKS / RULES[alert]["annotations"]["runbook_url"].rpartition("/")[2]

    assert SECTIONS == re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (page.parent / link).exists()]


# --- the dashboard ---------------------------------------------------------------------------------------------------

DASHBOARD: Final[dict[str, Any]] = json.loads((ROOT / "config/grafana/hotdesk-daemon.json").read_text(encoding="utf-8"))
ROWS: Final = ["Fleet", "Streams", "Lists and drift", "Commands", "Cloud and tokens", "Journal", "Process"]


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    yield from ((note["name"], note["expr"]) for note in DASHBOARD["annotations"]["list"])


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are() -> None:
    wrong = {title: found for title, asked in expressions() if (found := strangers(asked.replace("$__", "")))}

    assert {} == wrong


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(expression for _, expression in expressions())
    specs = Metrics(version="").specs
    shown = {name for name, spec in specs.items() if any(one in asked for one in spec.samples)}

    # This one is there for the alert that counts from it.
    assert {"hotdesk_sync_interval_seconds"} == specs.keys() - shown


def test_the_dashboard_can_be_provisioned_anywhere() -> None:
    panels = DASHBOARD["panels"]

    assert ROWS == [panel["title"] for panel in panels if panel["type"] == "row"]
    assert {"${datasource}"} == {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"}
    assert ["datasource", "instance"] == [one["name"] for one in DASHBOARD["templating"]["list"]]
    assert len(panels) == len({panel["id"] for panel in panels})
    assert all(panel["description"] for panel in panels if panel["type"] != "row")


def test_no_panel_of_the_dashboard_covers_another() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
