"""Counting what is durable, and how long each took."""

from __future__ import annotations

import asyncio
import resource
from array import array
from typing import Any


class Tally:
    """Of one process: told of every message once it is durable."""

    def __init__(self) -> None:
        self._waits_ns = array("q")  # small, because memory is measured too
        self._first_sent_ns = 0
        self._last_durable_ns = 0
        self._wanted = 0
        self._reached = asyncio.Event()
        self._cpu_s = 0.0

    def durable(self, sent_ns: int, now_ns: int) -> None:
        """A message that was sent at *sent_ns* is durable now."""
        if not self._waits_ns:
            self._first_sent_ns = sent_ns
            self._cpu_s = _cpu_s()
        self._waits_ns.append(now_ns - sent_ns)
        if len(self._waits_ns) == self._wanted:
            self._last_durable_ns = now_ns
            self._reached.set()

    async def until(self, events: int) -> dict[str, Any]:
        """The figures once *events* are durable; the parent ends us if that takes too long."""
        self._wanted = events
        if len(self._waits_ns) < events:
            await self._reached.wait()
        waits = sorted(self._waits_ns)
        return {
            "took_s": (self._last_durable_ns - self._first_sent_ns) / 1e9,
            "cpu_s": _cpu_s() - self._cpu_s,
            "p50_ms": waits[len(waits) // 2] / 1e6,
            "p99_ms": waits[len(waits) * 99 // 100] / 1e6,
        }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
