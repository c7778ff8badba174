"""A TLS folder whose certificate is renewed in time, by the process that uses it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from bridge.errors import AppError
from bridge.pki.certificates import USUAL_TERMS, Identity, PKIRefused, Profile, generate_key, serial_text
from bridge.pki.files import IDENTITY_FILE, ROOTS_FILE, read_certificates, read_identity, write_identity
from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)

RETRY_S: Final = 60.0

Sign = Callable[[x509.Certificate, x509.CertificateSigningRequest], Awaitable[tuple[x509.Certificate, ...]]]
"""Gets the chain that takes the place of a leaf, for the key of a request."""


class Renewal:
    """Renew the certificate of the TLS folder ``folder``, with a new key, once less than ``due`` remains.

    ``sign`` gets the new chain, and may raise AppError, OSError and ValueError. ``now`` says the time of the machine
    that signs, as well as it is known. Whoever uses the folder takes the new certificate up by itself
    (``bridge.tls``); several processes may share one, where the last to write wins and every certificate is good.
    """

    def __init__(
        self, folder: Path, sign: Sign, *, now: Callable[[], datetime], check_s: float, due: timedelta = USUAL_TERMS.due
    ) -> None:
        self._folder = folder
        self._sign = sign
        self._now = now
        self._check_s = check_s
        self._due = due
        self._failure = ""

    async def run(self) -> NoReturn:
        """Look now and every ``check_s`` seconds; after a failure again in a minute at most.

        A failure is logged when it begins or changes, and does not end this.
        """
        while True:
            try:
                await self.renew_if_due()
            except (AppError, OSError, ValueError) as error:
                self._report(f"{type(error).__name__}: {error}")
                await asyncio.sleep(min(RETRY_S, self._check_s))
            else:
                self._failure = ""
                await asyncio.sleep(self._check_s)

    async def renew_if_due(self) -> bool:
        """Replace key and certificate if they are due, and return whether they were.

        Raises what ``sign`` raises, OSError, and :class:`PKIRefused` for a new chain that would serve us worse than
        what we have: the folder stays as it is then.
        """
        leaf = read_identity(self._folder / IDENTITY_FILE).certificate
        if leaf.not_valid_after_utc - self._now() >= self._due:
            return False
        key = generate_key()
        renewed = Identity(key, await self._sign(leaf, Identity(key, ()).request()))
        _check(leaf, renewed, read_certificates(self._folder / ROOTS_FILE))
        await asyncio.to_thread(write_identity, self._folder / IDENTITY_FILE, renewed)
        log(
            _log,
            "certificate_renewed",
            serial=serial_text(renewed.certificate),
            replaced=serial_text(leaf),
            not_after=renewed.certificate.not_valid_after_utc.isoformat(),
        )
        return True

    def _report(self, failure: str) -> None:
        if failure != self._failure:
            self._failure = failure
            log(_log, "certificate_renewal_failed", level=logging.ERROR, reason=failure)


def _check(leaf: x509.Certificate, renewed: Identity, roots: tuple[x509.Certificate, ...]) -> None:
    """Raise :class:`PKIRefused` where ``renewed`` cannot take the place of ``leaf``."""
    new = renewed.certificate
    if new.public_key() != renewed.key.public_key() or Profile.of_certificate(new) != Profile.of_certificate(leaf):
        msg = "the new certificate is not for our key, our name and our usage"
        raise PKIRefused(msg)
    if new.not_valid_after_utc <= leaf.not_valid_after_utc:
        msg = f"the new certificate ends on {new.not_valid_after_utc:%Y-%m-%d}, no later than the old: see pki prolong"
        raise PKIRefused(msg)
    is_chain = all(_issued(issuer, one) for one, issuer in pairwise(renewed.chain))
    if not is_chain or not any(_issued(root, renewed.chain[-1]) for root in roots):
        msg = "the new certificate's chain does not end in one of our roots"
        raise PKIRefused(msg)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
