"""What a device's release, statuses and configurations mean for us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.xapi.capabilities import Release, capabilities_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = str | int | None
Path: TypeAlias = tuple[str, ...]

#: Since this release devices tell of everything that bookings are followed by.
LEAST_RELEASE: Final = Release.of(11, 24)

PERSONALIZED: Final = ("Status", "Webex", "DevicePersonalization", "Personalized")
_TEAMS: Final = ("Status", "MicrosoftTeams", "User", "SignedIn")
_CHECK_IN: Final = ("Configuration", "Bookings", "CheckIn", "Enabled")
_TASK_SIGN_IN: Final = ("Configuration", "Webex", "DevicePersonalization", "TaskBasedSignIn")
_AUTHENTICATION: Final = ("Configuration", "Webex", "Hotdesking", "UserAuthentication")
_PEOPLE_COUNT: Final = ("Configuration", "RoomAnalytics", "PeopleCountOutOfCall")
CONFIGURATIONS: Final[tuple[Path, ...]] = (_CHECK_IN, _TASK_SIGN_IN, _AUTHENTICATION, _PEOPLE_COUNT)
#: What a visit reads.
WANTED: Final[tuple[Path, ...]] = (PERSONALIZED, _TEAMS, *CONFIGURATIONS)

#: What the daemon sends (see ``core.commands``) that desks cannot be kept without.
_NEEDED: Final = ("Bookings List", "Bookings Book", "Bookings Delete", "Bookings Edit", "Webex Registration Logout")


@attrs.frozen(kw_only=True)
class Facts:
    """What was read; None where the device has no such thing, or not for our user."""

    release: Release | None
    values: Mapping[Path, Value]


@attrs.frozen(kw_only=True)
class _Setting:
    """A configuration that stands in our way when it has the value *bad*; devices without it are fine."""

    name: str
    path: Path
    bad: str
    text: str


_SETTINGS: Final = (
    _Setting(
        name="device.check_in",
        path=_CHECK_IN,
        bad="True",
        text="the device itself deletes bookings that nobody checked in to",
    ),
    _Setting(name="device.task_sign_in", path=_TASK_SIGN_IN, bad="On", text="people may sign in without a booking"),
    _Setting(
        name="device.user_authentication",
        path=_AUTHENTICATION,
        bad="Disabled",
        text="bookings made ahead are used without a sign-in, so nobody can be told to be there",
    ),
    _Setting(
        name="device.people_count",
        path=_PEOPLE_COUNT,
        bad="Off",
        text="people are counted in calls only, so an empty desk is not seen",
    ),
)


def judge_facts(subject: str, facts: Facts) -> Iterator[Finding]:
    """Every finding that follows from *facts*."""
    yield judge_release("device.release", subject, facts.release)
    yield _teams(subject, facts)
    yield from judge_settings(subject, facts)
    yield judge_personalized(subject, facts)


def judge_settings(subject: str, facts: Facts) -> Iterator[Finding]:
    """Say which configurations stand in our way."""
    for setting in _SETTINGS:
        told = facts.values.get(setting.path)
        words = " ".join(setting.path[1:])
        if str(told) == setting.bad:
            yield warned(setting.name, subject, f"{words} is {told}: {setting.text}")
        else:
            yield fine(setting.name, subject, f"{words} is {'not there' if told is None else told}")


def judge_personalized(subject: str, facts: Facts) -> Finding:
    """Say whether it is told that somebody is signed in."""
    if facts.values.get(PERSONALIZED) is None:
        return warned("device.personalized", subject, "the device does not tell whether somebody is signed in")
    return fine("device.personalized", subject, "the device tells whether somebody is signed in")


def judge_release(name: str, subject: str, release: Release | None) -> Finding:
    """Say what an old release lacks."""
    if release is None:
        return warned(name, subject, "the device does not tell its release")
    if release >= LEAST_RELEASE:
        return fine(name, subject, f"RoomOS {release}")
    lacking = sorted(capabilities_of(LEAST_RELEASE).events - capabilities_of(release).events)
    words = ", ".join(path.removeprefix("Bookings ") for path in lacking) or "nothing that is known"
    return warned(name, subject, f"RoomOS {release} is older than {LEAST_RELEASE}; it does not tell of: {words}")


def _teams(subject: str, facts: Facts) -> Finding:
    if str(facts.values.get(_TEAMS)) != "True":
        return fine("device.teams", subject, "is not in Microsoft Teams mode")
    there = capabilities_of(facts.release, teams=True).commands
    missing = [path for path in _NEEDED if path not in there]
    if missing:
        return failed("device.teams", subject, f"is in Microsoft Teams mode, without {', '.join(missing)}")
    return warned("device.teams", subject, "is in Microsoft Teams mode: calls and sign-ins look different there")
