"""What keeps the service running: configuration, logs, metrics, health, service notification."""
