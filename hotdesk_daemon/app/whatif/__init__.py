"""What-if: recorded history under other rules, and how far that can be known; `docs/what-if.md` tells it to people."""

from hotdesk_daemon.app.whatif.comparison import compare
from hotdesk_daemon.app.whatif.doubt import Span
from hotdesk_daemon.app.whatif.grouping import GROUPINGS, grouping
from hotdesk_daemon.app.whatif.places import Places, places_of
from hotdesk_daemon.app.whatif.rulings import Outcome, Subject
from hotdesk_daemon.app.whatif.tally import Cause, DeskTally, Difference, Tally, Verdicts

__all__ = [
    "GROUPINGS",
    "Cause",
    "DeskTally",
    "Difference",
    "Outcome",
    "Places",
    "Span",
    "Subject",
    "Tally",
    "Verdicts",
    "compare",
    "grouping",
    "places_of",
]
