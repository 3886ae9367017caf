"""``python -m hotdesk_daemon`` is ``hotdesk-daemon``."""

from __future__ import annotations

from hotdesk_daemon.cli import main

if __name__ == "__main__":
    main()
