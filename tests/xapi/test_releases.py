from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.xapi.releases import Release, release_of


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("26.4.1", (26, 4, 1)),
        ("ce11.24.4.1.abcdef01234", (11, 24, 4, 1)),
        ("ce11.24.4.1.2e1a2b3c4d5", (11, 24, 4, 1)),
        ("ce11.24.1.2e1a2b3c4d5", (11, 24, 1)),
        ("RoomOS 26.4.1 2e1a2b3c4d5", (26, 4, 1)),
        ("RoomOS 11.14.5.0 1234567", (11, 14, 5, 0)),
        ("26.4.1 March 2026", (26, 4, 1)),
        ("11.23", (11, 23)),
    ],
)
def test_every_spelling_of_a_release_is_read(text: str, numbers: tuple[int, ...]) -> None:
    assert Release(numbers) == Release.parse(text)


@pytest.mark.parametrize("text", ["", "RoomOS", "26", "abcdef", "PhoneOS"])
def test_a_text_without_release_is_refused_or_unknown(text: str) -> None:
    with pytest.raises(ProtocolError):
        Release.parse(text)

    assert release_of(text) is None


def test_an_absent_release_is_unknown() -> None:
    assert release_of(None) is None


def test_releases_are_ordered_as_their_numbers() -> None:
    spelled = ["9.15.17.4", "10.19.4.2", "11.9.1", "11.23", "11.23.1", "11.27.2.0", "26.1.1"]

    assert spelled == [str(release) for release in sorted(map(Release.parse, reversed(spelled)))]


@given(st.lists(st.integers(0, 9999), min_size=2, max_size=4).map(tuple))
def test_a_release_reads_back_what_it_writes(numbers: tuple[int, ...]) -> None:
    assert Release(numbers) == Release.parse(str(Release(numbers)))


@given(st.text())
def test_no_text_breaks_the_tolerant_reading(text: str) -> None:
    assert release_of(text) is None or release_of(text) == Release.parse(text)
