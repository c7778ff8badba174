"""A unit's side of ``system.renew``: over the usual listener, or over the one for certificates that have ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509

from bridge.client.session import Message, SignedAnswer, SignedSession
from bridge.client.transport import ClientTLS, Endpoint, Transport
from bridge.contracts.system import RENEW, RenewalRequest, RenewedChain
from bridge.errors import AppError, Code
from bridge.pki import parse_certificates, request_text
from bridge.problem import error_from_problem
from bridge.process.clock import Clock, utc
from bridge.trace import TraceContext

_OK: Final = 200


class RenewalCalls:
    """Ask the agent for a new chain: at each of ``endpoints`` in turn, until one answers.

    Each time over a connection of its own, which shows the certificate that ``tls`` has now.
    """

    def __init__(self, session: SignedSession, tls: ClientTLS, endpoints: Sequence[Endpoint], clock: Clock) -> None:
        self._session = session
        self._tls = tls
        self._endpoints = endpoints
        self._clock = clock

    def now(self) -> datetime:
        """Return the agent's time, as far as it is known: its clock decides what is due."""
        return utc(self._clock.time() + self._session.clock_offset_s)

    async def sign(
        self, _leaf: x509.Certificate, request: x509.CertificateSigningRequest
    ) -> tuple[x509.Certificate, ...]:
        """Return the chain that takes the place of our leaf, which the connection shows.

        Raises AppError, what the agent refused it with; ConnectionError, where it was not reached; PKIRefused and
        ``pydantic.ValidationError``, where its answer is no chain.
        """
        answer = await self._ask(
            Message(
                operation=RENEW.name,
                body=RenewalRequest(request=request_text(request)).model_dump_json().encode(),
                deadline_ms=RENEW.deadline_ms,
                idempotency_key=secrets.token_urlsafe(16),
                traceparent=TraceContext(secrets.token_hex(16), secrets.token_hex(8)).header,
            )
        )
        if answer.status != _OK:
            raise error_from_problem(answer.body) or AppError(Code.INTERNAL)
        return parse_certificates(RenewedChain.model_validate_json(answer.body).chain)

    async def _ask(self, message: Message) -> SignedAnswer:
        failures: list[str] = []
        for endpoint in self._endpoints:
            transport = Transport(endpoint, self._tls, size=1)
            try:
                async with asyncio.timeout(RENEW.deadline_ms / 1000):
                    return await self._session.exchange(transport, message)
            except OSError as error:  # TimeoutError is one
                failures.append(f"port {endpoint.port}: {type(error).__name__}: {error}")
            finally:
                await transport.close()
        raise ConnectionError("; ".join(failures))
