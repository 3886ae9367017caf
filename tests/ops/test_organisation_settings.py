"""Organisations in the configuration: what is right arrives, what is wrong is named with its place and its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import MANIFEST_ID, Events, load_settings

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"SECRET": "the client's secret", "KEY": "a key of the webhook"}
ORGANISATION = '[[organisation]]\nid = "acme"\nclient_id = "C1"\nclient_secret = "env:SECRET"\n'
WEBHOOK = '[organisation.webhook]\nurl = "https://desks.example.com"\nsecret = "env:KEY"\n'
DESK = '[[desk]]\nid = "osl-1"\ncalendar = "local"\n[[desk.device]]\nid = "osl-1-board"\n'
ID = "Y2lzY29zcGFyazovL3VzL0RFVklDRS8xMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTU"


def write(directory: Path, text: str, name: str = "hotdesk.toml") -> Path:
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def problems_of(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(directory, text), ENVIRON)
    return [problem.removeprefix(f"{directory}/") for problem in caught.value.problems]


def test_the_least_that_names_an_organisation(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, ORGANISATION), ENVIRON)
    organisation = settings.organisations[0]

    assert ("acme", "C1", "the client's secret") == (
        organisation.id,
        organisation.client_id,
        organisation.client_secret.reveal(),
    )
    assert (MANIFEST_ID, Events.QUEUE, None) == (organisation.app_id, organisation.events, organisation.webhook)
    assert (True, (), None) == (
        organisation.select.hotdesking_only,
        organisation.select.tags,
        organisation.api_url,
    )
    assert () == settings.warnings
    assert "the client's secret" not in repr(settings)


def test_everything_that_an_organisation_can_say_arrives(tmp_path: Path) -> None:
    text = (
        f'{ORGANISATION}events = "both"\nrate_per_s = 12.5\nconcurrency = 7\nrequest_timeout = "45s"\n'
        'sync_interval = "2h"\nreconcile_interval = "5m"\ndirectory_interval = "30m"\nstage = "observe"\n'
        f'[organisation.policy]\nmax_duration = "4h"\n[organisation.select]\ntags = ["hotdesk"]\n{WEBHOOK}'
    )
    organisation = load_settings(write(tmp_path, text), ENVIRON).organisations[0]

    assert (Events.BOTH, 12.5, 7, 45.0) == (
        organisation.events,
        organisation.rate_per_s,
        organisation.concurrency,
        organisation.request_timeout_s,
    )
    assert (7200.0, 300.0, 1800.0) == (
        organisation.sync_interval_s,
        organisation.reconcile_interval_s,
        organisation.directory_interval_s,
    )
    assert (Stage.OBSERVE, ("hotdesk",)) == (organisation.stage, organisation.select.tags)
    assert organisation.policy is not None
    assert organisation.webhook is not None
    assert "https://desks.example.com" == organisation.webhook.url


def test_organisations_of_several_files_add_up_and_their_mistakes_keep_their_places(tmp_path: Path) -> None:
    other = ORGANISATION.replace("acme", "beta")
    write(tmp_path, other, "conf.d/beta.toml")

    assert ["acme", "beta"] == [one.id for one in load_settings(write(tmp_path, ORGANISATION), ENVIRON).organisations]

    write(tmp_path, f"{other}concurrency = 0\n", "conf.d/beta.toml")
    problems = problems_of(tmp_path, ORGANISATION)

    assert 1 == len(problems)
    assert problems[0].startswith("conf.d/beta.toml:5: organisation[2].concurrency:")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ORGANISATION * 2, '6: organisation[2].id: "acme" stands twice'),
        (ORGANISATION + 'events = "webhook"\n', "organisation[1].webhook: is missing"),
        (ORGANISATION + WEBHOOK.replace("KEY", "SHORT"), "is shorter than"),
        (ORGANISATION + 'app_id = "mine"\n', "organisation[1].app_id:"),
        (ORGANISATION.replace("env:SECRET", "hunter2"), "organisation[1].client_secret:"),
        (ORGANISATION + 'api_url = "ftp://example.com"\n', "organisation[1].api_url:"),
        (ORGANISATION + 'ca_file = "/nonexistent/ca.pem"\n', "organisation[1].ca_file:"),
        (ORGANISATION + "rate_per_s = 0\n", "organisation[1].rate_per_s:"),
        (ORGANISATION + '[organisation.select]\nlocations = ["Oslo"]\n', "organisation[1].select.locations"),
        (DESK + f'webex_id = "{ID}"\n', "desk[1].organisation: is missing"),
        (DESK + f'webex_id = "{ID}"\n'.replace(ID, "board"), "desk[1].device[1].webex_id:"),
        (
            ORGANISATION + DESK.replace("calendar", 'organisation = "acne"\ncalendar') + f'webex_id = "{ID}"\n',
            'desk[1].organisation: "acne" is no [[organisation]]',
        ),
        (DESK, "desk[1].device[1].url: is missing"),
        (DESK + f'webex_id = "{ID}"\nway = "socket"\n', "desk[1].device[1].way: is the socket, which needs url"),
        (
            DESK + 'url = "wss://a.example.com"\npassword = "env:KEY"\nway = "cloud"\n',
            "desk[1].device[1].way: is the cloud, which needs webex_id",
        ),
        (DESK + 'url = "wss://a.example.com"\n', "desk[1].device[1].password: is missing"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(ENVIRON, "SHORT", "short")
    problems = problems_of(tmp_path, text)

    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("hotdesk.toml:") for problem in problems)


def test_two_desks_of_one_device_are_a_mistake(tmp_path: Path) -> None:
    desk = DESK.replace("calendar", 'organisation = "acme"\ncalendar') + f'webex_id = "{ID}"\n'
    problems = problems_of(tmp_path, ORGANISATION + desk + desk.replace("osl-1", "osl-2"))

    assert ["stands twice" in problem for problem in problems] == [True]


def test_a_webhook_that_anybody_can_read_is_warned_of(tmp_path: Path) -> None:
    text = ORGANISATION + 'events = "webhook"\n' + WEBHOOK.replace("https", "http")

    assert [True] == ["write https://" in told for told in load_settings(write(tmp_path, text), ENVIRON).warnings]
