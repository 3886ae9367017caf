"""What will hurt later: the configuration, this machine, every device and every organisation, looked at once."""

from hotdesk_daemon.app.doctor.catalogue import CHECKS, Check, known_checks
from hotdesk_daemon.app.doctor.examination import Asked, Doctor
from hotdesk_daemon.app.doctor.findings import Finding, Level
from hotdesk_daemon.app.doctor.surroundings import Surroundings

__all__ = ["CHECKS", "Asked", "Check", "Doctor", "Finding", "Level", "Surroundings", "known_checks"]
