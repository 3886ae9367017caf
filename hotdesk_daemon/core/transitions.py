"""
The transition tables: what every state does with everything that can happen.

Five lives, five total tables: `LINK` and `SIGN_IN` per device, `BOOKING` and `CHANGE` per booking, `COMMAND` per
command. ``decide`` looks a pair up here and does what the row says. Nothing else changes a state, with three exceptions
that are named where they are: ``verdicts.judge`` (the rules) and ``settlement.settle`` (a command whose effect holds is
done) close every step, and ``orders`` moves the booking that a ``Book`` asked for when it is refused, dropped or
retried. docs/transitions.md is generated from these tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.core import bookings, changes, links, orders, sign_ins, wishes
from hotdesk_daemon.core.desk import BookingState, ChangeState, CommandState, LinkState, SignInState
from hotdesk_daemon.core.rows import Table, build, go, stay
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Mapping

# --- link ------------------------------------------------------------------------------------------------------------

_BOOKING_EVENTS: Final = (
    "BookingCreated", "BookingFailed", "BookingMoved", "BookingRequested", "CheckedIn", "Deleted", "EditFailed",
    "EditRequested", "End", "EndTimeBuffer", "ExtensionFailed", "ExtensionRequested", "NotificationSnoozed", "Start",
    "StartTimeBuffer", "TimeRemaining",
)  # fmt: skip
_DOWN, _SYNCING, _LIVE, _STALE = LinkState
_UP: Final = (_SYNCING, _LIVE, _STALE)

LINK: Final[Table[LinkState]] = build(
    Life.LINK,
    LinkState,
    rest="does not concern the link",
    rows=[
        (_DOWN, "LinkUp", go("link.up", "connected: the list comes next", _SYNCING, act=links.connect)),
        (_UP, "LinkUp", go("link.up", "connected anew: the list comes next", _SYNCING, act=links.connect)),
        (_DOWN, "LinkDown", stay("link.down", "was down already", links.stay_down, quiet=True)),
        (_UP, "LinkDown", go("link.down", "connection lost", _DOWN, act=links.disconnect)),
        (LinkState, "DaemonStarted", go("link.down", "daemon started: not connected", _DOWN, act=links.restart)),
        (_DOWN, ("SyncRequired", "Updated"), stay("link.unexpected", "heard without a link", links.unexpected)),
        (
            _SYNCING,
            ("SyncRequired", "Updated"),
            stay("link.doubted", "another list after the first", links.resync),
        ),
        (
            (_LIVE, _STALE),
            ("SyncRequired", "Updated"),
            go("link.doubted", "what we hold may be wrong until the next list", _STALE, act=links.resync),
        ),
        (_DOWN, _BOOKING_EVENTS, stay("link.unexpected", "heard without a link: not applied", links.unexpected)),
        (_UP, _BOOKING_EVENTS, stay("link.held", "waits for the list under way", links.hold_back, quiet=True)),
        (LinkState, "Undecodable", stay("input.undecodable", "kept as it came", links.keep_undecodable)),
        (_DOWN, "BookingsListed", stay("list.late", "its link is down: the next connect lists again")),
        (
            _UP,
            "BookingsListed",
            go("list.applied", "the list is the truth", _LIVE, _STALE, act=links.list_applied),
        ),
        (_DOWN, "ListFailed", stay("list.failed", "its link is down: the next connect lists again")),
        (_UP, "ListFailed", stay("list.failed", "tried again later", links.list_failed)),
        (_UP, "ResyncAsked", stay("list.wanted", "a person asks", links.list_by_wish)),
        (_DOWN, "ResyncAsked", stay("list.wanted", "no link: the next connect lists")),
        (_UP, "TimerFired/sync", stay("list.wanted", "it is time", links.list_by_time)),
        (_DOWN, "TimerFired/sync", stay("list.wanted", "no link: the next connect lists", quiet=True)),
    ],
)

# --- booking ---------------------------------------------------------------------------------------------------------

_ABSENT = BookingState.ABSENT
_REQUESTED, _CREATED, _STARTED = BookingState.REQUESTED, BookingState.CREATED, BookingState.STARTED
_ENDED, _DELETED, _FAILED = BookingState.ENDED, BookingState.DELETED, BookingState.FAILED
_ALIVE: Final = (_CREATED, _STARTED)
_NOT_OVER: Final = (_REQUESTED, *_ALIVE)
_OVER: Final = (_ENDED, _DELETED, _FAILED)
_HELD: Final = (*_NOT_OVER, *_OVER)
_NOTES: Final = ("StartTimeBuffer", "EndTimeBuffer", "TimeRemaining", "NotificationSnoozed")

BOOKING: Final[Table[BookingState]] = build(
    Life.BOOKING,
    BookingState,
    rest="does not concern the booking",
    rows=[
        # asking
        (_ABSENT, "BookingRequested",
         go("booking.requested", "asked for at the device", _REQUESTED, act=bookings.request)),
        (_REQUESTED, "BookingRequested", stay("booking.announced", "the request we know of", bookings.learn_event)),
        ((*_ALIVE, *_OVER), "BookingRequested", stay("booking.late", "answered already", bookings.learn_event)),
        (_ABSENT, "BookAsked",
         go("booking.requested", "a person asks us to book", _ABSENT, _REQUESTED, act=wishes.book)),
        (_HELD, "BookAsked", stay("booking.repeated", "the same request again", wishes.repeated)),
        # answers
        (_ABSENT, "BookingCreated", go("booking.created", "made elsewhere", _CREATED, act=bookings.create)),
        (_REQUESTED, "BookingCreated", go("booking.created", "confirmed", _CREATED, act=bookings.confirm)),
        (_ALIVE, "BookingCreated", stay("booking.repeated", "told again", bookings.told_again)),
        (_FAILED, "BookingCreated", go("booking.created", "confirmed after all", _CREATED, act=bookings.confirm)),
        (
            (_ENDED, _DELETED),
            "BookingCreated",
            stay("booking.late", "over already", bookings.surprised_if_ahead),
        ),
        (_ABSENT, "BookingFailed", stay("booking.late", "a request that we never heard of failed")),
        (_REQUESTED, "BookingFailed", go("booking.failed", "not confirmed", _FAILED, act=bookings.fail)),
        (_ALIVE, "BookingFailed", stay("booking.surprise", "failed, but we hold it confirmed", bookings.surprised)),
        (_OVER, "BookingFailed", stay("booking.late", "over already")),
        # time and place
        (
            _ABSENT,
            ("BookingMoved", "Start", "End", "CheckedIn", "Deleted"),
            stay("booking.surprise", "no such booking is known: listed", bookings.surprised),
        ),
        (
            _ABSENT,
            ("EditRequested", "EditFailed", "ExtensionRequested", "ExtensionFailed"),
            stay("booking.surprise", "a change of a booking that is not known: listed", bookings.surprised),
        ),
        (_HELD, ("EditRequested", "ExtensionRequested"),
         stay("booking.noted", "see its change", bookings.learn_event, quiet=True)),
        (_REQUESTED, "BookingMoved", go("booking.created", "moved, so it exists", _CREATED, act=bookings.move)),
        (_CREATED, "BookingMoved", stay("booking.moved", "new times", bookings.move)),
        (_STARTED, "BookingMoved", go("booking.moved", "new times", _STARTED, _CREATED, act=bookings.move)),
        (_OVER, "BookingMoved", stay("booking.surprise", "moved, but we hold it as over", bookings.surprised)),
        ((_REQUESTED, _CREATED), "Start", go("booking.started", "its start time came", _STARTED, act=bookings.begin)),
        (_STARTED, "Start", stay("booking.repeated", "started already", bookings.learn_event)),
        (_OVER, "Start", stay("booking.late", "over already", bookings.surprised_if_ahead)),
        (_NOT_OVER, "End", go("booking.ended", "its end time came", _ENDED, act=bookings.finish)),
        (_OVER, "End", stay("booking.repeated", "over already")),
        ((_REQUESTED, _CREATED, _STARTED), "CheckedIn", stay("booking.checked_in", "checked in", bookings.check_in)),
        (_OVER, "CheckedIn", stay("booking.late", "over already")),
        (_NOT_OVER, "Deleted", go("booking.deleted", "deleted", _DELETED, act=bookings.delete)),
        (_OVER, "Deleted", stay("booking.repeated", "over already")),
        (_ABSENT, _NOTES, stay("booking.noted", "no such booking is known", quiet=True)),
        (_HELD, _NOTES, stay("booking.noted", "informative", bookings.learn_event, quiet=True)),
        # lists
        (_ABSENT, "BookingsListed/present",
         go("booking.created", "the list shows it", _ABSENT, _CREATED, _STARTED, act=bookings.appear, quiet=True)),
        (_REQUESTED, "BookingsListed/present",
         go("booking.created", "the list confirms it", _CREATED, _STARTED, _ENDED, act=bookings.still_there)),
        (_ALIVE, "BookingsListed/present",
         go("booking.listed", "the list shows it", _CREATED, _STARTED, _ENDED, act=bookings.still_there, quiet=True)),
        (_OVER, "BookingsListed/present",
         go("booking.created", "the list shows it again",
            *_OVER, _CREATED, _STARTED, act=bookings.still_there, quiet=True)),
        (_REQUESTED, "BookingsListed/missing",
         go("booking.failed", "neither confirmed in time nor listed",
            _REQUESTED, _FAILED, act=bookings.vanish_unconfirmed, quiet=True)),
        (_ALIVE, "BookingsListed/missing",
         go("booking.deleted", "not in the list", *_ALIVE, _ENDED, _DELETED, act=bookings.vanish, quiet=True)),
        # timers and people
        (_NOT_OVER, ("TimerFired/request", "TimerFired/watch"),
         stay("booking.overdue", "no word in time: listed", bookings.overdue)),
        (_ABSENT, ("EditAsked", "DeleteAsked"),
         stay("wish.refused", "no such booking", wishes.refuse_absent, quiet=True)),
        (_OVER, ("EditAsked", "DeleteAsked"), stay("wish.refused", "over already", wishes.refuse_over, quiet=True)),
        (_REQUESTED, "EditAsked", stay("wish.refused", "not confirmed yet", wishes.refuse_requested, quiet=True)),
        (_ALIVE, "EditAsked", stay("booking.noted", "see its change", quiet=True)),
        (_REQUESTED, "DeleteAsked",
         go("booking.deleted", "taken back", _REQUESTED, _DELETED, act=wishes.cancel, quiet=True)),
        (_ALIVE, "DeleteAsked", stay("booking.deletion_asked", "a person asks", wishes.delete)),
    ],
)  # fmt: skip

# --- change ----------------------------------------------------------------------------------------------------------

_NONE, _EDIT, _EXTENSION, _REVERTING = ChangeState
_ASKED: Final = (_EDIT, _EXTENSION)

CHANGE: Final[Table[ChangeState]] = build(
    Life.CHANGE,
    ChangeState,
    rest="does not concern a change",
    rows=[
        ((_NONE, *_ASKED), "EditRequested", go("change.asked", "an edit is asked for", _EDIT, act=changes.open_edit)),
        ((_NONE, *_ASKED), "ExtensionRequested",
         go("change.asked", "an extension is asked for", _EXTENSION, act=changes.open_extension)),
        (_REVERTING, ("EditRequested", "ExtensionRequested"), stay("change.announced", "our own edit is under way")),
        (_NONE, "EditAsked", go("change.asked", "a person asks us", _NONE, _EDIT, act=changes.edit_by_wish)),
        ((*_ASKED, _REVERTING), "EditAsked", stay("wish.refused", "a change is open", changes.busy, quiet=True)),
        (_NONE, "BookingMoved", stay("change.none", "moved without a request that we saw", quiet=True)),
        (_ASKED, "BookingMoved", go("change.done", "carried out", _NONE, act=changes.close)),
        (_REVERTING, "BookingMoved",
         go("change.put_back", "back at the accepted time", _REVERTING, _NONE, act=changes.compare_revert, quiet=True)),
        (_NONE, ("EditFailed", "ExtensionFailed"), stay("change.late", "no change is open")),
        (_ASKED, ("EditFailed", "ExtensionFailed"),
         go("change.failed", "refused: the booking stays as it was", _NONE, act=changes.fail)),
        (_REVERTING, "EditFailed",
         go("change.failed", "the old time could not be put back", _NONE, act=changes.fail_revert)),
        (_REVERTING, "ExtensionFailed", stay("change.late", "an extension that we refused failed by itself")),
        (_ASKED, "TimerFired/change", stay("change.overdue", "no answer in time: listed", changes.overdue)),
        (_ASKED, "BookingsListed/present",
         go("change.closed", "the list answers it", _EDIT, _EXTENSION, _NONE, act=changes.compare, quiet=True)),
        (_REVERTING, "BookingsListed/present",
         go("change.put_back", "the list shows the accepted time",
            _REVERTING, _NONE, act=changes.compare_revert, quiet=True)),
    ],
)  # fmt: skip

# --- sign-in ---------------------------------------------------------------------------------------------------------

_UNKNOWN, _SHARED, _UNBOOKED = SignInState.UNKNOWN, SignInState.SHARED, SignInState.UNBOOKED
_CHECKING, _BOOKED = SignInState.CHECKING, SignInState.BOOKED
_LEAVING, _STAYING = SignInState.LEAVING, SignInState.STAYING
_SIGNED_IN: Final = (_UNBOOKED, _CHECKING, _BOOKED, _LEAVING, _STAYING)
_BOOKINGS_CHANGED: Final = ("BookingCreated", "BookingMoved", "Start", "End", "Deleted", "BookingsListed")
_CALLS: Final = ("ActiveCalls", "SystemState")

SIGN_IN: Final[Table[SignInState]] = build(
    Life.SIGN_IN,
    SignInState,
    rest="does not concern the sign-in",
    rows=[
        (_UNKNOWN, "Personalized/true",
         go("sign_in.started", "someone is signed in", _UNBOOKED, _CHECKING, _BOOKED, act=sign_ins.arrive)),
        (_SHARED, "Personalized/true",
         go("sign_in.started", "someone signed in", _UNBOOKED, _CHECKING, _BOOKED, act=sign_ins.arrive)),
        (_SIGNED_IN, "Personalized/true", stay("sign_in.repeated", "signed in already", quiet=True)),
        (_UNKNOWN, "Personalized/false", go("sign_in.none", "nobody is signed in", _SHARED, act=sign_ins.depart)),
        (_SHARED, "Personalized/false", stay("sign_in.repeated", "nobody was signed in", quiet=True)),
        (_UNBOOKED, "Personalized/false",
         go("sign_in.ended", "signed out without a booking", _SHARED, act=sign_ins.depart)),
        (_CHECKING, "Personalized/false",
         go("sign_in.wrong_user", "signed out within seconds: not the booking's user, no check-in",
            _SHARED, act=sign_ins.depart)),
        (_BOOKED, "Personalized/false",
         go("sign_in.ended", "signed out during the booking", _SHARED, act=sign_ins.depart)),
        (_LEAVING, "Personalized/false",
         go("sign_in.ended", "signed out after the booking", _SHARED, act=sign_ins.depart)),
        (_STAYING, "Personalized/false",
         go("sign_in.ended", "signed out after the call", _SHARED, act=sign_ins.depart)),
        (SignInState, "Personalized/unknown",
         go("sign_in.unknown", "the device does not say", _UNKNOWN, act=sign_ins.depart, quiet=True)),
        (SignInState, ("LinkDown", "DaemonStarted"), go("sign_in.unknown", "not connected", _UNKNOWN, quiet=True)),
        (_CHECKING, "TimerFired/settle",
         go("sign_in.confirmed", "stayed: the booking's user", _BOOKED, act=sign_ins.confirm)),
        (_UNBOOKED, _BOOKINGS_CHANGED,
         go("sign_in.confirmed", "the booking that runs is theirs", _UNBOOKED, _BOOKED, act=sign_ins.join, quiet=True)),
        (_CHECKING, _BOOKINGS_CHANGED,
         go("sign_in.rechecked", "the booking changed meanwhile",
            _CHECKING, _UNBOOKED, _BOOKED, act=sign_ins.recheck, quiet=True)),
        (_BOOKED, _BOOKINGS_CHANGED,
         go("sign_in.over", "the booking does not run any more",
            _BOOKED, _LEAVING, _STAYING, act=sign_ins.follow, quiet=True)),
        (_LEAVING, _BOOKINGS_CHANGED,
         go("sign_in.confirmed", "a booking runs again", _LEAVING, _BOOKED, act=sign_ins.join, quiet=True)),
        (_STAYING, _BOOKINGS_CHANGED,
         go("sign_in.confirmed", "a booking runs again", _STAYING, _BOOKED, act=sign_ins.join, quiet=True)),
        (_LEAVING, _CALLS,
         go("sign_in.staying", "a call keeps the user signed in",
            _LEAVING, _STAYING, act=sign_ins.call_began, quiet=True)),
        (_STAYING, _CALLS,
         go("sign_in.leaving", "the call is over", _STAYING, _LEAVING, act=sign_ins.call_ended, quiet=True)),
        (_LEAVING, "TimerFired/leave",
         go("sign_in.overstayed", "still signed in after the booking", _UNBOOKED, act=sign_ins.overstay)),
        (_SHARED, "SignOutAsked", stay("wish.refused", "nobody is signed in", sign_ins.nobody, quiet=True)),
        ((_UNKNOWN, *_SIGNED_IN), "SignOutAsked", stay("sign_in.sign_out_asked", "a person asks", sign_ins.sign_out)),
    ],
)  # fmt: skip

# --- command ---------------------------------------------------------------------------------------------------------

_PENDING, _SENDING, _TAKEN = CommandState.PENDING, CommandState.SENDING, CommandState.TAKEN
_LOST, _PARKED = CommandState.UNKNOWN, CommandState.PARKED
_SETTLED: Final = (CommandState.DONE, CommandState.REFUSED, CommandState.DROPPED)
_ANSWERS: Final = tuple(
    f"CommandAnswered/{answer}" for answer in ("accepted", "refused", "unknown", "not done", "gave up")
)

COMMAND: Final[Table[CommandState]] = build(
    Life.COMMAND,
    CommandState,
    rest="does not concern the command",
    rows=[
        (_PENDING, "CommandSending",
         go("command.sent", "on its way", _SENDING, _PENDING, act=orders.claim, quiet=True)),
        (_SENDING, "CommandSending",
         go("command.tried", "once more: nothing was done before", _SENDING, _PENDING, act=orders.claim)),
        ((_TAKEN, _LOST, _PARKED, *_SETTLED), "CommandSending",
         stay("command.not_sent", "not to be sent any more", orders.too_late)),
        (_SENDING, "CommandAnswered/accepted", go("command.taken", "the device took it", _TAKEN, act=orders.accepted)),
        (_SENDING, "CommandAnswered/refused",
         go("command.refused", "the device refused it: listed", _LOST, act=orders.refused)),
        (_PENDING, "CommandAnswered/refused",
         go("command.refused", "it cannot be sent to this device: listed", _LOST, act=orders.refused)),
        (_SENDING, "CommandAnswered/unknown",
         go("command.unknown", "the answer is lost: listed before anything is sent again", _LOST, act=orders.doubt)),
        (_SENDING, "CommandAnswered/not done",
         go("command.not_done", "certainly not done: to be sent again", _PENDING, act=orders.not_done)),
        ((_PENDING, _SENDING), "CommandAnswered/gave up",
         go("command.parked", "not sent, tried long enough", _PARKED, act=orders.gave_up)),
        (_PENDING, ("CommandAnswered/accepted", "CommandAnswered/unknown", "CommandAnswered/not done"),
         stay("command.late", "an answer to an earlier attempt")),
        ((_TAKEN, _LOST, _PARKED, *_SETTLED), _ANSWERS, stay("command.late", "settled or asked after already")),
        (_PENDING, "TimerFired/command", go("command.parked", "its deadline passed", _PARKED, act=orders.expire)),
        (_SENDING, "TimerFired/command", stay("command.waiting", "still under way", quiet=True)),
        (_TAKEN, "TimerFired/command",
         stay("command.overdue", "taken, but its effect does not show: listed", orders.ask_for_effect)),
        (_LOST, "TimerFired/command",
         go("command.overdue", "still unknown: listed", _LOST, _PARKED, act=orders.ask_again)),
        (_TAKEN, "BookingsListed",
         go("command.parked", "taken, but not carried out", _TAKEN, _PARKED, act=orders.look_for_effect, quiet=True)),
        (_LOST, "BookingsListed",
         go("command.asked", "the list answers", _LOST, _PENDING, _PARKED, act=orders.settle_doubt, quiet=True)),
        (_SENDING, "DaemonStarted",
         go("command.unknown", "we ended while it was being sent", _LOST, act=orders.lost_at_restart)),
        (_PENDING, "DaemonStarted", stay("command.pending", "to be handed out anew", orders.hand_again, quiet=True)),
        (_PARKED, "RetryAsked", go("command.retried", "a person asks", _PENDING, act=orders.retry)),
        ((_PARKED, _PENDING, _LOST), "DropAsked",
         go("command.dropped", "a person asks", CommandState.DROPPED, act=orders.drop)),
        ((_PENDING, _SENDING, _TAKEN, _LOST, *_SETTLED), "RetryAsked",
         stay("wish.refused", "not parked", orders.cannot, quiet=True)),
        ((_SENDING, _TAKEN, *_SETTLED), "DropAsked",
         stay("wish.refused", "under way or settled", orders.cannot, quiet=True)),
    ],
)  # fmt: skip

#: The table of each life that has one; the desk itself has none.
TABLES: Final[Mapping[Life, Table[Any]]] = {
    Life.LINK: LINK,
    Life.SIGN_IN: SIGN_IN,
    Life.BOOKING: BOOKING,
    Life.CHANGE: CHANGE,
    Life.COMMAND: COMMAND,
}
