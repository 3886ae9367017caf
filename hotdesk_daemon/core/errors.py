"""
The errors of the project, all under one base.

::

    HotdeskError
     ├── ConfigError        a person wrote something we cannot use; nothing was started
     ├── TransientError     may work when tried again (``retry_after_s`` says when, if anybody told us)
     │    └── LostAnswerError    sent, but nobody knows whether it was done: ask before sending again
     ├── PermanentError     will not work however often it is tried
     │    ├── RefusedError       the other side understood and said no
     │    └── AmbiguousError     what was named is several things
     └── ProtocolError      the other side said something that its protocol does not allow
          └── UndecodableError   one message could not be decoded; it is kept and counted, nothing stops

A third party's exceptions become one of these at the edge where they appear, with ``raise … from``.
"""

from __future__ import annotations


class HotdeskError(Exception):
    """Base of every error that this project raises on purpose."""


class ConfigError(HotdeskError):
    """
    The configuration cannot be used.

    ``problems`` holds one finished line per mistake, each with its place where one is known.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class TransientError(HotdeskError):
    """Something that may work later; certainly nothing was done by the failed attempt."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LostAnswerError(TransientError):
    """The request left us and no answer came: whether it was done is unknown."""


class PermanentError(HotdeskError):
    """Trying again cannot help."""


class RefusedError(PermanentError):
    """The other side refused; ``code`` and ``data`` are its own words."""

    def __init__(self, message: str, *, code: int | None = None, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class AmbiguousError(PermanentError):
    """A name that stands for several things, which are ``candidates``."""

    def __init__(self, message: str, *, candidates: tuple[str, ...]) -> None:
        super().__init__(f"{message}: {', '.join(candidates)}")
        self.candidates = candidates


class ProtocolError(HotdeskError):
    """The other side broke its protocol."""


class UndecodableError(ProtocolError):
    """
    One message cannot be understood.

    ``raw`` is the message as it came; whoever catches this must keep it.
    """

    def __init__(self, message: str, *, raw: bytes) -> None:
        super().__init__(message)
        self.raw = raw
