"""Certificates, keys and revocation lists as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bridge.pki.certificates import Identity, PKIRefused, certificate_pem
from bridge.process.files import FileRefused, read_private, replace_file

IDENTITY_FILE: Final = "identity.pem"
ROOTS_FILE: Final = "roots.pem"
REVOKED_FILE: Final = "revoked.txt"
_PUBLIC_MODE: Final = 0o644


def read_identity(path: Path) -> Identity:
    """Read a key and its chain. Raises :class:`PKIRefused` for a file that is missing, malformed or open to others."""
    try:
        content = read_private(path)
        key = load_pem_private_key(content, password=None)
        chain = tuple(x509.load_pem_x509_certificates(content))
    except (FileRefused, ValueError, TypeError) as error:
        msg = str(error) if isinstance(error, FileRefused) else f"{path} is no key with certificates in PEM: {error}"
        raise PKIRefused(msg) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != chain[0].public_key():
        msg = f"{path}: the key is not the first certificate's"
        raise PKIRefused(msg)
    return Identity(key, chain)


def write_identity(path: Path, identity: Identity) -> None:
    replace_file(path, identity.pem)


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Read the certificates of a PEM file, at least one. Raises :class:`PKIRefused`."""
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        msg = f"{path} holds no certificate in PEM: {error}"
        raise PKIRefused(msg) from error


def write_certificates(path: Path, certificates: Iterable[x509.Certificate]) -> None:
    replace_file(path, b"".join(map(certificate_pem, certificates)), mode=_PUBLIC_MODE)


def parse_certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text, at least one. Raises :class:`PKIRefused`."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError as error:
        msg = f"no certificate in PEM: {error}"
        raise PKIRefused(msg) from error


def certificates_text(certificates: Iterable[x509.Certificate]) -> str:
    """Return certificates as PEM text, in their order."""
    return b"".join(map(certificate_pem, certificates)).decode("ascii")


def parse_request(pem: str) -> x509.CertificateSigningRequest:
    """Return the signing request in a PEM text. Raises :class:`PKIRefused`."""
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        msg = f"no signing request in PEM: {error}"
        raise PKIRefused(msg) from error


def request_text(request: x509.CertificateSigningRequest) -> str:
    """Return a signing request as PEM text."""
    return request.public_bytes(Encoding.PEM).decode("ascii")


def read_revoked(path: Path) -> frozenset[int]:
    """Read the serial numbers of a revocation list: hexadecimal, one a line, ``#`` begins a comment.

    A missing file is refused: that a list was lost must not make its certificates good again. Raises
    :class:`PKIRefused`.
    """
    try:
        lines = read_private(path).decode("ascii").splitlines()
        serials = (line.partition("#")[0].strip() for line in lines)
        return frozenset(int(serial, 16) for serial in serials if serial)
    except FileRefused as error:
        raise PKIRefused(str(error)) from error
    except ValueError as error:
        msg = f"{path} is no list of serial numbers: {error}"
        raise PKIRefused(msg) from error


def write_revoked(path: Path, serials: Iterable[int]) -> None:
    replace_file(
        path, b"# serial numbers, hexadecimal, one a line\n" + b"".join(b"%x\n" % one for one in sorted(serials))
    )
