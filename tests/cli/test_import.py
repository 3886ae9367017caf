"""``import`` as people and scripts use it: as a process of its own, with what they have in a file or a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S: Final = 15.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
MESSAGES: Final = "\n".join(
    json.dumps(
        {
            "type": "status",
            "deviceId": "board",
            "workspaceId": "osl-4-014",
            "timestamp": f"2026-05-04T08:0{minute}:00Z",
            "changes": {"updated": {"RoomAnalytics.PeopleCount.Current": minute}, "removed": []},
        }
    )
    for minute in range(3)
)
CREATED: Final = json.dumps(
    {
        "type": "events",
        "deviceId": "board",
        "workspaceId": "osl-4-014",
        "timestamp": "2026-05-04T08:05:00Z",
        "events": [
            {
                "key": "Bookings.BookingCreated",
                "value": {"Id": "1", "StartTime": "2026-05-04T09:00:00Z", "Duration": 30, "Title": "Budget"},
            }
        ],
    }
)


def run(directory: Path, *words: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run it where there is no configuration, unless one is made there."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("HOTDESK_")}
    return subprocess.run(
        [sys.executable, "-m", "hotdesk_daemon", *map(str, words)],
        input=given,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=directory,
        env=environ,
    )


def test_what_was_imported_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "hooks.jsonl").write_text(f"{MESSAGES}\n{CREATED}\n")
    ended = run(tmp_path, "import", "hooks.jsonl", "--output", "day.jsonl.zst")
    again = run(tmp_path, "replay", "day.jsonl.zst", "--format", "json")
    desks = [told for told in map(json.loads, again.stdout.splitlines()) if told["type"] == "desk"]

    assert (0, "") == (ended.returncode, ended.stdout)
    assert "imported 9 inputs of 1 desk, 2026-05-04 08:00:00 to 2026-05-04 08:05:00 UTC, to day.jsonl.zst" in (
        ended.stderr
    )
    assert "desks have no rules here, are at stage observe" in ended.stderr
    assert (0, [("osl-4-014", 9)]) == (again.returncode, [(told["desk"], told["steps"]) for told in desks])


def test_it_goes_through_a_pipe(tmp_path: Path) -> None:
    ended = run(tmp_path, "import", "-", given=MESSAGES)
    again = run(tmp_path, "replay", "-", given=ended.stdout)

    assert (0, 0) == (ended.returncode, again.returncode)
    assert '"origin":"import"' in ended.stdout.splitlines()[0]


def test_the_summary_is_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "hooks.jsonl").write_text(MESSAGES)
    ended = run(tmp_path, "import", "hooks.jsonl", "-o", "day.jsonl", "--desk", "osl-1", "--format", "json")
    told = json.loads(ended.stdout)

    assert (["osl-1"], 7, "day.jsonl") == (told["desks"], told["inputs"], told["output"])
    assert ("2026-05-04T08:00:00Z", "2026-05-04T08:02:00Z") == (told["first_at"], told["last_at"])
    assert json.loads((tmp_path / "day.jsonl").read_text().splitlines()[0])["notes"] == told["notes"]


def test_a_person_has_the_name_of_the_daemons_own_captures(tmp_path: Path) -> None:
    (tmp_path / "hooks.jsonl").write_text(CREATED)
    (tmp_path / "state").mkdir()
    (tmp_path / "hotdesk.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path / "state"}"\n')
    with_key = [run(tmp_path, "import", "hooks.jsonl", "-c", "hotdesk.toml").stdout.splitlines()[-2] for _ in range(2)]
    without = run(tmp_path, "import", "hooks.jsonl")

    assert 1 == len(set(with_key))
    assert "title-" in with_key[0]
    assert with_key[0] != without.stdout.splitlines()[-2]
    assert "the pseudonyms are of this capture alone" in without.stderr


def test_only_a_long_option_leaves_persons_and_titles_in(tmp_path: Path) -> None:
    (tmp_path / "hooks.jsonl").write_text(CREATED)
    plain = run(tmp_path, "import", "hooks.jsonl", "--unredacted-with-persons-titles-and-secrets")
    clean = run(tmp_path, "import", "hooks.jsonl")

    assert [True, False] == ["Budget" in ended.stdout for ended in (plain, clean)]
    assert "it holds persons, titles and secrets as they came" in plain.stderr


@pytest.mark.parametrize(
    ("words", "content", "code", "said"),
    [
        (("missing.json",), None, 78, "missing.json: cannot be read: No such file or directory"),
        (("file",), '{"@odata.context": "x"}', 78, "file: is of Microsoft Graph: calendars are not imported"),
        (("file",), f'{MESSAGES}\n{{"type"', 78, "file:4: the JSON that begins here is not whole; --lenient uses"),
        (("file", "--at", "noon"), MESSAGES, 2, "is no time with offset"),
        (("file", "--time-zone", "Oslo"), MESSAGES, 2, "'Oslo' is no time zone such as Europe/Oslo"),
        (("file", "--desk", ""), MESSAGES, 2, "is no name"),
        (("file", "--as", "logs"), MESSAGES, 2, "is not one of"),
        (("file", "-o", "there"), MESSAGES, 78, "there: exists already; name another file, or give --force"),
        (("file", "-o", "no/where"), MESSAGES, 1, "cannot be written: No such file or directory"),
        ((), None, 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, words: tuple[str, ...], content: str | None, code: int, said: str
) -> None:
    (tmp_path / "there").write_text("kept")
    if content is not None:
        (tmp_path / "file").write_text(content)
    ended = run(tmp_path, "import", *words)

    assert (code, "") == (ended.returncode, ended.stdout)
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "kept" == (tmp_path / "there").read_text()


def test_what_is_refused_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no JSON")
    ended = run(tmp_path, "import", "file", "-o", "out.jsonl")

    assert 78 == ended.returncode
    assert ["file"] == sorted(path.name for path in tmp_path.iterdir())
