"""Organisations of the Webex cloud: their desks, and what is heard of them and told to them."""

from hotdesk_daemon.app.organisations.organisations import Ground, Organisations, prepare

__all__ = ["Ground", "Organisations", "prepare"]
