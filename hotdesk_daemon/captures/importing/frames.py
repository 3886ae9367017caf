"""
A conversation in JSON-RPC frames, as a client's log or a proxy has it: requests and answers, and what the device says.

An answer says something only together with its question, which has the same id. Whether a frame went out or came in is
seen from the frame itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.captures.importing.told import Passed, Told, Way
from hotdesk_daemon.core.inputs import Input, ListFailed
from hotdesk_daemon.xapi.bookings import parse_list
from hotdesk_daemon.xapi.frames import FEEDBACK_EVENT, Failure, Notification, Reply, parse_frame
from hotdesk_daemon.xapi.notifications import parse_feedback
from hotdesk_daemon.xapi.statuses import parse_status

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.core.ids import DeviceId

_LIST: Final = "xCommand/Bookings/List"
_COMMAND: Final = "xCommand/"
_GET: Final = "xGet"
_QUERY: Final = "xQuery"
_FEEDBACK: Final = "xFeedback/"
_STATUS: Final = ("Status",)
_SOFTWARE: Final = ("Status", "SystemUnit", "Software", "Version")
_BOOKING_TIMEOUT: Final = ("Configuration", "Bookings", "AdhocBooking", "BookingTimeout")
_LONGEST_BOOKING_TIMEOUT_S: Final = 86_400
_decode: Final = msgspec.json.Decoder().decode

_Id = int | str


@attrs.frozen
class _Question:
    method: str
    path: tuple[str, ...]


@attrs.define
class _Session:
    """From one connecting to the next: where in what was told it begins, and what was learned of the device in it."""

    begins: int
    last_id: int = 0
    software: str | None = None
    booking_timeout_s: int | None = None


class Conversation:
    """The frames of one device, in their order."""

    def __init__(self, device: DeviceId, *, desk: str | None) -> None:
        self.passed: Counter[Passed] = Counter()
        #: Whether a list was taken for one although nobody is seen to ask for it.
        self.guessed_lists = 0
        self._device = device
        self._desk = desk
        self._told: list[Told] = []
        self._sessions = [_Session(begins=0)]
        self._questions: dict[_Id, _Question] = {}

    @property
    def unanswered(self) -> int:
        """Questions whose answer is not there."""
        return len(self._questions)

    def take(self, value: dict[str, object], raw: bytes, *, at: datetime) -> None:
        """
        Take the next frame.

        Raises:
            ProtocolError: it is none, or its content cannot be understood.
        """
        method = value.get("method")
        if isinstance(method, str) and method != FEEDBACK_EVENT:
            self._ask(value, method)
            return
        frame = parse_frame(raw)
        if isinstance(frame, Notification):
            self._tell(parse_feedback(frame.params, device=self._device, raw=raw), raw, at=at)
            return
        question = self._questions.pop(frame.id, None) if frame.id is not None else None
        if isinstance(frame, Failure):
            self._fail(frame, question, raw, at=at)
        else:
            self._answer(frame, question, raw, at=at)

    def told(self) -> list[Told]:
        """What was told, each session begun with what is known of the device in it."""
        for number, session in enumerate(self._sessions):
            later = self._sessions[number + 1 :]
            end = next((other.begins for other in later), len(self._told))
            if session.begins < end:
                self._told[session.begins] = attrs.evolve(
                    self._told[session.begins],
                    begins=True,
                    software=session.software,
                    booking_timeout_s=session.booking_timeout_s,
                )
        return self._told

    # --- out ---------------------------------------------------------------------------------------------------------

    def _ask(self, value: dict[str, object], method: str) -> None:
        ident = value.get("id")
        if not isinstance(ident, int | str):
            self.passed[Passed.OTHER] += 1
            return
        number = int(ident) if isinstance(ident, int) or ident.isdecimal() else 0
        session = self._sessions[-1]
        if number == 1 and session.last_id:
            # Clients count their requests from 1 on: this one has connected again.
            session = _Session(begins=len(self._told))
            self._sessions.append(session)
            self._questions.clear()
        session.last_id = max(session.last_id, number)
        params = value.get("params")
        path = params.get("Path") or params.get("Query") if isinstance(params, dict) else None
        words = tuple(map(str, path)) if isinstance(path, list) else ()
        self._questions[ident] = _Question(method, words)

    # --- in ----------------------------------------------------------------------------------------------------------

    def _answer(self, frame: Reply, question: _Question | None, raw: bytes, *, at: datetime) -> None:
        result = frame.value()
        if question is None:
            if not (isinstance(result, dict) and ("Booking" in result or "ResultInfo" in result)):
                self.passed[Passed.UNASKED] += 1
                return
            self.guessed_lists += 1
            question = _Question(_LIST, ())
        session = self._sessions[-1]
        if question.path == _SOFTWARE and isinstance(result, str):
            session.software = result or None
        elif question.path == _BOOKING_TIMEOUT:
            session.booking_timeout_s = _seconds(result)
        elif question.method == _LIST:
            self._tell((parse_list(result, device=self._device),), bytes(frame.result), at=at)
        elif question.method == _GET and question.path[:1] == _STATUS:
            self._tell(parse_status(result, device=self._device, path=question.path), raw, at=at)
        elif question.method == _QUERY and isinstance(result, dict):
            self._tell(parse_status(result, device=self._device), raw, at=at)
        elif not question.method.startswith(_FEEDBACK):
            self.passed[Passed.COMMAND if question.method.startswith(_COMMAND) else Passed.OTHER] += 1

    def _fail(self, frame: Failure, question: _Question | None, raw: bytes, *, at: datetime) -> None:
        if question is not None and question.method == _LIST:
            error = f"{_LIST} is refused: {frame.message or frame.name}"
            self._tell((ListFailed(device=self._device, error=error),), raw, at=at)
        else:
            is_command = question is not None and question.method.startswith(_COMMAND)
            self.passed[Passed.COMMAND if is_command else Passed.REFUSED] += 1

    def _tell(self, inputs: tuple[Input, ...], raw: bytes, *, at: datetime) -> None:
        if not inputs:
            self.passed[Passed.NOT_MIRRORED] += 1
            return
        self._told.append(Told(at=at, device=self._device, way=Way.SOCKET, inputs=inputs, raw=raw, desk=self._desk))


def _seconds(value: object) -> int | None:
    try:
        seconds = int(value) if isinstance(value, int | str) else -1
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_BOOKING_TIMEOUT_S else None
