"""A file of rules: what it must say, what it may say, and whose word stands over whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.policy import Policy, Stage
from hotdesk_daemon.ops.settings import load_policy_file

CONFIG = Path(__file__).parents[2] / "config"


def load(path: Path, text: str) -> object:
    file = path / "rules.toml"
    file.write_text(text)
    return load_policy_file(file)


def problems(path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(path, text)
    return [problem.removeprefix(f"{path}/") for problem in raised.value.problems]


def test_a_policy_alone_is_enough_and_an_empty_one_allows_all(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[policy]\n")
    rules = load_policy_file(tmp_path / "rules.toml").of(DeskId("any"))

    assert (Policy(), None, "policy") == (rules.policy, rules.stage, rules.origin)


def test_of_what_it_does_not_say_the_record_is_left(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[[desk]]\nid = "one"\nstage = "warn"\n')
    file = load_policy_file(tmp_path / "rules.toml")

    assert [(None, Stage.WARN, "recorded"), (None, None, "recorded")] == [
        (rules.policy, rules.stage, rules.origin) for rules in (file.of(DeskId("one")), file.of(DeskId("two")))
    ]
    assert (DeskId("one"),) == file.desks


def test_the_nearest_word_on_the_stage_counts(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        '[daemon]\nstage = "enforce"\n'
        '[[stage]]\ntag = "pilot"\nstage = "warn"\n[[stage]]\ntag = "all"\nstage = "off"\n'
        '[[organisation]]\nid = "acme"\nstage = "observe"\n'
        '[[desk]]\nid = "own"\nstage = "off"\n'
    )
    file = load_policy_file(tmp_path / "rules.toml")
    plain = DeskId("plain")

    assert Stage.ENFORCE is file.of(plain).stage
    assert Stage.WARN is file.of(plain, tags=("all", "pilot")).stage
    assert Stage.OBSERVE is file.of(plain, tags=("pilot",), organisation="acme").stage
    assert Stage.OFF is file.of(DeskId("own"), tags=("pilot",), organisation="acme").stage


@pytest.mark.parametrize("file", sorted(CONFIG.rglob("*.toml")), ids=lambda path: path.name)
def test_every_configuration_that_is_shipped_will_do(file: Path) -> None:
    load_policy_file(file)


def test_neither_files_beside_it_nor_the_environment_stand_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTDESK_POLICY__MAX_DURATION", "3h")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10.toml").write_text('[policy]\nmax_duration = "2h"\n')
    (tmp_path / "rules.toml").write_text('[policy]\nmax_duration = "1h"\n')

    assert Policy(max_duration_min=60) == load_policy_file(tmp_path / "rules.toml").of(DeskId("any")).policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["rules.toml: says nothing of rules"]),
        ('[daemon]\nstate_dir = "x"\n', ["rules.toml: says nothing of rules"]),
        ("policy = 3\n", ["rules.toml:1: policy: is no table"]),
        ("desk = 3\norganisation = 4\n", ["rules.toml:2: organisation: is no list", "rules.toml:1: desk: is no list"]),
        ("desk = [3]\n", ["rules.toml:1: desk[1]: is no table"]),
        ('[[desk]]\nstage = "warn"\n', ["rules.toml:1: desk[1].id: is missing"]),
        ('[[desk]]\nid = "a"\ncalender = "x"\n', ["rules.toml:3: desk[1].calender: is no setting"]),
        ('[[desk]]\nid = "a"\nstage = "warm"\n', ['rules.toml:3: desk[1].stage: "warm"']),
        ('[[desk]]\nid = "a"\n[[desk]]\nid = "a"\n', ['rules.toml:4: desk[2].id: "a" stands twice']),
        ("[polcy]\n", ['rules.toml:1: polcy: is no setting (did you mean "policy"?)']),
        ('[[stage]]\ntag = "pilot"\n', ["rules.toml:1: stage[1].stage: is missing"]),
        (
            '[policy]\n[[policy.opening_hours]]\ndays = ["mon"]\nfrom = "18:00"\nto = "08:00"\n',
            ['rules.toml:5: policy.opening_hours[1].to: is not after "from"'],
        ),
    ],
)
def test_every_mistake_is_told_with_its_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = problems(tmp_path, text)

    assert len(expected) == len(found), found
    assert [] == [(want, got) for want, got in zip(expected, found, strict=True) if not got.startswith(want)]
