from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.transport.cloud import Installation, InstallationStore, Remains
from hotdesk_daemon.transport.cloud.installation import JTIS_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HELD = Installation(
    organisation="1eb65fdf-9643-417f-9974-ad72cae0e10f",
    organisation_name="Example",
    app_id="9d3c1f52-7a64-4e0b-8f1d-2b6c5a90e7d4",
    region="us-east-2_a",
    app_url="https://cloud.example.com/app",
    oauth_url="https://cloud.example.com/token",
    api_url="https://cloud.example.com/v1",
    refresh_token="refresh-1",
    refresh_expires_at=datetime(2026, 8, 2, 8, tzinfo=UTC),
    access_token="access-1",
    access_expires_at=datetime(2026, 5, 5, 2, tzinfo=UTC),
    poll_url="https://cloud.example.com/app/queue",
    scopes=("spark:xapi_statuses",),
    statuses=("Standby.State",),
    commands=("Bookings.Book",),
    events=("BootEvent",),
    jtis=("jti-1",),
    activated_at=datetime(2026, 5, 4, 8, tzinfo=UTC),
)


@pytest.fixture
def store(tmp_path: Path) -> InstallationStore:
    return InstallationStore(tmp_path / "organisations" / "org-1.json")


def names(store: InstallationStore) -> list[str]:
    return sorted(path.name for path in store.path.parent.iterdir())


def test_where_nothing_is_there_is_no_activation(store: InstallationStore) -> None:
    assert store.load() is None


def test_what_is_written_is_read(store: InstallationStore) -> None:
    stored = store.change(lambda _: HELD)

    assert attrs.evolve(HELD, generation=1) == stored == store.load()


def test_only_the_owner_can_look_inside(store: InstallationStore) -> None:
    store.change(lambda _: HELD)
    store.path.chmod(0o644)
    store.change(lambda found: found)

    assert 0o600 == stat.S_IMODE(store.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(store.path.parent.stat().st_mode)


def test_every_change_counts_and_is_made_of_what_stands(store: InstallationStore) -> None:
    store.change(lambda _: attrs.evolve(HELD, generation=70))
    for number in range(3):
        store.change(lambda found, number=number: found and found.with_jti(f"more-{number}"))  # type: ignore[misc]  # a default binds

    found = store.load()

    assert found is not None
    assert (4, ("jti-1", "more-0", "more-1", "more-2")) == (found.generation, found.jtis)


def test_changes_at_the_same_time_undo_nothing_of_each_other(store: InstallationStore) -> None:
    store.change(lambda _: HELD)

    def use(jti: str) -> None:
        InstallationStore(store.path).change(lambda found: found.with_jti(jti) if found else None)

    others = [threading.Thread(target=use, args=(f"more-{number}",)) for number in range(20)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    found = store.load()

    assert found is not None
    assert {"jti-1", *(f"more-{number}" for number in range(20))} == set(found.jtis)
    assert 21 == found.generation


def test_what_is_taken_away_is_gone(store: InstallationStore) -> None:
    store.change(lambda _: HELD)

    assert store.change(lambda _: None) is None
    left = store.path.read_bytes()
    assert store.change(lambda _: None) is None
    assert store.load() is None
    assert Remains(removed=True, jtis=("jti-1",), generation=2) == store.look()
    assert (True, left) == (b"token" not in left, store.path.read_bytes())
    assert 0o600 == stat.S_IMODE(store.path.stat().st_mode)


def test_where_nothing_was_nothing_is_left(store: InstallationStore) -> None:
    assert store.change(lambda _: None) is None
    assert None is store.look()
    assert ["org-1.lock"] == names(store)


def test_what_takes_it_away_is_used_up_with_it_and_once(store: InstallationStore) -> None:
    store.change(lambda _: HELD)
    before = store.path.read_bytes()

    assert not store.remove("jti-1")
    assert before == store.path.read_bytes()
    assert store.remove("jti-2")
    assert not store.remove("jti-2")
    assert Remains(removed=True, jtis=("jti-1", "jti-2"), generation=2) == store.look()


def test_what_was_used_stays_used_with_the_next_one_and_generations_count_on(store: InstallationStore) -> None:
    store.change(lambda _: HELD)
    store.remove("jti-2")

    stored = store.change(lambda found: attrs.evolve(HELD, jtis=("jti-3",)) if found is None else None)

    assert stored is not None
    assert ((("jti-1", "jti-2", "jti-3")), 3) == (stored.jtis, stored.generation)
    assert stored == store.load()


def test_a_write_that_fails_leaves_what_stood_and_nothing_beside_it(
    store: InstallationStore, fill_the_disk: Callable[[], Callable[[], None]]
) -> None:
    store.change(lambda _: HELD)
    before = store.path.read_bytes()
    fill_the_disk()

    with pytest.raises(OSError, match="No space left"):
        store.change(lambda found: found and found.with_jti("more"))

    assert before == store.path.read_bytes()
    assert ["org-1.json", "org-1.lock"] == names(store)


def test_an_error_of_whoever_changes_changes_nothing_and_locks_nobody_out(store: InstallationStore) -> None:
    store.change(lambda _: HELD)
    before = store.path.read_bytes()

    def fail(_: Installation | None) -> Installation | None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.change(fail)

    assert before == store.path.read_bytes()
    assert store.change(lambda found: found) is not None


DAMAGE = {
    "empty": b"",
    "cut": b'{"organisation": "1eb65fdf',
    "not UTF-8": b'{"organisation": "\xff"}',
    "a list": b"[]",
    "incomplete": b'{"organisation": "secret-1"}',
    "a number for a token": b'{"refresh_token": 7}',
    "endless": b"[" * 100_000,
    "removed and damaged": b'{"removed": true, "jtis": 7}',
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said_with_its_place_and_its_remedy_and_not_written_over(store: InstallationStore, what: str) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(DAMAGE[what])

    for attempt in (store.load, lambda: store.change(lambda _: HELD)):
        with pytest.raises(ConfigError, match=r"org-1\.json: .* remove the file .* activate") as caught:
            attempt()
        assert "secret-1" not in str(caught.value)

    assert DAMAGE[what] == store.path.read_bytes()


def test_what_cannot_be_read_is_not_taken_for_nothing(store: InstallationStore) -> None:
    store.path.mkdir(parents=True)

    with pytest.raises(ConfigError, match="cannot be read"):
        store.load()


def test_the_newest_ids_are_kept() -> None:
    held = HELD
    for number in range(JTIS_KEPT + 5):
        held = held.with_jti(str(number))

    assert JTIS_KEPT == len(held.jtis)
    assert ("5", str(JTIS_KEPT + 4)) == (held.jtis[0], held.jtis[-1])


def test_no_token_stands_in_a_text() -> None:
    assert "refresh-1" not in repr(HELD)
    assert "access-1" not in repr(HELD)
