"""Bridge messages written by hand: what a gateway sends, and what no honest gateway would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from bridge.client.transport import ClientTLS, Endpoint, Response, Transport
from bridge.contracts.health import LIST, ListSymptoms
from bridge.contracts.operation import Model
from bridge.errors import Code
from bridge.keys import load_keyring
from bridge.pki import unit_name
from bridge.problem import error_from_problem
from bridge.process.clock import SystemClock
from bridge.signing import SignedRequest, SigningKey, sign_request
from bridge.tls import ReloadingClientTLS
from demo.installation import Installation

AGENT: Final = unit_name("agent")
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True, slots=True)
class Letter:
    """A signed request, whole; it can be sent more than once."""

    operation: str
    body: bytes
    request: SignedRequest


@dataclass
class Hand:
    """One sending process with the gateway's own key and certificate."""

    key: SigningKey
    transport: Transport
    process: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    boot: str = ""
    numbers: count[int] = field(default_factory=lambda: count(1))

    def write(
        self,
        operation: str = LIST.name,
        params: Model | bytes | None = None,
        *,
        token: str = "",
        idempotency_key: str = "",
        created_before_s: float = 0.0,
    ) -> Letter:
        """Sign a message; by default a question for symptoms."""
        body = params if isinstance(params, bytes) else (params or ListSymptoms(limit=1)).model_dump_json().encode()
        request = sign_request(
            key=self.key,
            authority=AGENT,
            path=f"/v1/{operation}",
            body=body,
            authorization=f"Bearer {token}" if token else "",
            deadline_ms=None,
            boot=self.boot,
            idempotency_key=idempotency_key,
            traceparent=TRACEPARENT,
            created=int(SystemClock.time() - created_before_s),
            nonce=f"{self.process}.{next(self.numbers)}",
        )
        return Letter(operation, body, request)

    async def send(self, letter: Letter) -> Response:
        return await self.transport.exchange(f"/v1/{letter.operation}", letter.request.headers, letter.body)

    async def learn_boot(self) -> None:
        """Ask once, to be told the agent's boot id."""
        response = await self.send(self.write())
        self.boot = response.head.headers["bridge-boot"]


def hand(installation: Installation, agent_port: int, *, key: SigningKey | None = None) -> Hand:
    """Return a new sending process; close its ``transport`` when done."""
    tls: ClientTLS = ReloadingClientTLS(installation.gateway / "tls")
    transport = Transport(Endpoint("127.0.0.1", agent_port, AGENT), tls, size=1)
    return Hand(key or load_keyring(installation.gateway / "keys").request_key(), transport)


def code_of(response: Response) -> Code | None:
    """Return the error that an answer tells of, None for a good one."""
    error = error_from_problem(response.body)
    return error.code if error else None
