"""The PKI folder: makes roots, issues, renews, revokes, and remembers what it issued.

The whole of it is on the control machine. The RPI3 holds what renewals need, a copy without ``root.key`` and ``web/``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from bridge.pki.certificates import (
    DOMAIN,
    USUAL_TERMS,
    Identity,
    PKIRefused,
    Profile,
    Terms,
    certify_intermediate,
    create_root,
    generate_key,
    issue,
    renew,
    serial_text,
)
from bridge.pki.files import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    read_certificates,
    read_identity,
    read_revoked,
    write_certificates,
    write_identity,
    write_revoked,
)


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate of the PKI folder, as ``pki list`` shows it."""

    name: str
    serial: str
    not_before: datetime
    not_after: datetime
    is_revoked: bool


class Authority:
    """The PKI folder: makes roots, issues, renews, revokes, and remembers what it issued."""

    def __init__(self, folder: Path, terms: Terms = USUAL_TERMS) -> None:
        self._folder = folder
        self._terms = terms
        self._root_certificate = folder / "root.pem"
        self._root = folder / "root.key"
        self._intermediate = folder / "intermediate.pem"
        self._web_root_certificate = folder / "web" / "root.pem"
        self._web_root = folder / "web" / "root.key"
        self._issued = folder / "issued"
        self._revoked = folder / REVOKED_FILE

    def init(self, *, now: datetime) -> None:
        """Make the roots and the intermediate. Raises :class:`PKIRefused` where there are some already."""
        if self.exists:
            msg = f"{self._folder} holds a PKI already; everything that it issued would become worthless"
            raise PKIRefused(msg)
        root = create_root("Drawbridge root", now=now, permitted=DOMAIN, path_length=1)
        web_root = create_root("Drawbridge web root", now=now, path_length=0)
        write_revoked(self._revoked, ())
        write_identity(self._web_root, web_root)
        write_certificates(self._web_root_certificate, web_root.chain)
        write_identity(self._intermediate, certify_intermediate(root, generate_key(), now=now))
        write_identity(self._root, root)
        write_certificates(self._root_certificate, root.chain)

    @property
    def exists(self) -> bool:
        """Whether the folder holds a PKI. The root's certificate is written last."""
        return self._root_certificate.exists()

    def prolong_intermediate(self, *, now: datetime) -> x509.Certificate:
        """Certify the intermediate's key for another three years; needs the root's key back for a moment."""
        intermediate = certify_intermediate(read_identity(self._root), read_identity(self._intermediate).key, now=now)
        write_identity(self._intermediate, intermediate)
        return intermediate.certificate

    def issue_unit(self, unit: str, folder: Path, *, now: datetime) -> x509.Certificate:
        """Make a key and a certificate for ``unit`` and write its TLS folder. Returns the leaf."""
        return self._issue(read_identity(self._intermediate), Profile.of_unit(unit), folder, now=now)

    def issue_unit_elsewhere(self, unit: str, *, now: datetime) -> tuple[Identity, tuple[x509.Certificate, ...]]:
        """Make a key and a certificate for ``unit``, to be carried to its machine. Returns them, and whom to trust."""
        key = generate_key()
        chain = issue(
            read_identity(self._intermediate), Profile.of_unit(unit), key.public_key(), now=now, terms=self._terms
        )
        self._remember(chain[0])
        return Identity(key, chain), read_certificates(self._root_certificate)

    def issue_web_server(self, profile: Profile, folder: Path, *, now: datetime) -> x509.Certificate:
        """Make a key and a certificate for a server that browsers reach. Returns the leaf.

        ``roots.pem`` is what a browser has to trust.
        """
        return self._issue(read_identity(self._web_root), profile, folder, now=now)

    def renew(self, folder: Path, *, now: datetime, only_if_due: bool = False) -> x509.Certificate | None:
        """Replace a TLS folder's key and certificate, and bring its lists up to date.

        Returns the new leaf, or None where ``only_if_due`` and it is not.
        """
        leaf = read_identity(folder / IDENTITY_FILE).certificate
        if only_if_due and not self._terms.is_due(leaf, now=now):
            return None
        key = generate_key()
        issuer = self._issuer_of(leaf)
        chain = renew(issuer, leaf, Identity(key, ()).request(), now=now, revoked=self.revoked(), terms=self._terms)
        return self._install(Identity(key, chain), folder)

    def renew_for(
        self, leaf: x509.Certificate, request: x509.CertificateSigningRequest, *, now: datetime
    ) -> tuple[x509.Certificate, ...]:
        """Return a new chain for the unit that has proved to hold ``leaf``, and remember it.

        Only the request's public key is used. Raises :class:`PKIRefused` as :func:`renew`, and for a leaf that is not
        in the list of what was issued.
        """
        if leaf not in self._issued_with(leaf.serial_number):
            msg = f"{leaf.subject.rfc4514_string()} {serial_text(leaf)} is not in the list of what was issued"
            raise PKIRefused(msg)
        issuer = read_identity(self._intermediate)
        chain = renew(issuer, leaf, request, now=now, revoked=self.revoked(), terms=self._terms)
        self._remember(chain[0])
        return chain

    def revoke(self, serials: Iterable[int], *, folders: Iterable[Path] = ()) -> None:
        """Refuse certificates from now on; ``folders`` are the TLS folders whose list is brought up to date."""
        revoked = self.revoked() | frozenset(serials)
        for path in (self._revoked, *(folder / REVOKED_FILE for folder in folders)):
            write_revoked(path, revoked)

    def revoked(self) -> frozenset[int]:
        return read_revoked(self._revoked)

    def issued(self) -> list[Issued]:
        """Return what was issued, in order of name, the newest first."""
        revoked = self.revoked()
        leaves = (read_certificates(path)[0] for path in self._issued.glob("*.pem"))
        return sorted(
            (
                Issued(
                    name=Profile.of_certificate(leaf).title,
                    serial=serial_text(leaf),
                    not_before=leaf.not_valid_before_utc,
                    not_after=leaf.not_valid_after_utc,
                    is_revoked=leaf.serial_number in revoked,
                )
                for leaf in leaves
            ),
            key=lambda one: (one.name, -one.not_after.timestamp(), one.serial),
        )

    def _issue(self, issuer: Identity, profile: Profile, folder: Path, *, now: datetime) -> x509.Certificate:
        key = generate_key()
        chain = issue(issuer, profile, key.public_key(), now=now, terms=self._terms)
        return self._install(Identity(key, chain), folder)

    def _install(self, identity: Identity, folder: Path) -> x509.Certificate:
        """Record the certificate, then write the TLS folder: lists first, so that a new identity finds them."""
        leaf = identity.certificate
        self._remember(leaf)
        roots = self._web_root_certificate if self._is_web(leaf) else self._root_certificate
        write_certificates(folder / ROOTS_FILE, read_certificates(roots))
        write_revoked(folder / REVOKED_FILE, self.revoked())
        write_identity(folder / IDENTITY_FILE, identity)
        return leaf

    def _remember(self, leaf: x509.Certificate) -> None:
        write_certificates(self._path_of(leaf.serial_number), (leaf,))

    def _issued_with(self, serial: int) -> tuple[x509.Certificate, ...]:
        path = self._path_of(serial)
        return read_certificates(path) if path.exists() else ()

    def _path_of(self, serial: int) -> Path:
        return self._issued / f"{serial:x}.pem"

    def _is_web(self, leaf: x509.Certificate) -> bool:
        """Say whether the web root signed ``leaf``; the RPI3's copy of the folder has none, and renews none of its."""
        if not self._web_root_certificate.exists():
            return False
        return leaf.issuer == read_certificates(self._web_root_certificate)[0].subject

    def _issuer_of(self, leaf: x509.Certificate) -> Identity:
        return read_identity(self._web_root if self._is_web(leaf) else self._intermediate)
