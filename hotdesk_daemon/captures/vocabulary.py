"""
The words of the messages that devices and the cloud send, as far as they say nothing of persons.

`KEYS` are the members that are known and what stands at each; `WORDS` are the values that are one of a few. Facts: the
RoomOS xAPI schema 26.4.1, the Webex workspace integrations guide, and the names that the rest of the package reads.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.cloud import HELPFUL_EVENTS, WANTED_EVENTS, WANTED_STATUSES
from hotdesk_daemon.xapi.valuespaces import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping


class Content(Enum):
    """What stands at a member, and so what becomes of it."""

    WORD = auto()  # one of a few words, or a number
    TEXT = auto()  # somebody's sentence: ours and known words stay
    TIME = auto()
    PATH = auto()  # words of the schema with dots, slashes or brackets between
    ALIAS = auto()  # an id of a booking, or a number
    PLACE = auto()  # an id of a device, a workspace, an organisation
    RELEASE = auto()
    NAME = auto()
    EMAIL = auto()
    PERSON = auto()  # a person's id
    TITLE = auto()
    SECRET = auto()
    UNKNOWN = auto()  # anything at all


_WORD: Final = """
    jsonrpc params result error status type isFullSync changes updated events value data messages items redacted bytes
    code cause Value ghost maxOccurrence NotifyCurrentValue
    Status Event Configuration Bookings Availability Current Webex DevicePersonalization Personalized Hotdesking
    SessionStatus SystemUnit State NumberOfActiveCalls NumberOfInProgressCalls NumberOfSuspendedCalls System CameraLid
    Subsystem Application Standby RoomAnalytics PeopleCount Capacity PeoplePresence RoomInUse UltrasoundPresence
    Engagement CloseProximity Conference Presentation LocalInstance SendingMode Mode Call Source MicrosoftTeams Calling
    InCall Pairing Active User SignedIn Uptime Time Software Hardware Module DoNotDisturb AmbientNoise Level Audio
    Volume Peripherals ConnectedDevice Type Networked Boot BootEvent UserInterface Message Prompt Response Cleared Alert
    Booking BookingRequested BookingCreated BookingFailed BookingMoved EditRequested EditFailed ExtensionRequested
    ExtensionFailed Start End CheckedIn Deleted StartTimeBuffer EndTimeBuffer TimeRemaining NotificationSnoozed
    SyncRequired Updated ResultInfo TotalRows BookingStatus Cancellable DialInfo Calls ConnectMode Protocol Encryption
    MaximumMeetingExtension MeetingExtensionAvailability MeetingPlatform Organizer Privacy Recording Spark LocusActive
    MeetingType Participants Pending Enabled CallRate CallType RejectedStatus Role Duration ScheduledDuration
    MinutesFreed MinuteOffset Seconds SecondsUntilStart SecondsSinceStart SecondsUntilEnd CommandResponse
    BookingsListResult BookingsGetResult BookingsBookResult BookingsEditResult BookingsDeleteResult
    BookingsExtendResult BookingsCheckInResult BookingsRespondResult Result AdhocBooking BookingTimeout Days DayOffset
    Limit Offset AccountType ScheduleType OptionId Origin Target X Y SecondsToSnooze
"""
_OTHERS: Final[Mapping[Content, str]] = {
    Content.TEXT: "message Reason BookingStatusMessage Cause FailureCause",
    Content.TIME: """
        timestamp expiryTime StartTime EndTime NewEndTime ExtensionStart TimeStamp LastUpdated SystemTime
    """,
    Content.PATH: "method key removed Path Query XPath name",
    Content.ALIAS: "id Id MeetingId BookingRequestUUID OriginalMeetingId BookingId ResultId digest",
    Content.PLACE: "deviceId workspaceId orgId appId",
    Content.RELEASE: "Version",
    Content.NAME: "OrganizerName FirstName LastName",
    Content.EMAIL: "OrganizerEmail Email",
    Content.PERSON: "OrganizerId personId",
    Content.TITLE: "Title",
    Content.UNKNOWN: "Agenda Number Url DialInNumbers Text Comment body DisplayName Name Zone TrackingData FeedbackId",
    Content.SECRET: """
        Password HostKey HostPin PIN MeetingNumber Passphrase jwt refreshToken accessToken access_token refresh_token
        id_token client_secret clientSecret Authorization secret password
    """,
}
#: Every known member; what is not here may be called after a person.
KEYS: Final[Mapping[str, Content]] = {
    **dict.fromkeys(_WORD.split(), Content.WORD),
    **{word: content for content, words in _OTHERS.items() for word in words.split()},
}
_METHODS: Final = "xCommand xGet xSet xQuery xDoc xFeedback xConfiguration xStatus xEvent Subscribe Unsubscribe"
#: The words that paths are made of, whatever stands at their end.
PATH_WORDS: Final = frozenset(
    {
        *KEYS,
        *(word for path in (*WANTED_STATUSES, *WANTED_EVENTS, *HELPFUL_EVENTS) for word in re.findall(r"\w+", path)),
        *(word for path in COMMANDS for word in path.split()),
        *(name for spec in COMMANDS.values() for name in spec.params),
        *_METHODS.split(),
    }
)

_VALUES: Final = """
    2.0 OK Error status events healthCheck action true false True False TRUE FALSE Yes No yes no Unknown unknown None On
    Off Enabled Disabled Active Inactive Available Reserved Free FreeUntil BookedUntil InCall Initialized Initializing
    Multisite Sleeping Halfwake EnteringStandby Standby LocalOnly LocalRemote Open Closed Idle Dialling Ringing
    Connecting Connected Disconnecting OnHold EarlyMedia Preserved RemotePreserved Registered Registering Failed
    Timeout Decline ConfigError HttpError KmsError ManualCheckOut NoShow Deleted HotdeskSignout
    HotdeskOrganizerNotFoundInOrg
    Adhoc Scheduled OBTP Manual BestEffort Guaranteed Private Public Spark SIP H323 ISDN IP WebRTC MicrosoftTeams
    GoogleMeet Zoom Webex Other Shared Personal SharedAndPersonal Current Upcoming OSD RoomScheduler Controller Accept
    TouchPanel Camera Audio Video Incoming Outgoing Redacted redacted Restart Shutdown
    BookingsCheckIn_API BookingsCheckOut_API
"""
WORDS: Final = frozenset(_VALUES.split())

_ASIDE: Final = frozenset(set(Content) - {Content.WORD, Content.TIME, Content.PATH, Content.ALIAS, Content.PLACE})
#: All strings that may stand anywhere in a message of which nothing needs replacing.
HARMLESS: Final = (
    frozenset(key for key, content in KEYS.items() if content not in _ASIDE and key != "Organizer")
    | WORDS
    | {"xFeedback/Event"}
)

_BETWEEN: Final = re.compile(r"[./ ]")
_INDEXED: Final = re.compile(r"(\w+)\[(\*|[0-9]{1,4}|n)\]")


def is_path(text: str) -> bool:
    """Whether *text* is made of known words only: ``RoomAnalytics.PeopleCount.Current``, ``xCommand/Bookings/List``."""
    return all(_is_step(step) for step in _BETWEEN.split(text))


def content_at(path: str) -> Content:
    """What stands at a member, whose name may be a path."""
    if path in KEYS:
        return KEYS[path]
    return KEYS.get(_BETWEEN.split(path)[-1].partition("[")[0], Content.UNKNOWN)


def _is_step(step: str) -> bool:
    indexed = _INDEXED.fullmatch(step)
    word = step if indexed is None else indexed[1]
    return word in PATH_WORDS or (word.isdecimal() and len(word) <= len("1234"))
