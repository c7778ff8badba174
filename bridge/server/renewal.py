"""The agent's side of ``system.renew``: the intermediate on the RPI3 signs, for the units and for the agent itself."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from bridge.contracts.system import RenewalRequest, RenewedChain
from bridge.errors import Busy, Code, Conflict, Denied, FieldError, Invalid
from bridge.pki import USUAL_TERMS, Authority, PKIRefused, Terms, certificates_text, parse_request, serial_text
from bridge.process.clock import Clock, utc
from bridge.process.logs import log
from bridge.server.callers import Answer, CallerContext

_log: Final = logging.getLogger(__name__)

RENEWALS_PER_DAY: Final = 8
"""Of one unit. One in ten days is usual; without a limit a certificate that is due could fill the disk."""
_DAY_S: Final = 86_400.0


class Issuer:
    """Renews certificates by ``terms`` with the CA in ``folder`` (``bridge.pki``), which is read anew each time."""

    def __init__(self, folder: Path, clock: Clock, terms: Terms = USUAL_TERMS) -> None:
        self._authority = Authority(folder, terms)
        self._terms = terms
        self._clock = clock
        self._asked_at: defaultdict[str, deque[float]] = defaultdict(deque)

    def now(self) -> datetime:
        return utc(self._clock.time())

    async def renew(self, context: CallerContext, params: RenewalRequest) -> Answer:
        """Answer ``system.renew``: give the certificate that the caller showed a successor, for the request's key.

        Raises Conflict for a certificate that is not due, Invalid for what is no request, Busy for too many a day, and
        Denied for a certificate that gets no successor; the log says why.
        """
        caller = context.machine
        leaf = x509.load_der_x509_certificate(caller.certificate)
        if not self._terms.is_due(leaf, now=self.now()):
            message = f"The certificate is not due: more than {self._terms.due.days} days remain"
            raise Conflict(Code.CONFLICT, message)
        try:
            request = parse_request(params.request)
        except PKIRefused as refusal:
            raise Invalid(Code.INVALID_REQUEST, fields=(FieldError("request", str(refusal)),)) from refusal
        self._count(caller.unit)
        try:
            chain = await self.sign(leaf, request)
        except PKIRefused as refusal:
            log(_log, "renewal_refused", level=logging.WARNING, unit=caller.unit, reason=str(refusal))
            raise Denied(Code.FORBIDDEN) from refusal
        log(_log, "certificate_issued", unit=caller.unit, serial=serial_text(chain[0]), replaced=serial_text(leaf))
        return Answer(RenewedChain(chain=certificates_text(chain)).model_dump_json().encode())

    async def sign(
        self, leaf: x509.Certificate, request: x509.CertificateSigningRequest
    ) -> tuple[x509.Certificate, ...]:
        """Return the chain that takes the place of ``leaf``. Raises as :meth:`bridge.pki.Authority.renew_for`."""
        return await asyncio.to_thread(self._authority.renew_for, leaf, request, now=self.now())

    def _count(self, unit: str) -> None:
        now, asked_at = self._clock.monotonic(), self._asked_at[unit]
        while asked_at and asked_at[0] <= now - _DAY_S:
            asked_at.popleft()
        if len(asked_at) >= RENEWALS_PER_DAY:
            raise Busy(Code.RATE_LIMITED, retry_after_s=asked_at[0] + _DAY_S - now)
        asked_at.append(now)
