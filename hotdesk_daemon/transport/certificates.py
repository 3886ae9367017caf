"""
How a device proves who it is: by an authority, by its pinned certificate, or not at all.

Devices ship with self-signed certificates, so pinning is the usual choice. A pin is checked between the TLS
handshake and the HTTP upgrade, because the upgrade carries the credentials.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl

import attrs

from hotdesk_daemon.core.errors import ConfigError, PermanentError


class FingerprintError(PermanentError):
    """The certificate is not the pinned one; nothing was sent. ``found`` is what it was."""

    def __init__(self, *, found: str) -> None:
        super().__init__(f"the certificate's SHA-256 fingerprint is {found}, not the pinned one")
        self.found = found


def parse_fingerprint(text: str | None) -> str | None:
    """
    Give 64 lower-case hexadecimal digits from *text*, colons and blanks between them allowed.

    Raises:
        ConfigError: when it is no SHA-256 fingerprint.
    """
    if text is None:
        return None
    digits = re.sub(r"[\s:]", "", text).lower().removeprefix("sha256").removeprefix("=")
    if re.fullmatch(r"[0-9a-f]{64}", digits) is None:
        raise ConfigError(f"a SHA-256 fingerprint has 64 hexadecimal digits: {text!r} has not")
    return digits


@attrs.frozen(kw_only=True)
class Tls:
    """
    What a device's certificate must satisfy.

    ``ca_file`` None means the system's authorities. With ``fingerprint_sha256`` the certificate itself is pinned, and
    its chain and name matter only if a ``ca_file`` is given too. ``verify`` False without a pin accepts anybody: a
    choice that has to be spelled out, and is logged.
    """

    ca_file: str | None = None
    fingerprint_sha256: str | None = attrs.field(default=None, converter=parse_fingerprint)
    verify: bool = True

    @property
    def is_open(self) -> bool:
        """Whether anybody may pretend to be the device."""
        return not self.verify and self.fingerprint_sha256 is None


class SslContexts:
    """
    TLS settings made once and shared: a context costs milliseconds and, for 5,000 devices, gigabytes.

    Making one reads files, so it is done where a link is made, not while it runs.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str | None, bool], ssl.SSLContext] = {}

    def context(self, tls: Tls) -> ssl.SSLContext:
        """
        The context for *tls*.

        Raises:
            ConfigError: when the authorities' file cannot be used.
        """
        chain = tls.verify and (tls.ca_file is not None or tls.fingerprint_sha256 is None)
        key = (tls.ca_file if chain else None, chain)
        if key not in self._made:
            self._made[key] = _make_context(*key)
        return self._made[key]


def check_fingerprint(certificate: bytes | None, *, pinned: str) -> None:
    """
    Compare a peer's DER certificate with the *pinned* SHA-256 fingerprint.

    Raises:
        FingerprintError: when it is another, or there is none.
    """
    found = hashlib.sha256(certificate).hexdigest() if certificate else "missing"
    if not hmac.compare_digest(found, pinned):
        raise FingerprintError(found=found)


def _make_context(ca_file: str | None, chain: bool) -> ssl.SSLContext:  # noqa: FBT001 - a cache key, unpacked
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise ConfigError(f"the authorities' file {ca_file} cannot be used: {exc}") from exc
    if not chain:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
