from __future__ import annotations

import asyncio

import pytest

from hotdesk_daemon.core import errors
from hotdesk_daemon.dispatch import Judgement, verdict


@pytest.mark.parametrize(
    ("error", "judgement"),
    [
        (errors.TransientError("later"), Judgement.TRANSIENT),
        (errors.LostAnswerError("cut"), Judgement.UNKNOWN),
        (errors.ProtocolError("nonsense"), Judgement.UNKNOWN),
        (errors.UndecodableError("no JSON", raw=b"{"), Judgement.UNKNOWN),
        (errors.RefusedError("no"), Judgement.REFUSED),
        (errors.PermanentError("cannot be said"), Judgement.REFUSED),
        (errors.ConfigError("no such thing"), Judgement.REFUSED),
        (ValueError("mistake"), None),
        (asyncio.CancelledError(), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_has_one_verdict(error: BaseException, judgement: Judgement | None) -> None:
    assert judgement is verdict(error)
