"""
Running a recording's inputs through the core again: the same steps must come of it, on any machine.

Nothing is sent, nothing written. A step that comes out otherwise than it is recorded is told with what was expected;
everything behind it in that desk's history follows from another state, so only the first is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hotdesk_daemon.app.replaying.track import Replayed, Track
from hotdesk_daemon.core.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Entry

#: One less than how many inputs there are between two ticks, a power of two.
_BETWEEN_TICKS: Final = 255


class Taken(NamedTuple):
    """An input that was taken, the desk before it, and the step; None where it cannot be read or decided."""

    entry: Entry
    before: Desk
    step: Step | None


class Replay:
    """
    One run of a recording.

    Args:
        recording: what is run.
        desks: these desks; all, if none is named.
        since: what comes before is decided too, for the state that it makes, but not counted, digested or shown.
        until: not what comes after this moment.
        until_seq: nor what comes after this number of a desk's inputs.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        desks: Collection[DeskId] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        until_seq: int | None = None,
    ) -> None:
        self._recording = recording
        self._desks = desks
        self._since = since
        self._until = until
        self._until_seq = until_seq
        self._tracks: dict[DeskId, Track] = {}
        self._early: set[DeskId] = set()
        #: How many inputs were met.
        self.met = 0

    def run(self, tick: Callable[[], object] | None = None) -> list[Replayed]:
        """Run to the end at full speed, and call *tick* now and then."""
        for track, entry in self._entries():
            track.take(entry)
            if tick is not None and not self.met & _BETWEEN_TICKS:
                tick()
        return self.results()

    def steps(self) -> Iterator[Taken]:
        """Each input as it is taken, those before *since* left out; who stops asking has run that far."""
        since = self._since
        for track, entry in self._entries():
            before = track.desk
            step = track.take(entry)
            if since is None or entry.at >= since:
                yield Taken(entry, before, step)

    def _entries(self) -> Iterator[tuple[Track, Entry]]:
        """Each input with its desk's track, which is to take it."""
        tracks, last, early = self._tracks, self._until_seq, self._early
        left = set(self._desks)
        for item in self._recording.entries(desks=self._desks, until=self._until):
            track = tracks.get(item.desk_id) or self._met(item.desk_id)
            if isinstance(item, Desk):
                track.begin(item)
                continue
            if last is not None and item.seq > last:
                left.discard(item.desk_id)
                if self._desks and not left:
                    return
                continue
            if early and item.desk_id in early and self._since is not None and item.at >= self._since:
                early.remove(item.desk_id)
                track.forget()
            self.met += 1
            yield track, item

    def _met(self, desk_id: DeskId) -> Track:
        track = self._tracks[desk_id] = Track(desk_id)
        if self._since is not None:
            self._early.add(desk_id)
        return track

    def has_diverged(self, desk_id: DeskId) -> bool:
        """Whether a step of the desk came out otherwise than it is recorded."""
        return self._tracks[desk_id].divergence is not None

    @property
    def states(self) -> Mapping[DeskId, Desk]:
        """Every desk met so far, as it is now."""
        return {desk_id: self._tracks[desk_id].desk for desk_id in sorted(self._tracks)}

    def results(self) -> list[Replayed]:
        """What was found so far, by desk."""
        while self._early:  # they have nothing since then
            self._tracks[self._early.pop()].forget()
        return [self._tracks[desk_id].result() for desk_id in sorted(self._tracks)]
