"""A site that does not exist: devices, calendars, people and faults, over real sockets."""
