"""
The self-signed certificate of a simulated floor, as devices come with one.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable

_VALID = timedelta(days=365)


@attrs.frozen(kw_only=True)
class Certificate:
    """A certificate with its key: give `context` to a server, `pem` or `fingerprint` to its clients."""

    pem: bytes
    fingerprint: str
    """SHA-256 over the DER form, lower-case hexadecimal without colons."""
    context: ssl.SSLContext = attrs.field(repr=False)


def make_certificate(host: str = "127.0.0.1", *, also: Iterable[str] = (), lasts: timedelta = _VALID) -> Certificate:
    """Make one for *host*, localhost and *also*, which *lasts* so long; works with files: call it off the loop."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated desk device")])
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(host))]
    names += [x509.DNSName(one) for one in ("localhost", *also)]
    # The machine's own time, not the site's: it is the real TLS library that will check it.
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(
        pem=pem, fingerprint=certificate.fingerprint(hashes.SHA256()).hex(), context=_context(pem + secret)
    )


def _context(chain: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="hotdesk-simulator-") as folder:
        path = Path(folder) / "device.pem"
        path.touch(mode=0o600)
        path.write_bytes(chain)
        context.load_cert_chain(path)
    return context
