"""
Every event name that may stand in a log line, as data.

One fact, one line, one name. Levels say what the reader has to do: ERROR act, or data is lost; WARNING odd but handled;
INFO a change that somebody would ask about; DEBUG everything else. A repeated failure may be logged at DEBUG after its
first WARNING. ``docs/logs.md`` is made from this file, and a test holds every logging call of the package to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Fields that any event may carry.
COMMON_FIELDS: Final[Mapping[str, str]] = {
    "timestamp": "wall clock of the machine, RFC 3339, UTC, microseconds; simulated sites too",
    "level": "`debug`, `info`, `warning` or `error`",
    "event": "the name below",
    "desk_id": "the desk it is about",
    "device_id": "the device it is about",
    "org": "the organisation it is about",
    "booking_id": "our id of the booking it is about, the same in every line about it and over restarts",
    "command_id": "our id of the command it is about",
    "journal_seq": "the desk's sequence number of the input that did it",
    "cause_seq": "the desk's sequence number of the earlier input that led here",
    "reason": "the row of the table that decided, in words",
    "exception.type": "class of an error that was not expected",
    "exception.message": "its text",
    "exception.stacktrace": "where it came from",
    "repeats": "how often the same failure was met since it was first told",
    "withheld": "names of fields that were left out because they may name a person or a secret",
}

#: What a logging call may pass beside an event's own fields.
CALL_FIELDS: Final = frozenset(
    {"desk_id", "device_id", "org", "booking_id", "command_id", "journal_seq", "cause_seq", "reason", "exc_info"}
)


@attrs.frozen(kw_only=True)
class LogEvent:
    """One event name: its usual level, its own fields, what it means and, where it matters, what to do."""

    name: str
    level: str
    meaning: str
    fields: tuple[str, ...] = ()


def _event(name: str, level: str, meaning: str, *fields: str) -> LogEvent:
    return LogEvent(name=name, level=level, meaning=meaning, fields=fields)


def _listed(what: str) -> tuple[str, ...]:
    return tuple(field for how in ("added", "removed", "changed") for field in (f"{what}_{how}", f"{what}_{how}_names"))


_BOOKING: Final = ("booking_id", "meeting_id", "booking_request_uuid", "origin")
_COMMAND: Final = ("command_id", "booking_id", "command")

_ALL: Final = (
    _event("daemon.started", "info", "The process began.", "version", "python", "config", "desks", "stage", "loop"),
    _event("daemon.last_stop", "info", "How the run before this one ended: `clean`, or as a warning `failed` (its last "
           "lines say why) or `killed`: by somebody, for want of memory, or with the machine, some time after the last "
           "record of the journal.", "stopped", "began", "ended", "last_record"),
    _event("daemon.ready", "info", "Everything stands; from here on `/readyz` may say yes.", "took_s", "url", "desks"),
    _event("daemon.stopping", "info", "A stop was asked for; commands under way may finish.", "signal"),
    _event("daemon.hurried", "warning", "A second signal to stop: commands that are being sent are not waited for any "
           "more. What became of them is asked at the next start.", "signal"),
    _event("daemon.leftover", "warning", "A command was not settled when the daemon stopped. It is in the journal and "
           "is taken up again at the next start.", *_COMMAND, "state"),
    _event("daemon.leftovers", "warning", "More commands were not settled than have a line of their own, in all "
           "`count`. They are in the journal and are taken up again at the next start.", "count", "untold"),
    _event("daemon.drain_cut", "warning", "The time for an orderly stop was over before everything was written; what "
           "was not acknowledged comes again from the devices.", "waiting"),
    _event("daemon.stuck", "error", "Work does not get done, for the reason that `error` gives. The watchdog is not "
           "fed, so the service manager ends the daemon and starts it anew, unless it goes on before.", "error"),
    _event("daemon.works", "info", "Work gets done again."),
    _event("daemon.stopped", "info", "The process ends, `took_s` after it was told to.", "took_s", "left", "exit_code"),
    _event("daemon.failed", "error", "The daemon ended because of what `error` says.", "error"),
    _event("sending.halted", "warning", "A person stopped all sending; commands wait until somebody resumes it.",
           "reason"),
    _event("sending.resumed", "warning", "A person lets commands leave again."),
    _event("breaker.opened", "error", "The rules would have destroyed something on too many desks: their commands are "
           "held back until a person closes the breaker.", "reason"),
    _event("breaker.closed", "warning", "A person lets the rules go on."),
    _event("clock.stepped", "warning", "The machine's wall clock was set, ahead or (below 0) back. What is waited for "
           "moves with it; what stands in calendars does not. Look at the time service.", "by_s"),
    _event("config.invalid", "error", "The configuration cannot be used. Mend what `problem` says.", "problem"),
    _event("config.warning", "warning", "The configuration works but should be mended.", "problem"),
    _event("config.reloaded", "info", "The configuration was read again and is in force: which settings are others, "
           "and how many desks and organisations came, went and changed, by name.", "settings", *_listed("desks"),
           *_listed("organisations"), "took_s"),
    _event("config.reload_failed", "error", "The configuration could not be used when it was read again; the old one "
           "stays in force. A line `config.invalid` for each problem follows.", "problems", "took_s"),
    _event("config.reload_refused", "warning", "A reload was asked for while the daemon stops; the next start reads "
           "the configuration anyway."),
    _event("config.restart_needed", "warning", "These settings are other ones in the configuration; they count after a "
           "restart, and have their old values until then.", "settings"),
    _event("config.desk_stays", "warning", "A desk that is not configured any more could not be let go yet, because a "
           "command to it is under way. None of its devices is reached; the next reload tries again."),
    _event("task.failed", "error", "A part of the daemon ended that should not. It is a bug: report the line.", "task"),
    _event("log.folded", "warning", "A flood: so many more lines of the event `folded` were left out within the time. "
           "Info or error where that event is.", "folded", "lines", "window_s", "logger"),
    _event("log.journal_away", "warning", "systemd's journal does not take lines by its socket: they go to stdout, "
           "without fields, until it does.", "error"),
    _event("log.journal_back", "info", "systemd's journal takes lines by its socket again.", "lines"),
    _event("library.message", "warning", "A library that the daemon uses had something to say.", "logger", "message"),
    _event("link.up", "info", "A device is connected and subscribed; `after` is what kept it down before.", "software",
           "after"),
    _event("link.down", "warning", "A device is not connected and is tried again; said once per kind of reason. Debug: "
           "the same again.", "kind"),
    _event("link.refused", "error", "A device will not have us until a person mends what `reason` says: credentials, "
           "the certificate, clear text that is off, subscriptions used up. Tried again every few minutes. Debug: the "
           "same again.", "kind"),
    _event("link.waiting", "debug", "The next try to connect comes after this wait.", "kind", "wait_s"),
    _event("link.unverified", "warning", "A device's certificate is not checked, or the way has no TLS, as configured. "
           "Pin its fingerprint instead.", "secure"),
    _event("link.subscription_refused", "info", "A device refused one subscription, most often because its release "
           "lacks it; the rest goes on.", "path"),
    _event("link.unexpected", "debug", "A device was heard while its link counts as down, such as an organisation's "
           "without a good token: not applied; the list after the link's return has it.", "kind", "booking_id"),
    _event("org.not_activated", "warning", "An organisation waits for its activation: run `hotdesk-daemon activate`.",
           "error"),
    _event("org.tokens_valid", "info", "An organisation's access token is good (again)."),
    _event("org.tokens_failing", "warning", "An access token cannot be renewed at present; tried again for ever, said "
           "once. The old one may still be good.", "error"),
    _event("org.reauthorise", "error", "The cloud refuses an organisation's refresh token or our client. Its desks "
           "stay readable and grow stale. Activate anew: `hotdesk-daemon activate`; nothing needs a restart.", "error"),
    _event("org.up", "info", "An organisation's cloud is heard."),
    _event("org.gap", "warning", "Messages of the cloud may have been lost: every device is listed again."),
    _event("org.failed", "error", "A mistake in the program ended an organisation; it begins anew. The lines below "
           "help to mend it."),
    _event("org.action_waits", "warning", "An action of the cloud cannot be verified or followed at present; tried "
           "again. Debug: the same again.", "error"),
    _event("org.down", "warning", "An organisation's cloud is not heard for longer than it keeps messages for; its "
           "desks are stale until it is."),
    _event("org.setup_failed", "warning", "The cloud could not be told where to send; tried again until `org.up`. "
           "Debug: the same again.", "error"),
    _event("org.webhook_off", "info", "A webhook that the settings do not name any more was switched off."),
    _event("org.webhook_left", "warning", "A webhook that the settings do not name any more could not be switched off: "
           "the cloud goes on posting there.", "error"),
    _event("org.unsupported", "warning", "The cloud does not push these statuses and events. Desks are read often "
           "instead (`organisation.reconcile_interval`).", "missing"),
    _event("org.supported_unknown", "info", "What the cloud pushes cannot be learnt; desks are read often instead.",
           "error"),
    _event("org.directory", "debug", "Devices and workspaces were read.", "desks", "unusable"),
    _event("org.directory_failed", "warning", "Devices and workspaces could not be read; tried again. Debug: the same "
           "again.", "error"),
    _event("org.directory_recovered", "info", "Devices and workspaces can be read again."),
    _event("org.device_unusable", "info", "A device of the organisation is no desk device of ours, for this reason.",
           "webex_id"),
    _event("org.device_forbidden", "warning", "The cloud refuses access to a device: look at the integration's "
           "locations and at the manifest. Tried again every hour.", "error"),
    _event("org.desk_added", "info", "A workspace became a desk of ours.", "devices"),
    _event("org.desk_moved", "info", "A desk's devices or calendar are others now.", "devices"),
    _event("org.desk_removed", "info", "A workspace is no desk of ours any more; its journal stays."),
    _event("org.desk_stays", "warning", "A desk that is no longer listed could not be let go yet; tried again.",
           "error"),
    _event("org.stranger", "info", "A device that is on no desk of ours speaks; the directory is read again.",
           "webex_id"),
    _event("org.undecodable", "warning", "A message of the cloud could not be understood. It is kept beside the state "
           "(`organisations/<org>.undecodable.jsonl`).", "error", "size_bytes"),
    _event("org.updated", "info", "The cloud gave another refresh token or, after a move to another region, another "
           "place; both are taken over.", "moved"),
    _event("org.approved", "info", "An administrator approved other access; it is taken over."),
    _event("org.deprovisioned", "warning", "The integration was removed from the organisation: tokens are deleted."),
    _event("org.action_refused", "warning", "An action that is not to be believed, or not for us, was refused."),
    _event("org.action_ignored", "info", "An action that means nothing to a living installation.", "action"),
    _event("cloud.answered", "debug", "The cloud answered a request.", "request", "status", "tracking_id"),
    _event("cloud.retry_after", "info", "The cloud asks for a pause; until then nothing is asked of the organisation's "
           "devices.", "pause_s", "tracking_id"),
    _event("cloud.messages_wait", "warning", "Messages could not be made durable; they are kept and tried again. "
           "Debug: the same again.", "messages", "error"),
    _event("cloud.messages_taken", "info", "Messages that had to wait are durable now.", "messages"),
    _event("cloud.poll_url_refused", "warning", "The cloud named another queue that is less safe, or has no address; "
           "not followed."),
    _event("webhook.listening", "info", "The door for webhooks is open.", "url"),
    _event("webhook.refused", "warning", "A post did not prove to be the cloud's. Once a minute at most."),
    _event("desk.stale", "info", "What is held about a desk may be wrong until its next list. Debug: only doubted, "
           "while its devices are connected; the list is under way.", "cause"),
    _event("desk.fresh", "info", "A desk's picture is right again. Debug: after a mere doubt.", "stale_s"),
    _event("desk.drift", "warning", "A timed list corrected something that no event had told."),
    _event("desk.surprise", "warning", "An event did not fit what was held; the list is read again.", "kind", "code",
           "booking_id"),
    _event("desk.begun_anew", "error", "What was held about a desk cannot be rebuilt from the journal. It begins anew: "
           "lists tell what is booked.", "commands_lost"),
    _event("desk.overflow", "warning", "A desk's mailbox is full: its devices are read more slowly, requests are "
           "refused for now. Once per flood.", "size"),
    _event("desk.drained", "info", "A desk's mailbox that was full is empty again."),
    _event("booking.requested", "info", "A booking was asked for and is not confirmed yet.", *_BOOKING),
    _event("booking.created", "info", "A booking stands.", *_BOOKING),
    _event("booking.started", "info", "A booking's time has begun.", *_BOOKING),
    _event("booking.moved", "info", "A booking has new times.", *_BOOKING),
    _event("booking.ended", "info", "A booking is over.", *_BOOKING, "cause"),
    _event("booking.deleted", "info", "A booking is gone.", *_BOOKING, "cause"),
    _event("booking.failed", "warning", "A booking was not confirmed.", *_BOOKING, "cause"),
    _event("booking.deletion_asked", "info", "Somebody asked us to delete a booking.", *_BOOKING),
    _event("booking.rejected", "info", "The rules do not allow a booking; at stage `enforce` it is deleted.",
           *_BOOKING),
    _event("booking.reverted", "info", "The rules do not allow a change; the old times are being put back.", *_BOOKING),
    _event("change.asked", "info", "An edit or extension was asked for and is not confirmed yet.", *_BOOKING),
    _event("change.failed", "warning", "An edit or extension was not confirmed.", *_BOOKING),
    _event("change.done", "info", "An edit or extension has taken effect.", *_BOOKING),
    _event("change.put_back", "info", "A change that the rules do not allow is undone.", *_BOOKING),
    _event("change.given_up", "warning", "A change that the rules do not allow was made again and again; it is left as "
           "it is now.", *_BOOKING),
    _event("sign_in.started", "info", "Somebody signed in; the device still checks who.", "booking_id"),
    _event("sign_in.confirmed", "info", "Somebody is signed in and stays so.", "booking_id"),
    _event("sign_in.wrong_user", "info", "The device sent away somebody who is not the organizer.", "booking_id"),
    _event("sign_in.ended", "info", "Nobody is signed in any more.", "booking_id"),
    _event("sign_in.staying", "info", "The booking is over and a call keeps the user signed in.", "booking_id"),
    _event("sign_in.overstayed", "warning", "Somebody is still signed in though the device should have signed them "
           "out. Look at the desk, or sign out from here.", "booking_id"),
    _event("command.decided", "info", "A command is to be sent.", *_COMMAND),
    _event("command.sent", "info", "A command is being sent. Debug: from the second attempt on.", *_COMMAND, "attempt"),
    _event("command.taken", "info", "A device answered OK; the command is done when its effect shows.", *_COMMAND,
           "attempt"),
    _event("command.not_done", "debug", "A device answered, or nothing left us: certainly nothing was done.",
           *_COMMAND, "attempt", "message"),
    _event("command.late", "debug", "An answer came to a command that was settled, or asked after, already.",
           *_COMMAND),
    _event("command.overdue", "warning", "A command was taken, or its answer lost, and its effect does not show in "
           "time: a list is read. Of a sign-out: somebody is still signed in. Debug: the same again.", *_COMMAND,
           "attempt"),
    _event("command.asked", "info", "A list told what became of a command whose answer was lost: nothing, so it is "
           "sent again or parked.", *_COMMAND, "attempt"),
    _event("command.done", "info", "A command had its effect.", *_COMMAND, "attempt"),
    _event("command.refused", "warning", "A device refused a command.", *_COMMAND, "message"),
    _event("command.unknown", "warning", "A command was sent and its answer lost. The device is asked before anything "
           "is sent again.", *_COMMAND, "attempt"),
    _event("command.parked", "error", "A command could not be carried out and waits for a person: "
           "`hotdesk-daemon commands retry` or `drop`.", *_COMMAND, "attempt", "message"),
    _event("command.lost", "error", "A command was open in a journal that could not be read on. Nobody knows whether "
           "it was carried out, and nobody sends it again: look at the desk.", *_COMMAND, "state"),
    _event("command.dropped", "info", "A command will not be sent: a person dropped it, or it is not needed any more.",
           *_COMMAND),
    _event("command.retried", "info", "A person asked that a parked command be tried again.", *_COMMAND),
    _event("command.repeated", "warning", "A command was certainly not done and is sent again. Debug: from the second "
           "time on.", "command_id", "booking_id", "attempt", "wait_s", "cause"),
    _event("list.applied", "debug", "A device's list of bookings was read and applied.", "bookings", "skipped"),
    _event("list.failed", "warning", "A device's list could not be read; tried again. Debug: the same again.", "error"),
    _event("list.recovered", "info", "A device's list can be read again."),
    _event("input.undecodable", "warning", "A message could not be understood. It is kept in the journal.", "error",
           "size_bytes"),
    _event("journal.opened", "info", "The journal is open and the desks' states are loaded.", "url", "desks",
           "records", "took_s"),
    _event("journal.unavailable", "error", "The journal cannot be written: nothing new is accepted. Look at the disk.",
           "error"),
    _event("journal.recovered", "info", "The journal can be written again."),
    _event("journal.quarantined", "error", "The journal was damaged. It is at `file` now, and another one has begun: "
           "`remedy` says what is left to do. `desks` were taken over with `commands_kept` open commands; each that "
           "was lost is told by `command.lost`.", "file", "error", "remedy", "desks", "commands_kept", "commands_lost"),
    _event("journal.renewal_failed", "error", "A damaged journal could not be put aside: nothing new is accepted. "
           "Tried again. Debug: the same again.", "error"),
    _event("journal.pruned", "info", "What is older than it has to be was taken out (`journal.keep` and its like).",
           "records", "raw", "commands", "forgotten", "freed_bytes"),
    _event("journal.prune_failed", "warning", "The journal could not be pruned; tried again. Debug: the same again.",
           "error"),
    _event("journal.shortened", "warning", "The journal reached `journal.max_size`: records younger than "
           "`journal.keep` went. They are kept from `since` on.", "since"),
    _event("journal.too_large", "warning", "The journal is larger than `journal.max_size`, and nothing in it can be "
           "spared. Raise the limit. Debug: the same again.", "limit_bytes"),
    _event("journal.clock_doubted", "warning", "The clock is far ahead of what is known. Nothing more is pruned by age "
           "until it has stood for a day.", "ahead_s"),
    _event("http.started", "info", "The HTTP door is open.", "url"),
    _event("http.request_failed", "error", "An HTTP request met a bug: report the line.", "method", "route", "status"),
    _event("simulator.started", "info", "The simulated site stands.", "desks", "devices", "seed", "speed", "took_s"),
)  # fmt: skip

#: Every event by its name.
EVENTS: Final[Mapping[str, LogEvent]] = {event.name: event for event in _ALL}
