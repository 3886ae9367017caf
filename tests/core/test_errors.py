"""Errors carry what a person or a program needs to go on."""

from __future__ import annotations

import pytest

from hotdesk_daemon.core import errors


def test_a_configuration_error_has_a_line_per_problem() -> None:
    error = errors.ConfigError("desk a: no device", "desk b: no device")

    assert ("desk a: no device", "desk b: no device") == error.problems
    assert "desk a: no device\ndesk b: no device" == str(error)


def test_a_transient_error_may_say_when_to_come_back() -> None:
    assert 2.5 == errors.TransientError("busy", retry_after_s=2.5).retry_after_s
    assert errors.LostAnswerError("cut").retry_after_s is None


def test_a_refusal_carries_the_words_of_the_other_side() -> None:
    error = errors.RefusedError("no", code=-32602, data={"field": "Id"})

    assert (-32602, {"field": "Id"}) == (error.code, error.data)


def test_what_is_ambiguous_lists_what_it_may_mean() -> None:
    error = errors.AmbiguousError("'7' names 2 bookings", candidates=("b4", "b5"))

    assert (("b4", "b5"), "'7' names 2 bookings: b4, b5") == (error.candidates, str(error))


def test_what_could_not_be_decoded_is_kept() -> None:
    assert b"\xff" == errors.UndecodableError("no text", raw=b"\xff").raw


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (errors.ConfigError, errors.HotdeskError),
        (errors.LostAnswerError, errors.TransientError),
        (errors.RefusedError, errors.PermanentError),
        (errors.AmbiguousError, errors.PermanentError),
        (errors.UndecodableError, errors.ProtocolError),
    ],
)
def test_every_error_has_its_family(error: type[Exception], family: type[Exception]) -> None:
    assert issubclass(error, family)
    assert issubclass(family, errors.HotdeskError)
