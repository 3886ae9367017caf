"""The outbox worker: order, retry, rate limits, unknown outcomes."""

from hotdesk_daemon.dispatch.dispatcher import Dispatcher, Leftover
from hotdesk_daemon.dispatch.limits import FleetLimiter, Limiter, Limits
from hotdesk_daemon.dispatch.ports import Ledger, Line
from hotdesk_daemon.dispatch.retry import Judgement, RetryDetails, RetrySettings, verdict

__all__ = [
    "Dispatcher",
    "FleetLimiter",
    "Judgement",
    "Ledger",
    "Leftover",
    "Limiter",
    "Limits",
    "Line",
    "RetryDetails",
    "RetrySettings",
    "verdict",
]
