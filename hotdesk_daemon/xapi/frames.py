"""
The client's side of the framing: JSON-RPC 2.0, one object per text frame, no batches.

Only the frame is looked at here; what it carries stays as it came, to be decoded by whoever wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import attrs
import msgspec
from msgspec import Raw, Struct

from hotdesk_daemon.core.errors import UndecodableError

#: The only method of the notifications that devices send.
FEEDBACK_EVENT: Final = "xFeedback/Event"


class ErrorCode(IntEnum):
    """
    Codes of failures. JSON-RPC 2.0 section 5.1 has the first five, the others are the device's own.

    They are for messages and for waiting; whether something was done is asked of the device.
    """

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMETER = -32602
    INTERNAL_ERROR = -32603
    PERMISSION_DENIED = -31999
    SUBSCRIBER_COUNT_EXCEEDED = -31998
    NOT_READY = -31997
    COMMAND_ERROR = 1


@attrs.frozen
class Request:
    """A call; the device's answer carries the same *id*, of the same type."""

    id: int | str
    method: str
    params: Mapping[str, object] = attrs.field(factory=dict)

    def render(self) -> str:
        """The text frame to send. ``params`` is always there, for the vendor's own client always sends it."""
        return _ENCODER.encode({"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": self.params}).decode()


class Reply(Struct, frozen=True, gc=False):
    """The answer to a request that was carried out; ``result`` is its JSON."""

    id: int | str
    result: Raw

    def value(self) -> object:
        """
        The result as plain Python values.

        Raises:
            UndecodableError: when it is no JSON after all.
        """
        return _decoded(self.result)


class Failure(Struct, frozen=True):
    """The answer to a request that failed; ``id`` is None when the device could not read the request's."""

    id: int | str | None
    code: int
    message: str
    data: object = None

    @property
    def name(self) -> str:
        """The code in words, or as a number when it has none."""
        try:
            return ErrorCode(self.code).name.lower().replace("_", " ")
        except ValueError:
            return str(self.code)


class Notification(Struct, frozen=True, gc=False):
    """Something the device says unasked; ``params`` is its JSON, empty when there was none."""

    method: str
    params: Raw


class _Error(Struct):
    code: int = 0
    message: str = ""
    data: object = None


class _Frame(Struct, gc=False):
    id: int | str | None = None
    method: str | None = None
    params: Raw = Raw()
    result: Raw = Raw()
    error: _Error | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODE: Final = msgspec.json.Decoder(_Frame).decode
_DECODE_ANY: Final = msgspec.json.Decoder().decode
_NOTHING: Final = _Frame.__struct_defaults__[3]
# What msgspec raises on bad bytes: its own errors, bad UTF-8, and nesting deeper than the stack is allowed to be.
_BAD: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def parse_frame(raw: bytes | str) -> Reply | Failure | Notification:
    """
    What one text frame of a device is.

    Raises:
        UndecodableError: when it is no JSON or neither an answer nor a notification; it holds the frame.
    """
    try:
        frame = _DECODE(raw)
    except _BAD as exc:
        raise UndecodableError(f"no frame: {exc}", raw=_bytes(raw)) from exc
    if frame.method is not None:
        if frame.id is None:
            return Notification(frame.method, frame.params)
        raise UndecodableError("a request, which devices do not send", raw=_bytes(raw))
    if frame.error is not None:
        return Failure(frame.id, frame.error.code, frame.error.message, frame.error.data)
    if frame.id is None or frame.result is _NOTHING:
        raise UndecodableError("neither an answer nor a notification", raw=_bytes(raw))
    return Reply(frame.id, frame.result)


def _bytes(raw: bytes | str) -> bytes:
    return raw if isinstance(raw, bytes) else raw.encode(errors="surrogatepass")


def _decoded(raw: Raw) -> object:
    try:
        return _DECODE_ANY(raw)
    except _BAD as exc:
        raise UndecodableError(f"no result: {exc}", raw=bytes(raw)) from exc
