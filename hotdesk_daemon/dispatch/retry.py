"""
Whether to try a command again, how long to wait before, and when to give up.

Rules and numbers; `lane` applies them. Tenacity turns the wheel.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, ProtocolError, TransientError
from hotdesk_daemon.core.ids import CommandId, DeskId

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tenacity import RetryCallState

_MOST_DOUBLINGS: Final = 32


class Judgement(StrEnum):
    """What an error says about a command."""

    TRANSIENT = "transient"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def verdict(exc: BaseException) -> Judgement | None:
    """
    Judge what *exc* says about the command that met it.

    - The answer was lost: **unknown**. It may have been done, so it is not tried again from here; whoever decided it
      has to ask the device first.
    - Answered, but against the protocol: **unknown** too, for it was received.
    - Transient otherwise: **transient**. Certainly nothing was done, and later it may work.
    - Any other error of ours (refused, or unfit to be sent): **refused**. Trying again cannot help.
    - Anything else, cancelling included: None. That is a mistake of ours or the end, and is passed on.
    """
    match exc:
        case LostAnswerError() | ProtocolError():
            return Judgement.UNKNOWN
        case TransientError():
            return Judgement.TRANSIENT
        case HotdeskError():
            return Judgement.REFUSED
        case _:
            return None


@attrs.frozen(kw_only=True)
class RetrySettings:
    """
    How patient we are with one command.

    ``first_s`` and ``cap_s`` bound the waits (see `RetryWait`), ``max_attempts`` counts sendings since the command was
    handed in; its own deadline ends it in any case.
    """

    first_s: float = 1.0
    cap_s: float = 60.0
    max_attempts: int = 10


@attrs.frozen(kw_only=True)
class RetryDetails:
    """A retry that is about to be waited for, for logs and metrics."""

    desk: DeskId
    command_id: CommandId
    attempt: int
    wait_s: float
    waited_s: float
    cause: str


class RetryWait(wait_base):
    """
    Full-jitter exponential, unless the other side named a time.

    After attempt *n*: ``wait = uniform(0, min(cap_s, first_s * 2 ** (n - 1)))``. A ``retry_after_s`` beats it, whatever
    it is: the deadline bounds it.
    """

    def __init__(self, settings: RetrySettings, *, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng

    def __call__(self, retry_state: RetryCallState) -> float:
        exc = retry_state.outcome.exception() if retry_state.outcome is not None else None
        if isinstance(exc, TransientError) and exc.retry_after_s is not None:
            return max(0.0, exc.retry_after_s)
        doublings = min(retry_state.attempt_number - 1, _MOST_DOUBLINGS)
        return self._rng.uniform(0.0, min(self._settings.cap_s, self._settings.first_s * 2**doublings))


class DeadlineStop(stop_base):
    """
    Ends when the sendings are used up, or when the next attempt would begin at or after the deadline.

    Attempts that found no device to send to do not count: only the deadline ends those.
    """

    def __init__(
        self,
        *,
        deadline: Callable[[], datetime],
        max_attempts: int,
        sendings: Callable[[], int],
        now: Callable[[], datetime],
    ) -> None:
        self._deadline = deadline
        self._max_attempts = max_attempts
        self._sendings = sendings
        self._now = now

    def __call__(self, retry_state: RetryCallState) -> bool:
        if self._sendings() >= self._max_attempts:
            return True
        left = self._deadline() - self._now()
        # Compared in seconds: a Retry-After may exceed what a timedelta holds.
        return retry_state.upcoming_sleep >= left / timedelta(seconds=1)
