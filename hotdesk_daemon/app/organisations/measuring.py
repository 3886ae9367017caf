"""The gauges of an organisation's tokens."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from hotdesk_daemon.transport.cloud import TokenState

if TYPE_CHECKING:
    from datetime import datetime

    from prometheus_client import Gauge

    from hotdesk_daemon.ops.metrics import Metrics
    from hotdesk_daemon.transport.cloud import TokenKeeper


def measure_tokens(metrics: Metrics, keeper: TokenKeeper, *, org: str, now: datetime) -> None:
    """Say which state they are in, and how long the refresh token lasts."""
    for state in TokenState:
        metrics.token_state.labels(org=org, state=state.value).set(float(state is keeper.state))
    expires = keeper.installation.refresh_expires_at if keeper.installation is not None else None
    left = (expires - now) / timedelta(seconds=1) if expires is not None else 0.0
    metrics.refresh_token_left.labels(org=org).set(left)


def forget(metrics: Metrics, *, org: str) -> None:
    """Show no gauges of an organisation that is not of this site any more; what was counted stays."""
    for state in TokenState:
        _remove(metrics.token_state, org, state.value)
    for gauge in (metrics.refresh_token_left, metrics.cloud_up):
        _remove(gauge, org)


def _remove(gauge: Gauge, *labels: str) -> None:
    with suppress(KeyError):  # never measured
        gauge.remove(*labels)
