"""Organisations in the configuration: what is right arrives, what is wrong is named with its place and its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import MANIFEST_ID, Events, load_settings
from hotdesk_daemon.simulator.cloud.ids import public_id

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"SECRET": "the client's secret", "KEY": "a key of the webhook"}
ORGANISATION = '[[organisation]]\nid = "acme"\nclient_id = "C1"\nclient_secret = "env:SECRET"\n'
WEBHOOK = '[organisation.webhook]\nurl = "https://desks.example.com"\nsecret = "env:KEY"\n'
DESK = '[[desk]]\nid = "osl-1"\ncalendar = "local"\n[[desk.device]]\nid = "osl-1-board"\n'
UUID = "11111111-2222-4333-8444-555555555555"
ID = public_id("DEVICE", UUID)
PLACE = public_id("PLACE", UUID)
LOCATION = public_id("LOCATION", UUID)
AT_ACME = DESK.replace("calendar", 'organisation = "acme"\ncalendar')
#: One device in every spelling that there is.
SPELLINGS = [
    ID,
    ID + "=" * (-len(ID) % 4),
    public_id("DEVICE", UUID, where="urn:TEAM:us-east-2_a"),
    public_id("DEVICE", UUID.upper()),
    UUID,
    UUID.upper(),
]


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


# --- ids of the Webex API --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", SPELLINGS)
def test_an_id_is_taken_in_every_spelling_and_stays_as_it_is_written(tmp_path: Path, written: str) -> None:
    select = f'[organisation.select]\nworkspaces = ["{PLACE}", "{UUID}"]\nlocations = ["{LOCATION}"]\n'
    settings = load_settings(write(tmp_path, f'{ORGANISATION}{select}{AT_ACME}webex_id = "{written}"\n'), ENVIRON)

    assert written == settings.desks[0].devices[0].webex_id
    assert ((PLACE, UUID), (LOCATION,)) == (
        settings.organisations[0].select.workspaces,
        settings.organisations[0].select.locations,
    )


@pytest.mark.parametrize(
    "written",
    ["", "board", "BoardInTheLobbyOfOslo", UUID[:-1], ID[:-4], public_id("DEVICE", "board"), "Y2lzY29zcGFyazov" * 40],
)
def test_what_is_no_id_is_named_with_what_to_write(tmp_path: Path, written: str) -> None:
    problems = problems_of(tmp_path, f'{ORGANISATION}{AT_ACME}webex_id = "{written}"\n')

    what = f"'{written[:40]}' is no id of the cloud"
    remedy = "write a device's id (DEVICE) as the Webex API shows it, or its UUID"
    assert [f"hotdesk.toml:11: desk[1].device[1].webex_id: {what}; {remedy}"] == problems


@pytest.mark.parametrize("kind", ["PLACE", "LOCATION", "PEOPLE", "ORGANIZATION"])
def test_an_id_of_something_else_is_no_device(tmp_path: Path, kind: str) -> None:
    problems = problems_of(tmp_path, f'{ORGANISATION}{AT_ACME}webex_id = "{public_id(kind, UUID)}"\n')

    assert 1 == len(problems)
    assert f"is the id of a {kind}; write a device's id (DEVICE)" in problems[0]


@pytest.mark.parametrize(
    ("key", "wrong", "remedy"),
    [
        ("workspaces", ID, "is the id of a DEVICE; write a workspace's id (PLACE)"),
        ("workspaces", LOCATION, "is the id of a LOCATION; write a workspace's id (PLACE)"),
        ("locations", PLACE, "is the id of a PLACE; write a location's id (LOCATION)"),
        ("locations", "TheThirdFloorInOslo", "is no id of the cloud; write a location's id (LOCATION)"),
    ],
)
def test_a_selection_is_of_ids_of_its_own_kind(tmp_path: Path, key: str, wrong: str, remedy: str) -> None:
    text = f'{ORGANISATION}[organisation.select]\n{key} = ["{UUID}", "{wrong}"]\n'
    problems = problems_of(tmp_path, text)

    assert 1 == len(problems)
    assert problems[0].startswith(f"hotdesk.toml:6: organisation[1].select.{key}: ")
    assert remedy in problems[0]


@pytest.mark.parametrize("written", SPELLINGS)
def test_two_desks_of_one_device_are_a_mistake_however_it_is_written(tmp_path: Path, written: str) -> None:
    desks = [AT_ACME + f'webex_id = "{one}"\n' for one in (ID, written)]
    problems = problems_of(tmp_path, ORGANISATION + desks[0] + desks[1].replace("osl-1", "osl-2"))

    first = f'"{written}" stands twice, first at {tmp_path}/hotdesk.toml:11'
    assert [f"hotdesk.toml:18: desk[2].device[1].webex_id: {first}; each device has its own webex_id"] == problems


# --- addresses without TLS -------------------------------------------------------------------------------------------


def test_a_webhook_that_anybody_can_read_is_warned_of(tmp_path: Path) -> None:
    text = ORGANISATION + 'events = "webhook"\n' + WEBHOOK.replace("https", "http")

    assert [True] == ["write https://" in told for told in load_settings(write(tmp_path, text), ENVIRON).warnings]


@pytest.mark.parametrize("key", ["api_url", "oauth_url", "jwks_url", "supported_url"])
@pytest.mark.parametrize(
    ("url", "is_warned_of"),
    [
        ("http://proxy.example.com/v1", True),
        ("HTTP://proxy.example.com/v1", True),
        ("http://192.0.2.7:8080", True),
        ("http://localhost.example.com", True),
        ("https://proxy.example.com/v1", False),
        ("http://127.0.0.1:8080/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://localhost/v1", False),
    ],
)
def test_a_cloud_that_is_reached_in_clear_is_warned_of(
    tmp_path: Path, key: str, url: str, *, is_warned_of: bool
) -> None:
    warnings = load_settings(write(tmp_path, f'{ORGANISATION}{key} = "{url}"\n'), ENVIRON).warnings

    told = f"hotdesk.toml:5: organisation[1].{key}: http:// lets anybody on the way read along"
    assert [is_warned_of] * is_warned_of == [told in warning and "write https://" in warning for warning in warnings]
