"""Why a desk is as it is."""

from hotdesk_daemon.app.explain.causes import Cause, Chain, Ending, rootless
from hotdesk_daemon.app.explain.errors import NotRecordedError
from hotdesk_daemon.app.explain.explanation import Explanation, Pending, Thing, explain
from hotdesk_daemon.app.explain.moves import Move
from hotdesk_daemon.app.explain.words import Since, Teller, Words, said, spoken

__all__ = [
    "Cause",
    "Chain",
    "Ending",
    "Explanation",
    "Move",
    "NotRecordedError",
    "Pending",
    "Since",
    "Teller",
    "Thing",
    "Words",
    "explain",
    "rootless",
    "said",
    "spoken",
]
