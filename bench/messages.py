"""The mix as a cloud sends it: the messages of a workspace integration, dotted paths in place of trees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from bench.mix import Tree, notifications, unstamped

if TYPE_CHECKING:
    from collections.abc import Iterator


@attrs.frozen(kw_only=True)
class Speaker:
    """A device as the cloud names it in every message: public ids of the device, its workspace and organisation."""

    device: str
    workspace: str
    organisation: str


def messages(speaker: Speaker, *, seed: int) -> Iterator[bytes]:
    """What one device says for ever, each as a message that still lacks its stamp; see `bench.mix.frames`."""
    for params in notifications(seed=seed):
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        who = {
            "deviceId": speaker.device,
            "workspaceId": speaker.workspace,
            "orgId": speaker.organisation,
            "appId": "9d3c1f52-7a64-4e0b-8f1d-2b6c5a90e7d4",
            "timestamp": now,
        }
        if "Event" in params:
            ((name, members),) = params["Event"]["Bookings"].items()
            events = [{"key": f"Bookings.{name}", "value": members, "timestamp": now}]
            yield unstamped({"type": "events", **who, "events": events})
        else:
            changes = {"updated": dict(_dotted(params["Status"])), "removed": []}
            yield unstamped({"type": "status", **who, "changes": changes, "isFullSync": False})


def _dotted(tree: Tree, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, below in tree.items():
        if isinstance(below, dict):
            yield from _dotted(below, f"{prefix}{name}.")
        else:
            yield prefix + name, below
