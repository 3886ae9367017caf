"""
People who use the desks of a floor: they book, sign in, come late, leave early, take calls and forget to sign out.

Every desk's day is drawn from the desk's own seeded source, so that one desk's commands do not change another's day,
nor its own: who comes, when, for how long and what they set out to do is drawn whatever became of their bookings. So
two runs of a seed under different rules differ in nothing but what the rules did, and in the ids of later bookings.
A day begins when the floor does, lasts nine hours, and another begins every 24 hours.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from .desks import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from .floor import Floor
    from .people import People

_DAY: Final = timedelta(hours=24)
_WORK: Final = timedelta(hours=9)
_PEOPLE: Final = 400
_FIRST_WITHIN_S: Final = 600.0
_IN_CALENDAR: Final = 0.7
_CALLS: Final = 0.4
_OVERRUNS: Final = 0.2
_SHARES: Final = 0.3
_AHEAD: Final = timedelta(minutes=31)


@attrs.frozen(kw_only=True)
class Visit:
    """One stay of one person at one desk."""

    desk: Desk
    email: str
    begin: datetime
    minutes: int
    rng: random.Random

    @property
    def people(self) -> People:
        """The people at the device used; in a companion workspace the first."""
        return self.desk.device.people

    @property
    def end(self) -> datetime:
        """When the stay was meant to end."""
        return self.begin + timedelta(minutes=self.minutes)


class Day:
    """The visits to all desks of a floor; `begin` starts them."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def begin(self) -> None:
        """Plan the first visit to every desk; each visit plans the next when it begins."""
        start = self._floor.clock.now()
        for desk in self._floor.desks:
            rng = random.Random(f"{self._floor.seed}/{desk.workspace}/people")  # same seed, same day
            self._plan(desk, rng, start, start + timedelta(seconds=rng.uniform(5, _FIRST_WITHIN_S)))

    def _plan(self, desk: Desk, rng: random.Random, day: datetime, begin: datetime) -> None:
        """Plan the visit that begins at *begin* of the *day* that began then."""
        if begin >= day + _WORK:
            day += _DAY
            begin = day + timedelta(seconds=rng.uniform(5, _FIRST_WITHIN_S))
        visit = Visit(
            desk=desk,
            email=f"person{rng.randint(1, _PEOPLE)}@example.com",
            begin=begin.replace(microsecond=0),
            minutes=rng.choice((15, 30, 30, 45, 60, 60, 90, 120, 180)),
            rng=rng,
        )
        gap = timedelta(minutes=rng.choice((2, 5, 15, 30, 60)))
        self._at(visit.begin - _AHEAD, lambda: self._begin_visit(visit))
        self._at(visit.begin, lambda: self._plan(desk, rng, day, visit.end + gap))

    def _begin_visit(self, visit: Visit) -> None:
        play = visit.rng.choices(
            (self._ad_hoc, self._ahead, self._no_show, self._wrong_desk, self._passing_by, self._outsider),
            weights=(40, 35, 10, 6, 7, 2),
        )[0]
        play(visit)

    def _at(self, due: datetime, action: Callable[[], object]) -> None:
        self._floor.schedule.at(due, action)

    def _ad_hoc(self, visit: Visit) -> None:
        """Sit down, sign in, book, work, go."""
        self._at(visit.begin, visit.people.come)
        self._at(visit.begin + timedelta(seconds=10), lambda: visit.people.sign_in(visit.email))
        self._at(
            visit.begin + timedelta(seconds=40),
            lambda: visit.people.book(visit.minutes, "Ad hoc desk", visit.email),
        )
        self._work(visit, visit.begin + timedelta(minutes=3))

    def _ahead(self, visit: Visit) -> None:
        """Book ahead, come early or late, sign in, work, go."""
        self._book_ahead(visit, visit.email)
        arrival = visit.begin + timedelta(minutes=visit.rng.choice((0, 1, 2, 5, 8)))
        self._at(arrival, visit.people.come)
        self._at(arrival + timedelta(seconds=20), lambda: visit.people.sign_in(visit.email))
        self._work(visit, arrival + timedelta(minutes=2))

    def _no_show(self, visit: Visit) -> None:
        """Book ahead and never come."""
        self._book_ahead(visit, visit.email)

    def _wrong_desk(self, visit: Visit) -> None:
        """Sign in to somebody else's booking."""
        self._book_ahead(visit, visit.email)
        arrival = visit.begin + timedelta(minutes=4)
        self._at(arrival, visit.people.come)
        self._at(arrival, lambda: visit.people.sign_in("visitor@example.com"))
        self._at(arrival + timedelta(minutes=2), visit.people.leave)

    def _passing_by(self, visit: Visit) -> None:
        """Sign in, think better of it, sign out."""
        self._at(visit.begin, visit.people.come)
        self._at(visit.begin + timedelta(seconds=5), lambda: visit.people.sign_in(visit.email))
        self._at(visit.begin + timedelta(seconds=50), visit.people.sign_out)
        self._at(visit.begin + timedelta(seconds=60), visit.people.leave)

    def _outsider(self, visit: Visit) -> None:
        """Book for somebody whom the organisation does not know."""
        self._book_ahead(visit, next(iter(sorted(self._floor.directory.outsiders)), visit.email))

    def _book_ahead(self, visit: Visit, email: str) -> None:
        """Book half an hour before, in the calendar where there is one, else on the screen."""
        now = self._floor.clock.now()
        before = max(now, visit.begin - timedelta(minutes=visit.rng.choice((2, 10, 30))))
        if visit.desk.kind == "hybrid" and visit.rng.random() < _IN_CALENDAR:
            self._at(
                before,
                lambda: visit.desk.backend.create(email, visit.begin, visit.minutes, title="Desk booking"),
            )
        else:
            self._at(
                before,
                lambda: visit.people.book(visit.minutes, "Desk booking", email, start=visit.begin),
            )

    def _work(self, visit: Visit, since: datetime) -> None:
        """Take calls, share, change one's plans, and end the stay in one of several ways."""
        rng, people = visit.rng, visit.people
        middle = since + (visit.end - since) / 3
        if rng.random() < _CALLS:
            over = rng.random() < _OVERRUNS
            self._at(middle, people.start_call)
            self._at(visit.end + timedelta(minutes=5) if over else middle + timedelta(minutes=4), people.end_call)
        if rng.random() < _SHARES:
            self._at(middle, people.share)
            self._at(middle + timedelta(minutes=3), people.stop_sharing)
        match rng.choices(("stay", "early", "forget", "extend", "shorten", "delete"), (45, 20, 15, 8, 7, 5))[0]:
            case "early":
                gone = since + (visit.end - since) * 2 / 3
                self._at(gone, lambda: self._sign_out_of(visit))
                self._at(gone, people.leave)
            case "forget":
                self._at(since + (visit.end - since) / 2, people.leave)
            case "extend":
                self._at(visit.end - timedelta(minutes=1), lambda: people.extend(15))
                self._at(visit.end + timedelta(minutes=14), people.leave)
            case "shorten":
                shorter = max(5, visit.minutes * 2 // 3)
                self._at(middle, lambda: people.edit(duration_min=shorter))
                self._at(visit.end, people.leave)
            case "delete":
                self._at(middle, people.delete)
                self._at(middle, people.leave)
            case _:
                self._at(visit.end, people.leave)

    def _sign_out_of(self, visit: Visit) -> None:
        """Sign out if it is still this visitor's session: never somebody else's."""
        if visit.people.signed_in == visit.email:
            visit.people.sign_out()
