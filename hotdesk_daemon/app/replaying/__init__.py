"""History, run again: through this version, against another recording, or against another version."""

from __future__ import annotations

from hotdesk_daemon.app.replaying.divergence import Divergence
from hotdesk_daemon.app.replaying.replay import Replay, Taken
from hotdesk_daemon.app.replaying.track import Digests, Replayed, digest_of_all

__all__ = ["Digests", "Divergence", "Replay", "Replayed", "Taken", "digest_of_all"]
