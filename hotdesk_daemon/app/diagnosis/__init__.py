"""One file for a ticket: how the daemon is, without persons and secrets."""

from hotdesk_daemon.app.diagnosis.bundle import MANIFEST, Bundle, Gathered, gather, write_bundle

__all__ = ["MANIFEST", "Bundle", "Gathered", "gather", "write_bundle"]
