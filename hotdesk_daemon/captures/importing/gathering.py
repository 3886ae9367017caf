"""Everything that files tell, whatever they are, and what had to be guessed for it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.files import STDIN, CaptureFile
from hotdesk_daemon.captures.importing.documents import documents
from hotdesk_daemon.captures.importing.frames import Conversation
from hotdesk_daemon.captures.importing.history import in_order
from hotdesk_daemon.captures.importing.kinds import Kind, Part, Refusal, parts_of
from hotdesk_daemon.captures.importing.messages import told_by_message
from hotdesk_daemon.captures.importing.results import inputs_of_list, inputs_of_result, moment_of_list
from hotdesk_daemon.captures.importing.stamps import Stamps
from hotdesk_daemon.captures.importing.told import Passed, Told, Way
from hotdesk_daemon.core.errors import ConfigError, ProtocolError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import BookingsListed, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hotdesk_daemon.captures.problems import Problems

#: Messages that are held until they are in order; more has to be imported in parts.
LARGEST_WHOLE: Final = 512 * 1024 * 1024
_canonical: Final = msgspec.json.Encoder(order="sorted").encode
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@attrs.frozen(kw_only=True)
class Options:
    """
    What whoever imports knows.

    ``kind`` is what everything is, if that is to be said; ``desk`` what everything is about, ``device`` who speaks
    where that is not told. ``at`` is the moment of what has none, ``zone`` that of times without an offset.
    """

    kind: Kind | None = None
    desk: str | None = None
    device: str | None = None
    at: datetime | None = None
    zone: tzinfo = UTC


@attrs.define
class Gathered:
    """What was told, in order, and what people should know of how it was read: no names of files, or in them."""

    told: list[Told] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)


def gather(
    paths: Sequence[Path], options: Options, *, problems: Problems, tick: Callable[[int], None] | None = None
) -> Gathered:
    """
    What the files at *paths* tell; ``-`` is standard input. *tick* is told how many bytes of messages were read.

    Raises:
        CaptureError: one cannot be read, or there is something wrong in it and *problems* is strict.
        ConfigError: files are refused, with a line for each; or there is too much, or nothing.
    """
    whole = _Whole(options, problems, tick)
    for path in paths:
        whole.read(path)
    return whole.gathered()


class _Whole:
    def __init__(self, options: Options, problems: Problems, tick: Callable[[int], None] | None) -> None:
        self._options = options
        self._problems = problems
        self._tick = tick
        self._told: list[Told] = []
        self._passed: Counter[Passed] = Counter()
        self._guesses: Counter[str] = Counter()
        self._seen: set[bytes] = set()
        self._refused: list[str] = []
        self._size = 0
        self._is_device_used = options.device is None

    def read(self, path: Path) -> None:
        """Take one file in."""
        file = CaptureFile(path)
        try:
            file.prepare(accept=lambda _: None)
            self._take(_File(file, path, self._options, self._problems, self._seen))
        except CaptureError:
            if not self._problems.is_lenient:
                raise
            self._guesses["not readable at all: {n}"] += 1
        finally:
            file.close()

    def _take(self, file: _File) -> None:
        file.read(self._hold)
        self._is_device_used = self._is_device_used or file.speaks
        if file.refusals and not file.is_something:
            self._refused += file.refusals
            return
        file.passed[Passed.NOT_KNOWN] += len(file.refusals)
        self._told += file.told()
        self._passed += file.passed
        self._guesses += file.guesses

    def _hold(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST_WHOLE:
            raise ConfigError(f"more than {LARGEST_WHOLE >> 20} MiB of messages: import them in parts")
        if self._tick is not None:
            self._tick(self._size)

    def gathered(self) -> Gathered:
        """All of it."""
        if self._refused and not (self._problems.is_lenient and self._told):
            raise ConfigError(*self._refused)
        if not self._told:
            raise ConfigError("nothing in it says anything of a desk", *_counted(self._passed), *self._problems.told())
        told, late = in_order(self._told)
        notes = [text.replace("{n}", _files(count)) for text, count in self._guesses.items()]
        if late:
            notes.append(f"{late} stood behind later ones: they are in the order of their times")
        if not self._is_device_used:
            notes.append("messages tell their device themselves: --device was not needed")
        if self._refused:
            notes.append(f"refused: {_files(len(self._refused))}")
        return Gathered(told=told, notes=[*notes, *_counted(self._passed)])


class _File:
    """One file on its way: who speaks in it, and when."""

    def __init__(self, file: CaptureFile, path: Path, options: Options, problems: Problems, seen: set[bytes]) -> None:
        self.passed: Counter[Passed] = Counter()
        self.guesses: Counter[str] = Counter()
        self.refusals: list[str] = []
        self.is_something = False
        self._file = file
        self._options = options
        self._problems = problems
        self._seen = seen
        self._told: list[Told] = []
        self._device = DeviceId(options.device or _called(path))
        self._talk = Conversation(self._device, desk=options.desk)
        self._base = options.at or _changed(path)
        self._stamps = Stamps(zone=options.zone, base=self._base)
        self._now: datetime | None = None
        self._timeless = 0
        self.speaks = False  # whether there is something of a device that is not named
        self._takes: Mapping[Kind, Callable[[Part, datetime | None], None]] = {
            Kind.FRAME: self._take_frame,
            Kind.LIST: self._take_list,
            Kind.RESULT: self._take_result,
        }

    def read(self, hold: Callable[[int], None]) -> None:
        """Take in all that is in it; *hold* is told of every byte that is kept."""
        for document in documents(self._file, problems=self._problems):
            for part in parts_of(document, wanted=self._options.kind):
                if isinstance(part, Refusal):
                    self._refuse(part)
                    continue
                self.is_something = True
                hold(len(part.raw))
                try:
                    self._take(part)
                except ProtocolError as exc:
                    what = f"is a {part.kind.value} that cannot be understood: {exc}"
                    self._problems.fault(part.kind.name, what, file=document.file, line=document.line)

    def told(self) -> list[Told]:
        """What was told; of frames only now, for what is learned late belongs to where a session begins."""
        self.passed += self._talk.passed
        frames = self._talk.told()
        guesses = {
            "frames and lists do not tell the desk and the device: in {n} they are called as the file": (
                self.speaks and self._options.device is None
            ),
            "frames do not tell when a connection ended, only when the next began: in {n}": bool(frames),
            "an answer looks like a list although nobody is seen to ask for one: in {n}": self._talk.guessed_lists,
            "parts without a time have that of the part before, or of --at: in {n}": (
                self._timeless and self._options.at is not None
            ),
            "parts without a time have that of the part before, or of the file's last change: in {n}": (
                self._timeless and self._options.at is None
            ),
            "times without an offset are taken for times of --time-zone: in {n}": self._stamps.lacked_zone,
            "times without a year or day have those of --at, or of the file's last change: in {n}": (
                self._stamps.lacked_day
            ),
        }
        self.guesses.update(text for text, holds in guesses.items() if holds)
        return [*self._told, *frames]

    def _refuse(self, refusal: Refusal) -> None:
        text = f"{refusal.document.file}: {refusal.why}"
        if text not in self.refusals:
            self.refusals.append(text)

    def _take(self, part: Part) -> None:
        stamp = self._stamps.read(part.document.prefix)
        if part.kind is Kind.MESSAGE:
            self._take_message(part, stamp)
        else:
            self.speaks = True
            self._takes[part.kind](part, stamp)

    def _moment(self, told: datetime | None) -> datetime:
        """The moment that was told; else that of what came before."""
        if told is None:
            self._timeless += 1
        self._now = told or self._now or self._base
        return self._now

    def _take_message(self, part: Part, stamp: datetime | None) -> None:
        digest = hashlib.blake2b(_canonical(part.document.value), digest_size=16).digest()
        if digest in self._seen:
            self.passed[Passed.TWICE] += 1
            return
        self._seen.add(digest)
        told = told_by_message(part.raw, at=lambda own: self._moment(own or stamp))
        if isinstance(told, Passed):
            self.passed[told] += 1
        else:
            self._told.append(told if self._options.desk is None else attrs.evolve(told, desk=self._options.desk))

    def _take_frame(self, part: Part, stamp: datetime | None) -> None:
        self._talk.take(part.value, part.raw, at=self._moment(stamp))

    def _take_list(self, part: Part, stamp: datetime | None) -> None:
        inputs = inputs_of_list(part.document.value, device=self._device)
        if stamp is None and self._options.at is None and self._now is None:
            stamp = moment_of_list(part.value, inputs, at_latest=self._base)
            if stamp is not None:
                self.guesses["a list's moment is when it was updated, else when its first booking begins: in {n}"] = 1
        self._tell(inputs, part, self._moment(stamp))

    def _take_result(self, part: Part, stamp: datetime | None) -> None:
        inputs = inputs_of_result(part.value, device=self._device)
        if isinstance(inputs, Passed):
            self.passed[inputs] += 1
        else:
            self._tell(inputs, part, self._moment(stamp))

    def _tell(self, inputs: tuple[Input, ...], part: Part, at: datetime) -> None:
        skipped = sum(given.skipped for given in inputs if isinstance(given, BookingsListed))
        if skipped:
            self.guesses["lists have entries that are no reservations, such as running calls: in {n}"] = 1
        told = Told(at=at, device=self._device, way=Way.SOCKET, inputs=inputs, raw=part.raw, desk=self._options.desk)
        self._told.append(told)


def _called(path: Path) -> str:
    """What a device is called when nobody says: as the file."""
    name = "stdin" if path == STDIN else path.name.partition(".")[0]
    return _ODD.sub("-", name).strip("-.") or "device"


def _changed(path: Path) -> datetime:
    if path == STDIN:
        return datetime.now(UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _counted(passed: Counter[Passed]) -> list[str]:
    return [f"passed over {count}: {what}" for what, count in passed.items() if count]
