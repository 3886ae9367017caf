"""Captures: history as a file that can be sent to somebody, looked at, and run again."""
