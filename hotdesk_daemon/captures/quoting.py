"""
Other people's words in a log line.

What a device or the cloud says in its own words may hold a name. Our own sentences stay as they are; of what others say
the words stay that are known to say nothing of anybody, and numbers that are too short to be somebody's. So "booking
4711 belongs to Kari" reads "booking 4711 belongs to …". The journal has it all.
"""

from __future__ import annotations

import re
from typing import Final

from hotdesk_daemon.captures.pseudonyms import remembered
from hotdesk_daemon.captures.sentences import KNOWN, Sentences
from hotdesk_daemon.captures.vocabulary import PATH_WORDS, WORDS

#: How much of somebody else's words is told.
LONGEST: Final = 300
_LONGEST_NUMBER: Final = 6
_MASK: Final = "…"

_PLAIN: Final = """
    a about above access account action active after again all allowed already also an and another any anymore api
    argument as at attempt authentication authorization authorized available away bad be because been before began
    being below belongs between body booked booking bookings both busy but by cable calendar call calls can cancelled
    cannot certificate changed channel client cloud code command configuration configured conflict connected
    connection could created credentials data database date day days delete deleted denied desk device devices did
    disabled disk does domain due duplicate duration during edit either empty enabled end ended endpoint ends entry
    error errors event exceeded exception exchange exists errno expected expired failed failure false few field file
    first for forbidden format found from full gateway given had handled has have held here host hot hour hours how
    hybrid id if ignored in incorrect input inside instead integration internal into invalid is it item its itself
    json just key
    known large last later least length less licence license limit limits list local locked login logout long longer
    lost macro mailbox maintenance malformed many match maximum meeting meetings message method minimum minute minutes
    missing mode module more most must name need needed network never new no nobody none nor not nothing now null
    number object occupied of off offline on once one ongoing online only operation option or organization organizer
    other out outside over overlap overlapping overlaps own parameter parameters parse part password past path per
    period permission permissions permitted please possible post present previous private proxy query queue quota rate
    read reason received recurring refused registered rejected released removed request requested requests required
    reserved resource response result retry role room running same schedule scheduled second seconds see server service
    session set short should sign signed since software some somebody someone soon space start started state status
    still stopped string subscription such support supported syntax system system's temporarily temporary than that
    the their them then there these they this those through time timed timeout times to token too try two type
    unable unauthorized unavailable under unexpected unique unit unknown unsupported until up update updated upgrade
    url use used user username value values version via wait waiting was way we were when where which while who whose
    with within without workspace write wrong xapi xcommand xconfiguration xml xstatus you your zone
    http https tls ssl tcp udp dns sip websocket wss webex teams google microsoft cisco roomos
"""
_VOCABULARY: Final = frozenset(
    word.casefold()
    for text in (_PLAIN, *KNOWN, *PATH_WORDS, *WORDS)
    for word in re.findall(r"[^\W\d_]+(?:'[a-z]{1,2})?", text)
)
#: A release, a file of this machine, a word with what joins it to others, or a number.
_PIECE: Final = re.compile(
    r"(?<!\S)(?:ce|RoomOS )?\d{1,4}(?:\.\d{1,6}){1,6}(?:[. ][0-9a-f]{6,40})?(?!\S)"
    r"|(?<!\S)/[\w.-]+(?:/[\w.-]+)+"
    r"|[^\W\d_]+(?:'[a-z]{1,2}\b)?"
    r"|\d+"
)
_MASKS: Final = re.compile(r"…(?:[\s\d.,'’_-]*…)+")


def _piece(found: re.Match[str]) -> str:
    piece = found[0]
    is_word = piece.casefold() in _VOCABULARY
    is_number = piece.isdigit() and len(piece) <= _LONGEST_NUMBER
    return piece if is_word or is_number or piece[0] == "/" or "." in piece else _MASK


def _by_words(text: str) -> str:
    shown = _MASKS.sub(_MASK, _PIECE.sub(_piece, text[:LONGEST]))
    return f"{shown} ({len(text) - LONGEST} more characters)" if len(text) > LONGEST else shown


#: The same text with our own sentences as they are, and of others' words those that name nobody; bounded.
quoted: Final = remembered(Sentences(_by_words, lambda _name: True).clean)
