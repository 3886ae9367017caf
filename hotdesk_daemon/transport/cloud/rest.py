"""
The cloud's REST API as far as we use it: xAPI commands and statuses, and our own installation ("app").

Every request is made within a slot of the organisation's budget. `CloudRest.command` and `CloudRest.status` are called
by whoever holds one already, because what is written down before a command is sent must be written after the wait; the
others take it themselves. What only reads and is refused because the cloud wants a pause is asked for once more after
it, in the same slot: else one refusal would undo a whole list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urljoin, urlsplit

from hotdesk_daemon.core.errors import LostAnswerError, ProtocolError, TransientError
from hotdesk_daemon.transport.cloud.http import Answer, CloudHttp, NotFoundError, PauseError
from hotdesk_daemon.transport.cloud.links import link_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from hotdesk_daemon.transport.cloud.budget import Budget

T = TypeVar("T")

#: Expressions in one status request (Webex API reference, "Query Status").
NAMES_AT_ONCE: Final = 10
BOOKINGS_LIST: Final = "Bookings.List"
_PAGE: Final = 100
_MOST_PAGES: Final = 500
_TIMEOUT_S: Final = 30.0
#: How often what only reads is asked for in all, while the cloud wants pauses.
READ_TRIES: Final = 5


class CloudRest:
    """
    One organisation's REST API.

    Args:
        http: makes the requests.
        budget: of the organisation.
        base_url: such as ``https://webexapis.com/v1``; another one when the organisation moves to another region.
    """

    def __init__(self, *, http: CloudHttp, budget: Budget, base_url: str) -> None:
        self.base_url = base_url
        self._http = http
        self._budget = budget

    # --- within the caller's slot ------------------------------------------------------------------------------------

    async def list_bookings(self, device_id: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        """
        Give a device's list, in the slot that its statuses were read in.

        Raises:
            TransientError: it cannot be read now.
            RefusedError: it cannot be read.
        """
        await self._budget.spend()
        return await self._patiently(lambda: self.command(device_id, BOOKINGS_LIST, arguments, timeout_s=timeout_s))

    async def command(self, device_id: str, name: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        """
        Have a device carry out *name* (``Bookings.Book``); give what the command returned.

        Raises:
            TransientError: nothing was done: no connection, a pause is wanted (`PauseError`), or the device is offline.
            LostAnswerError: it may have been done.
            RefusedError: the cloud or the device said no.
        """
        if (held_s := self._budget.held_s()) > 0:  # called for while what we are about to do was written down
            raise PauseError(f"{name} was not sent: the cloud wants a pause", retry_after_s=held_s)
        body = {"deviceId": device_id, "arguments": dict(arguments)}
        try:
            answer = await self._http.request(
                "POST", self._url(f"xapi/command/{name}"), json=body, timeout_s=timeout_s, carried_out=True
            )
        except NotFoundError as exc:  # also what an offline device is answered with
            raise TransientError(f"{name} was not done: {exc}") from exc
        return self._result(answer, what=name)

    async def status(self, device_id: str, names: Sequence[str], *, timeout_s: float) -> Mapping[str, object]:
        """
        Read statuses by dotted names; what is absent or not allowed is left out.

        Raises:
            TransientError: it cannot be read now.
            RefusedError: it cannot be read.
        """
        tree: dict[str, object] = {}
        for first in range(0, len(names), NAMES_AT_ONCE):
            params = {"deviceId": device_id, "name": ",".join(names[first : first + NAMES_AT_ONCE])}
            if first:
                await self._budget.spend()
            try:
                answer = await self._read(self._url("xapi/status"), params, timeout_s=timeout_s)
            except NotFoundError as exc:
                raise TransientError(f"the statuses cannot be read: {exc}") from exc
            found = self._result(answer, what="the statuses")
            if isinstance(found, dict):
                _merge(tree, found)
        return tree

    @staticmethod
    def _result(answer: Answer, *, what: str) -> object:
        content = answer.json()
        if not isinstance(content, dict):
            raise LostAnswerError(f"{what}: the cloud's answer is no object ({answer.tracking_id})")
        return content.get("result", {})

    # --- with a slot of their own ------------------------------------------------------------------------------------

    async def patch_app(self, app_url: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """Change the settings of our installation; give them as they are then."""
        return await self._app("PATCH", app_url, body)

    async def _app(self, method: str, app_url: str, body: Mapping[str, object] | None) -> Mapping[str, object]:
        async with self._budget.slot(urgent=True):
            answer = await self._http.request(method, app_url, json=body, timeout_s=_TIMEOUT_S)
        content = answer.json()
        if not isinstance(content, dict):
            raise ProtocolError(f"the settings of the installation are no object ({answer.tracking_id})")
        return content

    async def one_status(self, device_id: str, name: str, *, timeout_s: float) -> str | int | None:
        """As `status`, the one value that stands at *name*; None where there is none."""
        async with self._budget.slot():
            value: object = await self.status(device_id, (name,), timeout_s=timeout_s)
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, str | int) else None

    async def configuration(self, device_id: str, key: str, *, timeout_s: float) -> str | int | None:
        """
        What a device's configuration *key* (``Bookings.CheckIn.Enabled``) is; None where it has none.

        Raises:
            TransientError: it cannot be read now.
            RefusedError: it may not be read.
        """
        async with self._budget.slot():
            params = {"deviceId": device_id, "key": key}
            answer = await self._read(self._url("deviceConfigurations"), params, timeout_s=timeout_s)
        content = answer.json()
        items = content.get("items") if isinstance(content, dict) else None
        if not isinstance(items, dict):
            raise ProtocolError(f"the configurations are no object ({answer.tracking_id})")
        held = items.get(key)
        value = held.get("value") if isinstance(held, dict) else None
        return value if isinstance(value, str | int) else None

    async def items(self, path: str, params: Mapping[str, str]) -> AsyncIterator[object]:
        """
        Every item of a listing, page after page; the pages follow each other by ``Link`` (RFC 8288).

        Raises:
            TransientError: a page could not be read; what was given before is not the whole.
            RefusedError: it may not be read.
            ProtocolError: a page is none, or they do not end.
        """
        url = self._url(path)
        query: Mapping[str, str] | None = {"max": str(_PAGE), **params}
        for _ in range(_MOST_PAGES):
            async with self._budget.slot():
                answer = await self._read(url, query, timeout_s=_TIMEOUT_S)
            content = answer.json()
            items = content.get("items") if isinstance(content, dict) else None
            if not isinstance(items, list):
                raise ProtocolError(f"a page of {path} has no items ({answer.tracking_id})")
            for item in items:
                yield item
            if (following := self._next(answer, url)) is None:
                return
            url, query = following, None
        raise ProtocolError(f"{path} has more than {_MOST_PAGES} pages")

    def _next(self, answer: Answer, url: str) -> str | None:
        """Where the next page is; it must be at the same place, for the token goes there."""
        try:
            target = link_to("next", answer.links)
            if target is None:
                return None
            following = urljoin(url, target)
            is_here = urlsplit(following)[:2] == urlsplit(self.base_url)[:2]
        except ValueError as exc:
            raise ProtocolError(f"where the next page is cannot be read ({answer.tracking_id}): {exc}") from exc
        if not is_here:
            raise ProtocolError(f"the next page would be elsewhere ({answer.tracking_id})")
        return following

    # --- what both need ----------------------------------------------------------------------------------------------

    async def _read(self, url: str, params: Mapping[str, str] | None, *, timeout_s: float) -> Answer:
        return await self._patiently(lambda: self._http.request("GET", url, params=params, timeout_s=timeout_s))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """
        Ask for what only reads, within the slot one has, and after a pause once more.

        Raises:
            PauseError: the cloud wanted one pause after the other.
        """
        for _ in range(READ_TRIES - 1):
            try:
                return await ask()
            except PauseError:
                await self._budget.spend()
        return await ask()

    def _url(self, path: str) -> str:
        return f"{self.base_url.rstrip('/')}/{path}"


def _merge(into: dict[str, object], more: Mapping[str, object]) -> None:
    """Add the tree *more*; lists are of one request only, so the later one counts."""
    for key, value in more.items():
        held = into.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        else:
            into[key] = value
