"""
Errors as people and programs get them: RFC 9457 problem details.

A handler raises `Problem`; the server renders it. ``type`` is one of a small closed set (`Kind`) so that programs need
not read prose; ``detail`` is prose for a person, without names of persons and titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import attrs
import msgspec

MEDIA_TYPE: Final = "application/problem+json"


class Kind(StrEnum):
    """What went wrong, as a stable name."""

    MALFORMED = "urn:hotdesk-daemon:problem:malformed"  # no JSON, or no HTTP as we speak it
    INVALID = "urn:hotdesk-daemon:problem:invalid"  # well formed, but not what this place takes
    UNAUTHENTICATED = "urn:hotdesk-daemon:problem:unauthenticated"
    FORBIDDEN = "urn:hotdesk-daemon:problem:forbidden"
    NOT_FOUND = "urn:hotdesk-daemon:problem:not-found"
    REFUSED = "urn:hotdesk-daemon:problem:refused"  # understood, and a rule or the desk's state says no
    UNAVAILABLE = "urn:hotdesk-daemon:problem:unavailable"  # try again later
    CONFIGURATION = "urn:hotdesk-daemon:problem:configuration"  # what is configured cannot be used
    UNKNOWN_OUTCOME = "urn:hotdesk-daemon:problem:unknown-outcome"  # it may have been done: look before repeating
    INTERNAL = "urn:hotdesk-daemon:problem:internal"
    BLANK = "about:blank"  # the status code says it all


class Flaw(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mistake in what was sent: where (a JSON pointer, or a query parameter's name) and what."""

    detail: str
    pointer: str | msgspec.UnsetType = msgspec.UNSET
    parameter: str | msgspec.UnsetType = msgspec.UNSET


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details; ``errors`` lists single mistakes in what was sent."""

    type: Kind
    title: str
    status: int
    detail: str | msgspec.UnsetType = msgspec.UNSET
    instance: str | msgspec.UnsetType = msgspec.UNSET
    errors: list[Flaw] | msgspec.UnsetType = msgspec.UNSET


_TITLES: Final[Mapping[Kind, str]] = {
    Kind.MALFORMED: "The request cannot be read",
    Kind.INVALID: "The request is not valid",
    Kind.UNAUTHENTICATED: "A bearer token is needed",
    Kind.FORBIDDEN: "Not allowed",
    Kind.NOT_FOUND: "There is no such thing here",
    Kind.REFUSED: "The wish was refused",
    Kind.UNAVAILABLE: "Not now",
    Kind.CONFIGURATION: "The configuration cannot be used",
    Kind.UNKNOWN_OUTCOME: "The outcome is not known",
    Kind.INTERNAL: "The daemon failed",
}


@attrs.define(kw_only=True, eq=False, slots=False)
class Problem(Exception):  # noqa: N818 RFC 9457 calls it a problem
    """An answer other than success, ready to be rendered."""

    status: int
    kind: Kind = Kind.BLANK
    detail: str | None = None
    flaws: Sequence[Flaw] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return self.detail or HTTPStatus(self.status).phrase

    def body(self, *, instance: str) -> bytes:
        """The JSON to send."""
        title = HTTPStatus(self.status).phrase if self.kind is Kind.BLANK else _TITLES[self.kind]
        return msgspec.json.encode(
            ProblemBody(
                type=self.kind,
                title=title,
                status=self.status,
                detail=self.detail or msgspec.UNSET,
                instance=instance,
                errors=list(self.flaws) or msgspec.UNSET,
            )
        )


def not_found(what: str) -> Problem:
    """A 404 that says *what* there is not."""
    return Problem(status=404, kind=Kind.NOT_FOUND, detail=f"no such {what}")


def refused(reason: str) -> Problem:
    """A 422 for a wish that was understood and is not granted."""
    return Problem(status=422, kind=Kind.REFUSED, detail=reason)


def invalid(*flaws: Flaw) -> Problem:
    """A 422 that lists every mistake found."""
    return Problem(status=422, kind=Kind.INVALID, detail="; ".join(flaw.detail for flaw in flaws), flaws=flaws)


def unavailable(reason: str, *, retry_after_s: float | None = None) -> Problem:
    """A 503 with the time after which trying again makes sense."""
    wait = max(1, round(retry_after_s)) if retry_after_s is not None else 1
    return Problem(status=503, kind=Kind.UNAVAILABLE, detail=reason, headers={"Retry-After": str(wait)})
