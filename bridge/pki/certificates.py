"""Roots, the intermediate and leaves: made in memory, signed, renewed. No files, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from bridge.keys import UNIT_PATTERN

DOMAIN: Final = "drawbridge.internal"
SERVING_UNIT: Final = "agent"

ROOT_LIFE: Final = timedelta(days=20 * 365)
INTERMEDIATE_LIFE: Final = timedelta(days=3 * 365)
BACKDATED: Final = timedelta(days=7)
"""Pis have no clock chip: a certificate has to be good already for one whose clock is behind."""


class PKIRefused(ValueError):
    """A certificate, a request or a file is not what is needed; the message says why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What leaves are given: they live ``life``, from ``backdated`` before they are made.

    A new one is ``due`` when less remains, and may be had for ``renewable`` after the end. Raises
    :class:`PKIRefused` where a new leaf would be due at once.
    """

    life: timedelta = timedelta(days=30)
    backdated: timedelta = BACKDATED
    due: timedelta = timedelta(days=20)
    renewable: timedelta = timedelta(days=365)

    def __post_init__(self) -> None:
        if self.due >= self.life:
            msg = f"a certificate of {self.life.days} days would be due at once: fewer than {self.due.days} remain"
            raise PKIRefused(msg)

    def is_due(self, leaf: x509.Certificate, *, now: datetime) -> bool:
        """Return whether less than ``due`` remains of ``leaf``."""
        return leaf.not_valid_after_utc - now < self.due


USUAL_TERMS: Final = Terms()


def unit_name(unit: str) -> str:
    """Return the DNS name in ``unit``'s certificate. Raises :class:`PKIRefused` for what is no unit's name."""
    if not re.fullmatch(UNIT_PATTERN, unit):
        msg = f"{unit!r} is no unit's name: lower-case letters, digits and hyphens, such as 'gateway'"
        raise PKIRefused(msg)
    return f"{unit}.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a leaf says of its holder: the names that peers check, and whether it serves or calls."""

    names: tuple[x509.GeneralName, ...]
    usage: ObjectIdentifier

    @classmethod
    def of_unit(cls, unit: str) -> Profile:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if unit == SERVING_UNIT else ExtendedKeyUsageOID.CLIENT_AUTH
        return cls((x509.DNSName(unit_name(unit)),), usage)

    @classmethod
    def of_web_server(cls, dns: Iterable[str], addresses: Iterable[IPv4Address | IPv6Address]) -> Profile:
        """Return the profile of a server for browsers. Raises :class:`PKIRefused` where it would have no name."""
        names = (*map(x509.DNSName, dns), *map(x509.IPAddress, addresses))
        if not names:
            msg = "a web certificate needs at least one name or address"
            raise PKIRefused(msg)
        return cls(names, ExtendedKeyUsageOID.SERVER_AUTH)

    @classmethod
    def of_certificate(cls, leaf: x509.Certificate) -> Profile:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return cls(tuple(names), next(iter(usages)))

    @property
    def title(self) -> str:
        """The first name; for people, and the subject."""
        return str(self.names[0].value)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key, its certificate, and those between it and the root."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def pem(self) -> bytes:
        return _key_pem(self.key) + b"".join(map(certificate_pem, self.chain))

    def request(self) -> x509.CertificateSigningRequest:
        """Return a signing request for this key. It names nobody: the issuer decides who the holder is."""
        return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(self.key, SHA256())


def generate_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def create_root(common_name: str, *, now: datetime, permitted: str = "", path_length: int) -> Identity:
    """Return a new self-signed root. Where ``permitted`` is given, it may vouch for names below that domain alone."""
    key = generate_key()
    name = _subject(common_name)
    certificate = (
        _ca_builder(name, key.public_key(), now, ROOT_LIFE, permitted=permitted, path_length=path_length)
        .issuer_name(name)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Identity(key, (certificate,))


def certify_intermediate(root: Identity, key: ec.EllipticCurvePrivateKey, *, now: datetime) -> Identity:
    """Return an intermediate below ``root``, which signs leaves of our domain and no further CA.

    With the key of an earlier one it takes that one's place: what either issued is good under both.
    """
    life = min(INTERMEDIATE_LIFE, root.certificate.not_valid_after_utc - now)
    name = _subject("Drawbridge intermediate")
    certificate = (
        _ca_builder(name, key.public_key(), now, life, permitted=DOMAIN, path_length=0)
        .issuer_name(root.certificate.subject)
        .add_extension(_issued_by(root), critical=False)
        .sign(root.key, SHA256())
    )
    return Identity(key, (certificate,))


def issue(
    issuer: Identity,
    profile: Profile,
    public_key: ec.EllipticCurvePublicKey,
    *,
    now: datetime,
    terms: Terms = USUAL_TERMS,
) -> tuple[x509.Certificate, ...]:
    """Return a new leaf for ``public_key`` with the intermediates below the root.

    It ends with its issuer at the latest. Raises :class:`PKIRefused` where the issuer has ended.
    """
    if issuer.certificate.not_valid_after_utc <= now:
        msg = f"{_common_name(issuer.certificate)} ended on {issuer.certificate.not_valid_after_utc:%Y-%m-%d}"
        raise PKIRefused(msg)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(_subject(profile.title))
        .issuer_name(issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - terms.backdated)
        .not_valid_after(min(now + terms.life, issuer.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([profile.usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(profile.names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_issued_by(issuer), critical=False)
        .sign(issuer.key, SHA256())
    )
    between = () if _is_root(issuer.certificate) else issuer.chain
    return (leaf, *between)


def renew(
    issuer: Identity,
    leaf: x509.Certificate,
    request: x509.CertificateSigningRequest,
    *,
    now: datetime,
    revoked: frozenset[int],
    terms: Terms = USUAL_TERMS,
) -> tuple[x509.Certificate, ...]:
    """Return a new leaf for the holder of ``leaf``, whose possession the caller has verified.

    Only the request's public key is used: the names and the usage are ``leaf``'s. Raises :class:`PKIRefused` for a
    leaf of another issuer, a revoked one, one that ended too long ago for ``terms``, a request that its key did not
    sign, and a key that is not on P-256.
    """
    try:
        leaf.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, ValueError, TypeError) as error:
        msg = f"{_common_name(leaf)} was not issued by {_common_name(issuer.certificate)}"
        raise PKIRefused(msg) from error
    if leaf.serial_number in revoked:
        msg = f"{_common_name(leaf)} {serial_text(leaf)} was revoked"
        raise PKIRefused(msg)
    if leaf.not_valid_after_utc + terms.renewable <= now:
        msg = f"{_common_name(leaf)} ended more than {terms.renewable.days} days ago: issue a new one"
        raise PKIRefused(msg)
    public_key = request.public_key()
    if not request.is_signature_valid or not isinstance(public_key, ec.EllipticCurvePublicKey):
        msg = "the request was not signed by the elliptic-curve key that it asks for"
        raise PKIRefused(msg)
    if not isinstance(public_key.curve, ec.SECP256R1):
        msg = f"the request is for a key on {public_key.curve.name}: keys here are on P-256"
        raise PKIRefused(msg)
    return issue(issuer, Profile.of_certificate(leaf), public_key, now=now, terms=terms)


def serial_text(certificate: x509.Certificate) -> str:
    """Return the serial number as lists and logs write it: lower-case hexadecimal."""
    return f"{certificate.serial_number:x}"


def _ca_builder(
    name: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
    *,
    permitted: str,
    path_length: int,
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if not permitted:
        return builder
    return builder.add_extension(
        x509.NameConstraints(permitted_subtrees=[x509.DNSName(permitted)], excluded_subtrees=None), critical=True
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(issuer: Identity) -> x509.AuthorityKeyIdentifier:
    key_id = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])  # RFC 5280: ub-common-name


def _common_name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
