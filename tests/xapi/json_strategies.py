"""Arbitrary JSON, and JSON that looks nearly like what devices say."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from hotdesk_daemon.xapi.capabilities import EVENTS, STATUSES

# Lone surrogates cannot be written as UTF-8, so no frame can hold them.
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)

_MEMBERS: Final = sorted({member.name for spec in EVENTS.values() for member in spec.members})
_LIKELY: Final = st.sampled_from(
    ["", "webex-1", 7, "60", 60, -1, "2026-05-04T08:00:00Z", "True", None, {"Value": "3"}, 10**20]
)


def _nested(words: list[str], leaf: Any) -> Any:
    for word in reversed(words):
        leaf = {word: leaf}
    return leaf


EVENT_TREES: Final = st.dictionaries(
    st.sampled_from([path.split()[1] for path in EVENTS] + ["id", "Invented"]),
    JSON | st.dictionaries(st.sampled_from(_MEMBERS), _LIKELY | JSON, max_size=8),
    max_size=2,
).map(lambda events: {"Id": 1, "Event": {"Bookings": events}})

STATUS_TREES: Final = st.builds(
    lambda path, depth, leaf: {"Id": 1, "Status": _nested(path.replace("[n]", "").split()[:depth], leaf)},
    st.sampled_from(sorted(STATUSES)),
    st.integers(0, 4),
    _LIKELY | JSON | st.lists(st.dictionaries(st.sampled_from(["id", "ghost", "SendingMode"]), _LIKELY), max_size=3),
)

PARAMS: Final = EVENT_TREES | STATUS_TREES | JSON
