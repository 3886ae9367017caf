"""Speed and size of the daemon, beside a bare loop of the same libraries; see README.md."""
