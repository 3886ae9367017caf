"""
What the daemon logs and measures while the tests run, all of it.

Each test is listened in on: every line that the package logs, in its own process or in one that it started (its log is
a file below ``tmp_path``), and every metric. A line that docs/logs.md does not know, a metric or label that
docs/metrics.md does not know, and a line or metric with a planted secret or person in it fail the test. At the end of a
run of all tests, what is documented and was never seen fails the run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import pytest
from structlog.testing import LogCapture

import hotdesk_daemon
from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.ops import logs
from hotdesk_daemon.ops.events import COMMON_FIELDS, EVENTS
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.settings import Secret
from hotdesk_daemon.simulator.entries import BookingRequest, Directory, Entry
from hotdesk_daemon.simulator.floor import DEFAULT_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

PACKAGE: Final = str(Path(hotdesk_daemon.__path__[0]))
#: What `ops` logs for others, from within itself.
FOR_OTHERS: Final = frozenset({"library.message", "log.folded", "log.journal_away", "log.journal_back"})
#: Files on a line's way that did not cause it.
_ON_THE_WAY: Final = tuple(f"{PACKAGE}/ops/{name}.py" for name in ("floods", "logs", "writers"))
#: What never may be seen, whoever made it: addresses of example people, tokens of the simulated cloud, signed tokens.
_PLANTED: Final = (
    ("@example.", re.compile(r"[\w.+-]{1,64}@example\.(?:com|org)")),
    ("access-", re.compile(r"\baccess-[\w-]+-\d+\b")),
    ("refresh-", re.compile(r"\brefresh-\d+_PF84_")),
    ("secret-of", re.compile(r"\bsecret-of-client-\d+")),
    ("eyJ", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}")),
)
#: Shorter ones stand in words by chance.
_LEAST_CHARS: Final = 7
_LARGEST_LOG: Final = 64 << 20
_LOG_LINE: Final = re.compile(rb'(?:<\d>)?(\{"timestamp":"[^"]+","level":"[^"]+","event":".+\})')


@attrs.define
class Seen:
    """What a whole process saw: names of events, names of metrics that were moved."""

    events: set[str] = attrs.field(factory=set)
    metrics: set[str] = attrs.field(factory=set)

    def as_words(self) -> dict[str, list[str]]:
        """For the way from a worker process."""
        return {"events": sorted(self.events), "metrics": sorted(self.metrics)}

    def add(self, words: Mapping[str, Iterable[str]]) -> None:
        """Take over what another process saw."""
        self.events.update(words["events"])
        self.metrics.update(words["metrics"])

    def missing(self) -> list[str]:
        """What is documented and was not seen."""
        metrics = Metrics(version="").specs
        return [
            *(f"log event {name}: no test has it logged" for name in sorted(EVENTS.keys() - self.events)),
            *(f"metric {name}: no test has it moved" for name in sorted(metrics.keys() - self.metrics)),
        ]


@attrs.define
class Observer:
    """The ears of one process. `begin` and `end` stand around each test."""

    seen: Seen = attrs.field(factory=Seen)
    _texts: set[str] = attrs.field(factory=set)
    _planted: set[str] = attrs.field(factory=set)
    _strays: set[str] = attrs.field(factory=set)
    _metrics: list[Metrics] = attrs.field(factory=list)

    def install(self) -> None:
        """Listen in from here on."""
        self._tap_lines()
        self._tap_metrics()
        self._tap_secrets()

    def begin(self) -> None:
        """A test begins."""
        self._texts, self._planted, self._strays, self._metrics = set(), set(), set(), []

    def end(self, directory: Path | None) -> list[str]:
        """A test is over, which had *directory* for itself; return what is wrong with what was heard."""
        for line in _lines_below(directory):
            self._hear(line)
            self._note(line)
        for metrics in self._metrics:
            self._look_at(metrics)
        text = "\n".join(self._texts)
        leaks = {found.group() for hint, pattern in _PLANTED if hint in text for found in pattern.finditer(text)}
        leaks |= {planted for planted in self._planted if planted in text}
        shown = [f"{leak!r} in: {line[:500]}" for leak in leaks for line in self._texts if leak in line]
        return [*sorted(self._strays), *shown]

    # --- lines -------------------------------------------------------------------------------------------------------

    def _tap_lines(self) -> None:
        compose = logs._compose  # noqa: SLF001 - the one place that every line passes

        def tapped(logger: object, method: str, line: Any) -> Any:
            composed = compose(logger, method, line)
            self._hear(composed)
            if composed["event"] in FOR_OTHERS or _is_of_package(sys._getframe(1)):  # noqa: SLF001 - who logs it
                self._note(composed)
            return composed

        logs._compose = tapped  # type: ignore[assignment]  # noqa: SLF001 - as above

        captured = LogCapture.__call__

        def capture(capturing: LogCapture, logger: Any, method: str, line: Any) -> Any:
            if _is_of_package(sys._getframe(1)):  # noqa: SLF001 - as above
                self._note({**line, "level": method})
            return captured(capturing, logger, method, line)

        LogCapture.__call__ = capture  # type: ignore[method-assign,assignment]

    def _hear(self, line: Mapping[str, Any]) -> None:
        self._texts.add(" ".join(f"{name}={value}" for name, value in line.items() if name != "timestamp"))

    def _note(self, line: Mapping[str, Any]) -> None:
        name = line["event"]
        event = EVENTS.get(name)
        if event is None:
            self._strays.add(f"docs/logs.md has no event {name}")
            return
        self.seen.events.add(name)
        if extra := set(line) - set(event.fields) - set(COMMON_FIELDS) - {"exc_info"}:
            self._strays.add(f"docs/logs.md has no field {', '.join(sorted(extra))} of {name}")

    # --- metrics -----------------------------------------------------------------------------------------------------

    def _tap_metrics(self) -> None:
        """Those count that a narrator tells into: a daemon's."""
        begin, render = Narrator.__init__, Metrics.render

        def begun(narrator: Narrator, metrics: Metrics, **more: Any) -> None:
            self._metrics.append(metrics)
            begin(narrator, metrics, **more)

        def rendered(metrics: Metrics) -> bytes:
            text = render(metrics)
            if metrics in self._metrics:
                self._look_at(metrics)
                self._texts.add(text.decode())
            return text

        Narrator.__init__ = begun  # type: ignore[method-assign,assignment]
        Metrics.render = rendered  # type: ignore[method-assign,assignment]

    def _look_at(self, metrics: Metrics) -> None:
        names = {sample: spec for spec in metrics.specs.values() for sample in spec.samples}
        for family in metrics.registry.collect():
            for sample in family.samples:
                spec = names.get(sample.name)
                if spec is None:
                    self._strays.add(f"docs/metrics.md has no {sample.name}")
                    continue
                if sample.value:
                    self.seen.metrics.add(spec.name)
                for label, value in sample.labels.items():
                    values = spec.labels.get(label, () if label != "le" else "any")
                    if not isinstance(values, str) and value not in values:
                        self._strays.add(f"docs/metrics.md has no {label}={value!r} of {sample.name}")
        # These are rendered by hand.
        for name in ("hotdesk_stream_up", "hotdesk_stream_last_event_timestamp_seconds"):
            if f"\n{name}{{".encode() in metrics._desk_text:  # noqa: SLF001 - as rendered
                self.seen.metrics.add(name)

    # --- what must not be seen ---------------------------------------------------------------------------------------

    def _tap_secrets(self) -> None:
        secret, person = Secret.__init__, Directory.person
        entry, request = Entry.__init__, BookingRequest.__init__

        def planted(value: Secret, text: str, **more: Any) -> None:
            secret(value, text, **more)
            self._plant(text)

        def met(directory: Directory, email: str) -> Any:
            found = person(directory, email)
            for text in (found.email, found.name, found.id):
                self._plant(text)
            return found

        def entered(given: Entry, **fields: Any) -> None:
            entry(given, **fields)
            self._plant(given.title)

        def requested(given: BookingRequest, **fields: Any) -> None:
            request(given, **fields)
            self._plant(given.title)

        Secret.__init__ = planted  # type: ignore[method-assign,assignment]
        Directory.person = met  # type: ignore[method-assign,assignment]
        Entry.__init__ = entered  # type: ignore[method-assign,assignment]
        BookingRequest.__init__ = requested  # type: ignore[method-assign,assignment]

    def _plant(self, text: str) -> None:
        if len(text) >= _LEAST_CHARS and text != DEFAULT_PASSWORD:  # which is a word like any other
            self._planted.add(text)


class Observing:
    """The part of pytest that listens in. Workers of pytest-xdist hand what they saw to who started them."""

    def __init__(self) -> None:
        self.observer = Observer()
        self.observer.install()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self.observer.begin()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        directory = getattr(item, "funcargs", {}).get("tmp_path")
        result = yield
        problems = self.observer.end(directory)
        if problems:
            pytest.fail("what the test logged or measured is wrong:\n" + "\n".join(problems), pytrace=False)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        words = getattr(node, "workeroutput", {}).get("observed")
        if words is not None:
            self.observer.seen.add(words)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["observed"] = self.observer.seen.as_words()
            return
        self.verdict = self._verdict() if _is_whole(session) else []
        if any(line.startswith("ERROR") for line in self.verdict):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in getattr(self, "verdict", ()):
            terminalreporter.write_line(line)

    def _verdict(self) -> list[str]:
        seen = self.observer.seen
        every = f"{len(seen.events)} log events and {len(seen.metrics)} metrics were seen: all that are documented"
        return [f"ERROR {line}" for line in seen.missing()] or [every]


def _is_whole(session: pytest.Session) -> bool:
    """Whether every test there is was run, and passed: only then is what was not seen seen by no test."""
    config = session.config
    narrowed = any(config.getoption(name, default=None) for name in ("keyword", "markexpr", "lf", "deselect"))
    is_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return is_all and not narrowed and not session.testsfailed and not session.shouldstop and not session.shouldfail


def _is_of_package(frame: Any) -> bool:
    """Whether the package logged it, and no test."""
    while frame is not None:
        file = frame.f_code.co_filename
        if "/structlog/" not in file and file not in _ON_THE_WAY:
            return bool(file.startswith(PACKAGE))
        frame = frame.f_back
    return False


def _lines_below(directory: Path | None) -> Iterator[Mapping[str, Any]]:
    """Log lines in files: those of processes that the test started."""
    if directory is None or not directory.is_dir():
        return
    for file in directory.rglob("*"):
        if file.is_file() and file.stat().st_size < _LARGEST_LOG:
            for found in _LOG_LINE.finditer(file.read_bytes()):
                try:
                    yield msgspec.json.decode(found.group(1), type=dict[str, Any])
                except msgspec.MsgspecError:  # it ended while it was written
                    continue
