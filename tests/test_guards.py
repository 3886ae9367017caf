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
