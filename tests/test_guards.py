"""The guards in conftest.py bite: a guard that lets everything through looks like a good test suite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blockbuster import BlockingError

import hotdesk_daemon

pytest_plugins = ["pytester"]

INSIDE_THE_PACKAGE = str(Path(hotdesk_daemon.__path__[0]) / "an_example.py")


def sleep_inside_the_package() -> None:
    exec(compile("import time; time.sleep(0)", INSIDE_THE_PACKAGE, "exec"), {})  # noqa: S102  # fakes a module


async def test_a_blocking_call_of_the_package_on_the_event_loop_fails() -> None:
    with pytest.raises(BlockingError, match=r"time\.sleep"):
        sleep_inside_the_package()


@pytest.mark.may_block(reason="shows that the marker lifts the guard")
async def test_a_marked_test_may_block() -> None:
    sleep_inside_the_package()


async def test_the_package_may_block_in_a_thread() -> None:
    await asyncio.to_thread(sleep_inside_the_package)


@pytest.fixture(autouse=True)
def _conftest_finds_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


def test_a_task_left_behind_fails_the_test_and_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text(encoding="utf-8"))
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        """
        import asyncio
        import pytest

        kept = []

        @pytest.fixture
        async def tidy():
            task = asyncio.create_task(asyncio.Event().wait(), name="tidied up")
            yield
            task.cancel()

        async def test_that_leaks():
            kept.append(asyncio.create_task(asyncio.Event().wait(), name="worker desk=osl-4-014"))

        async def test_that_tidies_up(tidy):
            pass

        def test_without_a_loop():
            pass
        """
    )

    outcome = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")

    outcome.assert_outcomes(passed=3, errors=1)
    outcome.stdout.fnmatch_lines(["*the test left tasks behind:*worker desk=osl-4-014*"])
    outcome.stdout.no_fnmatch_line("*tidied up*")


@pytest.fixture
def observed(pytester: pytest.Pytester) -> pytest.Pytester:
    """A place for tests that are listened in on."""
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text(encoding="utf-8"))
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "pythonpath = .\naddopts = --import-mode=importlib\ntestpaths = .\n"
    )
    return pytester


def test_a_planted_secret_in_a_line_fails_the_test(observed: pytest.Pytester) -> None:
    observed.makepyfile(
        """
        from hotdesk_daemon.ops.logs import get_log
        from hotdesk_daemon.ops.settings import Secret
        from hotdesk_daemon.simulator.entries import Directory

        def test_that_shows_a_secret():
            Secret("planted in a test")
            get_log().info("daemon.ready", url="planted in a test")

        def test_that_shows_a_person():
            name = Directory().person("person17@example.com").name
            get_log().info("daemon.ready", url=name)

        def test_that_keeps_it():
            Secret("planted in a test")
            get_log().info("daemon.ready", url="something else", title="planted in a test")
        """
    )

    outcome = observed.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")

    outcome.assert_outcomes(passed=3, errors=2)
    outcome.stdout.fnmatch_lines(["*'planted in a test' in: *daemon.ready*", "*'Person17' in: *daemon.ready*"])


def test_a_line_or_metric_that_is_not_documented_fails_the_test(observed: pytest.Pytester) -> None:
    observed.makepyfile(
        f"""
        from hotdesk_daemon.app.narrator import Narrator
        from hotdesk_daemon.ops.metrics import Metrics

        def of_the_package(source):
            exec(compile("from hotdesk_daemon.ops.logs import get_log;" + source, {INSIDE_THE_PACKAGE!r}, "exec"), {{}})

        def test_an_event():
            of_the_package("get_log().info('no.such')")

        def test_a_field():
            of_the_package("get_log().info('link.up', colour='red')")

        def test_a_label():
            metrics = Metrics(version="1")
            Narrator(metrics)
            metrics.events.labels("Sunset").inc()

        def test_nothing():
            of_the_package("get_log().info('link.up', software='x')")
        """
    )

    outcome = observed.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")

    outcome.assert_outcomes(passed=4, errors=3)
    outcome.stdout.fnmatch_lines(
        [
            "docs/logs.md has no event no.such",
            "docs/logs.md has no field colour of link.up",
            "docs/metrics.md has no kind='Sunset' of hotdesk_events_total",
        ]
    )


@pytest.mark.timeout(40)
@pytest.mark.parametrize("words", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "with workers"])
def test_what_no_test_has_seen_fails_a_run_of_all_tests_and_no_other(
    observed: pytest.Pytester, words: tuple[str, ...]
) -> None:
    observed.makepyfile(
        f"""
        import pytest

        @pytest.mark.parametrize("name", ["link.up", "link.down"])
        def test_one(name):
            source = f"from hotdesk_daemon.ops.logs import get_log;get_log().info({{name!r}})"
            exec(compile(source, {INSIDE_THE_PACKAGE!r}, "exec"), {{}})
        """
    )

    whole = observed.runpytest_subprocess(*words, "-p", "no:cacheprovider")
    some = observed.runpytest_subprocess(*words, "-p", "no:cacheprovider", "-k", "up")

    assert (1, 0) == (whole.ret, some.ret)
    whole.stdout.fnmatch_lines(["ERROR log event daemon.started: no test has it logged", "ERROR metric hotdesk_*"])
    whole.stdout.no_fnmatch_line("*log event link.up:*")
    whole.stdout.no_fnmatch_line("*log event link.down:*")
