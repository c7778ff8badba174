"""TLS contexts that follow their folder's files, without a restart and without a half-changed context.

Every change makes a new context from scratch. A context in use is never touched: a new certificate with an old key
would break its listener, and its trusted CAs can only grow.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256

from bridge.pki import (
    DOMAIN,
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    USUAL_TERMS,
    PKIRefused,
    read_certificates,
    read_identity,
    read_revoked,
    serial_text,
)
from bridge.process.clock import Clock
from bridge.process.files import Fingerprint, fingerprint
from bridge.process.logs import log
from bridge.tls.contexts import client_context, renewal_context, server_context
from bridge.tls.refusals import Refusal

_log: Final = logging.getLogger(__name__)

_FILES: Final = (IDENTITY_FILE, ROOTS_FILE, REVOKED_FILE)


class TLSRefused(ValueError):
    """A TLS folder cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    serial: str
    not_after: datetime
    ends_above: tuple[datetime, ...]
    root_ends: datetime
    roots: frozenset[bytes]
    revoked: frozenset[int]


def _load(folder: Path, make_context: Callable[[Path, Path], ssl.SSLContext]) -> _Loaded:
    identity_path, roots_path = folder / IDENTITY_FILE, folder / ROOTS_FILE
    try:
        identity, roots = read_identity(identity_path), read_certificates(roots_path)
        leaf = identity.certificate
        return _Loaded(
            context=make_context(identity_path, roots_path),
            serial=serial_text(leaf),
            not_after=leaf.not_valid_after_utc,
            ends_above=tuple(each.not_valid_after_utc for each in identity.chain[1:]),
            root_ends=max(root.not_valid_after_utc for root in roots),
            roots=frozenset(root.fingerprint(SHA256()) for root in roots),
            revoked=read_revoked(folder / REVOKED_FILE),
        )
    except PKIRefused as error:
        raise TLSRefused(str(error)) from error
    except OSError as error:
        msg = f"{folder}: {error}"
        raise TLSRefused(msg) from error


class _ReloadingTLS:
    """A TLS folder's context, followed as its files change.

    Raises :class:`TLSRefused` when the folder cannot be used at first.
    """

    def __init__(self, folder: Path, make_context: Callable[[Path, Path], ssl.SSLContext]) -> None:
        self._folder = folder
        self._make_context = make_context
        self._seen = self._fingerprints()
        self._loaded = _load(folder, make_context)

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections use. Another object whenever anything changed; never changed itself."""
        return self._loaded.context

    @property
    def not_after(self) -> datetime:
        """When our own certificate ends, UTC."""
        return self._loaded.not_after

    @property
    def ends(self) -> Mapping[str, datetime]:
        """When our own certificate (``leaf``), the ``intermediate`` above it and the last ``root`` end, UTC."""
        loaded = self._loaded
        between = {"intermediate": min(loaded.ends_above)} if loaded.ends_above else {}
        return {"leaf": loaded.not_after, **between, "root": loaded.root_ends}

    def reload_if_changed(self) -> bool:
        """Take replaced files over and return whether they were. Call it every second; it costs three ``stat``.

        Files that cannot be used are logged once, and what was before stays in use.
        """
        seen = self._fingerprints()
        if seen == self._seen:
            return False
        self._seen = seen
        before = self._loaded
        try:
            self._loaded = _load(self._folder, self._make_context)
        except TLSRefused as refusal:
            log(_log, "certificates_refused", level=logging.ERROR, reason=str(refusal))
            return False
        log(
            _log,
            "certificates_loaded",
            serial=self._loaded.serial,
            not_after=self._loaded.not_after.isoformat(),
            revoked=len(self._loaded.revoked),
        )
        self._replaced(before)
        return True

    def _replaced(self, before: _Loaded) -> None:
        """Hear that ``before`` was replaced."""

    def _fingerprints(self) -> tuple[Fingerprint | None, ...]:
        return tuple(fingerprint(self._folder / name) for name in _FILES)


class ReloadingClientTLS(_ReloadingTLS):
    """What a unit calls the agent with. Connections made with an older ``context`` should not be used again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, client_context)


class ReloadingServerTLS(_ReloadingTLS):
    """What the agent listens with, and who may come in: ``units``, unless their certificate was revoked.

    A reload closes the live connections of certificates that were revoked meanwhile; and all of them where a root was
    dropped, for nothing tells whose chain ended there (units connect again at once).
    """

    def __init__(
        self,
        folder: Path,
        units: Collection[str],
        make_context: Callable[[Path, Path], ssl.SSLContext] = server_context,
    ) -> None:
        super().__init__(folder, make_context)
        self._units = frozenset(units)
        self.connections: Final = Connections()

    def check_peer(self, peer_certificate: dict[str, Any]) -> Refusal | None:
        """Return why the holder of a certificate that TLS has verified may not come in, or None."""
        if _unit_in(peer_certificate) not in self._units:
            return Refusal.WRONG_NAME
        return Refusal.REVOKED if serial_of(peer_certificate) in self._loaded.revoked else None

    def _replaced(self, before: _Loaded) -> None:
        if before.roots - self._loaded.roots:
            self.connections.close_if(lambda _serial: True)
        else:
            self.connections.close_if(self._loaded.revoked.__contains__)


class RenewalServerTLS(ReloadingServerTLS):
    """What the renewal listener listens with: ``units`` may come in for a while after their certificate has ended."""

    def __init__(
        self, folder: Path, units: Collection[str], clock: Clock, renewable: timedelta = USUAL_TERMS.renewable
    ) -> None:
        super().__init__(folder, units, renewal_context)
        self._clock = clock
        self._renewable_s = renewable.total_seconds()

    def check_peer(self, peer_certificate: dict[str, Any]) -> Refusal | None:
        now = self._clock.time()
        if now < ssl.cert_time_to_seconds(peer_certificate["notBefore"]):
            return Refusal.NOT_YET_VALID
        ended = ssl.cert_time_to_seconds(peer_certificate["notAfter"])
        if now >= ended + self._renewable_s:
            return Refusal.EXPIRED
        return super().check_peer(peer_certificate)


CONNECTIONS_PER_CERTIFICATE_MAX: Final = 64
"""Several times what the processes of one unit need: two gateways have eight each."""


class Connections:
    """The live connections, by their peer certificate's serial number."""

    def __init__(self) -> None:
        self._serials: dict[asyncio.Transport, int] = {}

    def __len__(self) -> int:
        return sum(not transport.is_closing() for transport in self._serials)

    def add(self, serial: int, transport: asyncio.Transport) -> None:
        """Remember a connection; those that ended since the last call are forgotten.

        Above ``CONNECTIONS_PER_CERTIFICATE_MAX`` the oldest of the same certificate is cut, and not the new one
        refused: half-open ones would lock a unit out that lost its line.
        """
        self._serials = {one: its for one, its in self._serials.items() if not one.is_closing()}
        same = [one for one, its in self._serials.items() if its == serial]
        for oldest in same[: max(0, len(same) + 1 - CONNECTIONS_PER_CERTIFICATE_MAX)]:
            log(_log, "connection_displaced", level=logging.WARNING, serial=f"{serial:x}")
            oldest.abort()
        self._serials[transport] = serial

    def close_if(self, is_refused: Callable[[int], bool]) -> None:
        """Cut the connections of the serial numbers that ``is_refused`` says."""
        for transport, serial in self._serials.items():
            if is_refused(serial) and not transport.is_closing():
                log(_log, "connection_revoked", level=logging.WARNING, serial=f"{serial:x}")
                transport.abort()


def unit_of_peer(transport: asyncio.BaseTransport) -> str | None:
    """Return the unit that the certificate at the other end names, or None where it names none of ours."""
    certificate: dict[str, Any] | None = transport.get_extra_info("peercert")
    return _unit_in(certificate) if certificate else None


def certificate_of_peer(transport: asyncio.BaseTransport) -> bytes:
    """Return the certificate that the other end showed, in DER; nothing where the connection is not TLS."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return (tls.getpeercert(binary_form=True) if tls else None) or b""


def serial_of(peer_certificate: dict[str, Any]) -> int:
    """Return the serial number in what ``getpeercert`` gives."""
    return int(peer_certificate["serialNumber"], 16)


def _unit_in(peer_certificate: dict[str, Any]) -> str | None:
    names = peer_certificate.get("subjectAltName", ())
    if len(names) != 1 or names[0][0] != "DNS":
        return None
    unit, _, domain = names[0][1].partition(".")
    return unit if domain == DOMAIN else None
