"""
Requests to the cloud, and what each failure says about what was done.

The statuses are those of the Webex API reference; RFC 9110 section 10.2.3 has ``Retry-After``. A request that never
left us did nothing. One that left and met no telling answer may have been carried out: for a command that is a
difference.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
import attrs
import msgspec
import structlog

from hotdesk_daemon.core.errors import LostAnswerError, RefusedError, TransientError
from hotdesk_daemon.transport.cloud.proxies import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.transport.cloud.budget import Budget

CONNECT_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 16 << 20
_LONGEST_PAUSE_S: Final = 86_400.0
#: How much of a request's time its connection may take. Less than all of it: a connection that is not made in time must
#: be told apart from an answer that is not, for in the first case nothing was sent.
_CONNECT_SHARE: Final = 0.8
#: The pause after a 429 that names none.
_UNNAMED_PAUSE_S: Final = 10.0
_MESSAGE_CHARS: Final = 300


class ForbiddenError(RefusedError):
    """403: the manifest, the location or the device does not allow it."""


class NotFoundError(RefusedError):
    """404 or 410: there is no such thing, or no longer."""


class PauseError(TransientError):
    """429: nothing was done, and nobody is to ask before ``retry_after_s`` is over."""


class TokenSource(Protocol):
    """Where access tokens come from."""

    async def access(self) -> str:
        """
        Give a token that should be good.

        Raises:
            TransientError: there is none at present.
        """

    async def renewed(self, rejected: str) -> str:
        """Give another token than *rejected*, which the cloud refused; raises as `access` does."""


@attrs.frozen(kw_only=True)
class Answer:
    """A good answer (2xx); ``links`` is all that its ``Link`` headers say."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    tracking_id: str
    links: str = ""

    def json(self) -> object:
        """
        The body as JSON; an empty one is an empty object.

        Raises:
            LostAnswerError: it is no JSON: what it answered is not known.
        """
        try:
            return msgspec.json.decode(self.body) if self.body else {}
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            raise LostAnswerError(f"the cloud's answer is no JSON ({self.tracking_id}): {exc}") from exc


class CloudHttp:
    """
    One organisation's requests.

    Args:
        session: of this organisation alone; its connector has more places than the budget.
        tokens: asked before each request, and once more when the cloud refuses what it gave.
        budget: told of pauses, and asked whether there is one; the slots are taken by whoever calls.
        now: the time that dates in headers are measured against.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        tokens: TokenSource,
        budget: Budget,
        now: Callable[[], datetime],
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self.throttled = 0  # answers that asked for a pause
        self._session = session
        self._tokens = tokens
        self._budget = budget
        self._now = now
        self._log: FilteringBoundLogger = log if log is not None else structlog.get_logger()

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float,
        carried_out: bool = False,
        authorized: bool = True,
    ) -> Answer:
        """
        Ask, and ask once more with a new token if the first is refused.

        Args:
            method: of HTTP.
            url: absolute.
            json: the body, if any.
            params: the query.
            timeout_s: for the whole of one try.
            carried_out: the request does something, so an unclear end is a lost answer.
            authorized: show the token.

        Raises:
            TransientError: nothing was done; with `PauseError` because the cloud wants a pause.
            LostAnswerError: unknown.
            ForbiddenError, NotFoundError, RefusedError: the cloud said no.
        """
        if not authorized:
            return self._judge(
                await self._once(method, url, json, params, timeout_s, token=None), carried_out=carried_out
            )
        token = await self._tokens.access()
        got = await self._once(method, url, json, params, timeout_s, token=token)
        if got.status == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2
            token = await self._tokens.renewed(token)
            if (held_s := self._budget.held_s()) > 0:  # called for by others while the token was renewed
                text = f"{method} {_path(url)} was not sent again: the cloud wants a pause"
                raise PauseError(text, retry_after_s=held_s)
            got = await self._once(method, url, json, params, timeout_s, token=token)
        return self._judge(got, carried_out=carried_out)

    async def _once(
        self,
        method: str,
        url: str,
        json: object,
        params: Mapping[str, str] | None,
        timeout_s: float,
        *,
        token: str | None,
    ) -> Answer:
        tracking_id = f"HOTDESK_{uuid.uuid4()}"
        headers = {"TrackingID": tracking_id, "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if json is not None:
            headers["Content-Type"] = "application/json"
        body = None if json is None else msgspec.json.encode(json)
        connect_s = min(CONNECT_TIMEOUT_S, timeout_s * _CONNECT_SHARE)
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s)
        what = f"{method} {_path(url)}"
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                params=params,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                proxy=proxy_of(url),
            ) as response:
                content = await whole_body(response, most_bytes=_MOST_BYTES)
                theirs = response.headers.get("TrackingID", tracking_id)
                self._log.debug("cloud.answered", request=what, status=response.status, tracking_id=theirs)
                return Answer(
                    status=response.status,
                    body=content,
                    headers=response.headers,
                    tracking_id=theirs,
                    links=", ".join(response.headers.getall("Link", ())),
                )
        except aiohttp.ClientHttpProxyError as exc:  # no text of the library's: it may name who we are there
            raise TransientError(f"{what}: no connection to the cloud: the proxy answered {exc.status}") from exc
        except (aiohttp.ClientConnectorError, aiohttp.ClientSSLError, aiohttp.ConnectionTimeoutError) as exc:
            raise TransientError(f"{what}: no connection to the cloud: {_words(exc)}") from exc
        except (aiohttp.InvalidURL, UnicodeError) as exc:  # the latter by names that no resolver can be asked for
            raise RefusedError(f"{what}: no address") from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            late = isinstance(exc, TimeoutError)  # which has no words of its own
            why = f"{_host(url)} did not answer within {timeout_s:g} s" if late else _words(exc)
            raise LostAnswerError(f"{what}: the answer is lost ({tracking_id}): {why}") from exc

    def _judge(self, got: Answer, *, carried_out: bool) -> Answer:
        if 200 <= got.status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
            return got
        text = f"the cloud answered {got.status}: {_message(got.body)} ({got.tracking_id})"
        pause_s = retry_after_s(got.headers, now=self._now())
        match got.status:
            case 401:
                raise TransientError(f"{text}; the access token is refused")
            case 403:
                raise ForbiddenError(text, code=403)
            case 404 | 410:
                raise NotFoundError(text, code=got.status)
            case 429:
                pause_s = _UNNAMED_PAUSE_S if pause_s is None else pause_s
                self.throttled += 1
                self._budget.hold(pause_s)
                self._log.info("cloud.retry_after", pause_s=round(pause_s, 1), tracking_id=got.tracking_id)
                raise PauseError(text, retry_after_s=pause_s)
            case 423:
                raise TransientError(text, retry_after_s=pause_s)
            case status if status == 408 or status >= 500:  # noqa: PLR2004 - RFC 9110 sections 15.5.9 and 15.6
                if carried_out:
                    raise LostAnswerError(text, retry_after_s=pause_s)
                raise TransientError(text, retry_after_s=pause_s)
            case _:
                raise RefusedError(text, code=got.status)


async def whole_body(response: aiohttp.ClientResponse, *, most_bytes: int) -> bytes:
    """
    The body to its end; a single ``read(n)`` gives what has come so far only.

    Raises:
        aiohttp.ClientPayloadError: it is longer than *most_bytes*, or cut short.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > most_bytes:
            raise aiohttp.ClientPayloadError(f"more than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """
    The pause that a ``Retry-After`` asks for, in seconds, a day at most; None when it is absent or unreadable.

    It is a number of seconds or a date (RFC 9110 section 10.2.3). A date is of the sender's clock, and so is the
    answer's ``Date``: *now* counts where there is none.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_PAUSE_S)
    when, said = _date(text), _date(headers.get("Date", ""))
    if when is None:
        return None
    return min(max(0.0, (when - (said or now)).total_seconds()), _LONGEST_PAUSE_S)


def _date(text: str) -> datetime | None:
    """A date of a header, in UTC."""
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):  # the parser checks little before it computes
        return None


class _Complaint(msgspec.Struct):
    message: str = ""


def _message(body: bytes) -> str:
    """The cloud's own words, cut to a line."""
    try:
        text = msgspec.json.decode(body, type=_Complaint).message
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        text = ""
    return " ".join(text.split())[:_MESSAGE_CHARS] or "no message"


def _words(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:_MESSAGE_CHARS] or type(exc).__name__


def _host(url: str) -> str:
    return url.split("://", 1)[-1].partition("/")[0].rpartition("@")[2]


def _path(url: str) -> str:
    """The path of *url*: what a log may show."""
    return "/" + url.split("://", 1)[-1].partition("/")[2].partition("?")[0]
