"""
JSON-RPC 2.0 as RoomOS speaks it: one object for each text frame, no batches.

The error codes below -31900 are RoomOS's own; code 1 is a command that failed or did not like its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import msgspec

from .tree import Json

RequestId: TypeAlias = str | int | None

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
PERMISSION_DENIED: Final = -31999
SUBSCRIBERS_EXCEEDED: Final = -31998
NOT_READY: Final = -31997
COMMAND_ERROR: Final = 1

_encode = msgspec.json.Encoder().encode


class RpcError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        code: int,
        message: str,
        data: Json = None,
        *,
        request_id: RequestId = None,
        answerable: bool = True,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.request_id = request_id
        self.answerable = answerable


def bad_argument(parameter: str) -> RpcError:
    """Return the error for a parameter's value outside its value space, worded as devices word it."""
    return RpcError(COMMAND_ERROR, f'Bad usage: Bad argument to parameter "{parameter}".', {"Cause": 27})


def command_failed(message: str) -> RpcError:
    """Return the error for a command that was understood and could not be carried out."""
    return RpcError(COMMAND_ERROR, message, {"Cause": 1})


@attrs.frozen(kw_only=True)
class Request:
    """One request as received; `wants_answer` is false for a JSON-RPC notification."""

    id: RequestId
    wants_answer: bool
    method: str
    params: dict[str, Json]


@attrs.frozen(kw_only=True)
class Answer:
    """What a method gives back; *afterwards* is done once the answer is on its way."""

    result: Json
    afterwards: Callable[[], None] | None = None


def parse_request(frame: str | bytes) -> Request:
    """
    Read one frame.

    Raises:
        RpcError: it is no request; its code says why.

    """
    try:
        document = msgspec.json.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        raise RpcError(PARSE_ERROR, "Parse error") from exc
    if not isinstance(document, dict):
        raise RpcError(INVALID_REQUEST, "Invalid request")
    request_id, method, params = document.get("id"), document.get("method"), document.get("params", {})
    if not _is_id(request_id):
        raise RpcError(INVALID_REQUEST, "Invalid request")
    if document.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "Invalid request", request_id=request_id)
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "Invalid params", request_id=request_id)
    return Request(id=request_id, wants_answer="id" in document, method=method, params=params)


def _is_id(value: object) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def render_result(request_id: RequestId, result: Json) -> bytes:
    """Write the answer to a request that succeeded."""
    return _encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def render_error(error: RpcError, request_id: RequestId) -> bytes:
    """Write the answer to a request that failed."""
    body: dict[str, Json] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return _encode({"jsonrpc": "2.0", "id": request_id, "error": body})


def render_notification(subscription: int, root: str, tree: Json) -> bytes:
    """Write one piece of feedback for one subscription."""
    return _encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": {"Id": subscription, root: tree}})
