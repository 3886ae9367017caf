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
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
_MASK: Final = "…"

_PLAIN: Final = """
    a about above access account action actions activate activation active after again against ago all allowed alone
    already also an and another any anymore api argument as at attempt attempts authentication authorities authority
    authorization authorized available away bad be because been before began being belong belongs below between big
    body booked booking bookings both brought budget busy but by cable calendar call calls can cancelled cannot
    certificate certificate's changed channel choose cisco claim client clock cloud cloud's code command completed
    configuration configurations configured conflict connected connection core corrected could created credentials
    cutting damaged data database date day days dealt decides delete deleted denied desk desks device devices diagram
    did digits disabled disk dispatch dns does domain drain due duplicate duration during edit either empty enabled
    end ended endpoint endpoint's ends entry environment errno error errors es event every everything exceeded
    exception exchange exists expected expired failed failure false few field file fingerprint first for forbidden
    format found frame from full future gateway given gone google had half handled has have held here hexadecimal host
    hostname hot hotdesk hour hours how http https hybrid id if ignored in incorrect input inputs inside installation
    instead integration internal into invalid is issued it item its itself json jti just jwks key keys known lacks
    large last later least length less licence license limit limits list listen local locked login logout long longer
    lost macro mailbox maintenance make malformed many match maximum meeting meetings message method microsoft min
    minimum minute minutes mirror mismatch missing mode module more most moves must name names need needed network
    networkservices never new no nobody none nor not nothing now null number object occupied of off offline on once
    one ongoing online only operation option or org organisation's organization organizer other ours out outside over
    overlap overlapping overlaps own page parameter parameters parse part password past path per period permission
    permissions permitted ping pinned place please port possible post present previous private probe proper proven
    provisioning proxy query queue quota rate reached read reason received recurring refused region region's
    registered rejected released remove removed renewed request requested requests required reserved resource response
    result retried retry role room roomos rules running s same says schedule scheduled scheme second seconds see
    server service session set settings sha short should sign signature signed since sip slow software some somebody
    somebody's someone soon space ssl start started state states status statuses still stopped stored string
    subscription such support supported syntax system system's tables take tasks tcp teams temporarily temporary than
    that the their them then there these they this those through time timed timeout times tls to token too try twice
    two type udp unable unauthorized unavailable under unexpected unique unit unknown unsupported until up update
    updated upgrade url usage use used user user's username utc valid value values verdict verify version via wait
    waited waiting warned was way we webex webex's webhook websocket were when where which while who whoever whose why
    with within without workspace write wrong ws wss xapi xcommand xconfiguration xml xstatus year you your zone
"""
_VOCABULARY: Final = frozenset(
    word.casefold()
    for text in (_PLAIN, *KNOWN, *PATH_WORDS, *WORDS)
    for word in re.findall(r"[^\W\d_]+(?:'[a-z]{1,2})?", text)
)
#: A release, a fingerprint, a file of this machine, a word with what joins it to others, or a number.
_PIECE: Final = re.compile(
    r"(?<!\S)(?:ce|RoomOS )?\d{1,4}(?:\.\d{1,6}){1,6}(?:[. ][0-9a-f]{6,40})?(?!\S)"
    r"|\b(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}\b"
    r"|(?<!\S)/[\w.-]+(?:/[\w.-]+)+"
    r"|[^\W\d_]+(?:'[a-z]{1,2}\b)?"
    r"|\d+"
)
_MASKS: Final = re.compile(r"…(?:[\s\d.,'’_-]*…)+")


def _piece(found: re.Match[str]) -> str:
    piece = found[0]
    is_word = piece.casefold() in _VOCABULARY
    is_number = piece.isdigit() and len(piece) <= _LONGEST_NUMBER
    is_ours = piece[0] == "/" or "." in piece or _FINGERPRINT.fullmatch(piece)
    return piece if is_word or is_number or is_ours else _MASK


def _by_words(text: str) -> str:
    shown = _MASKS.sub(_MASK, _PIECE.sub(_piece, text[:LONGEST]))
    return f"{shown} ({len(text) - LONGEST} more characters)" if len(text) > LONGEST else shown


#: The same text with our own sentences as they are, and of others' words those that name nobody; bounded.
quoted: Final = remembered(Sentences(_by_words, lambda _name: True).clean)
