"""
A site that does not exist: desk devices that real clients take for real, calendars, people, and faults.

`Floor` builds and runs one, `play` plays an interaction flow on one of its desks, `FAULTS` names what can go wrong.
"""

from __future__ import annotations

from .clock import Clock, ManualClock, ScaledClock
from .desks import Desk, DeskPlan, Station, plan_floor
from .device import Device, User
from .entries import Effect, Entry
from .faults import FAULTS, Fault, FaultBoard, UnknownFaultError
from .floor import OUTSIDER, Floor
from .flow_steps import StageError
from .flows import FLOWS, FlowError, Played, play
from .schedule import Schedule

__all__ = [
    "FAULTS",
    "FLOWS",
    "OUTSIDER",
    "Clock",
    "Desk",
    "DeskPlan",
    "Device",
    "Effect",
    "Entry",
    "Fault",
    "FaultBoard",
    "Floor",
    "FlowError",
    "ManualClock",
    "Played",
    "ScaledClock",
    "Schedule",
    "StageError",
    "Station",
    "UnknownFaultError",
    "User",
    "plan_floor",
    "play",
]
