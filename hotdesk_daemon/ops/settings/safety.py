"""The settings of what keeps commands from leaving, and of which desks are at which stage."""

from __future__ import annotations

import attrs

from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings.declared import setting
from hotdesk_daemon.ops.settings.kinds import Choice, Duration, Number, Text, Whole


@attrs.frozen(kw_only=True)
class SafetySettings:
    """
    The breaker: when the rules would delete or put back bookings on too many desks, it holds their commands back.

    What people ask for is not held back. See `hotdesk-daemon breaker` and `hotdesk-daemon halt`.
    """

    breaker_desks: int | None = setting(
        Whole(1, 100_000),
        "So many desks may be hit within the window; one more opens the breaker.",
        default=50,
    )
    breaker_share: float | None = setting(
        Number(0.001, 1.0),
        "Such a share of all desks, five desks at least, may be hit within the window. The smaller of both limits "
        "counts; 1.0 leaves `breaker_desks` alone.",
        default=0.2,
    )
    breaker_window_s: float = setting(
        Duration("10s", "1d", step_s=1),
        "How far back desks are counted.",
        default=600.0,
        key="breaker_window",
    )


@attrs.frozen(kw_only=True)
class StageSettings:
    """
    The stage of desks that carry a tag, so that rules can be brought in step by step.

    Of several that fit the first counts. A `stage` written at the desk or its organisation stands over it.
    """

    tag: str = setting(Text(what="a tag"), "A tag of the desk, or of a device of its workspace in Control Hub.")
    stage: Stage = setting(Choice(Stage), "What the daemon may do there.")
