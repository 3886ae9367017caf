"""The wiring: the daemon, its desk workers, resync, reload and replay."""
