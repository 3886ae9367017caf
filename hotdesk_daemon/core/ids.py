"""Identifiers that must not be mixed up; see the module ``desk`` for what each names."""

from __future__ import annotations

from typing import NewType

#: The configured name of a desk (a Webex workspace), e.g. ``osl-4-014``.
DeskId = NewType("DeskId", str)
#: The configured name of one device on a desk.
DeviceId = NewType("DeviceId", str)
#: Our own id of a booking: the desk's id, a dot, ``b`` and the sequence number of the input that made it.
BookingId = NewType("BookingId", str)
#: Our own id of a command: the desk's id, a dot, ``c``, the sequence number of its cause, a dot and a counter.
CommandId = NewType("CommandId", str)
