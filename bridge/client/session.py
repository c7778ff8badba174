"""One gateway process's signed conversation with the agent: its nonces, the agent's boot id, the clocks' difference.

Every message is signed right before it is sent, so that a repeated one carries a nonce of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol, cast

from bridge import heads
from bridge.client.http1 import Data, Head
from bridge.client.transport import Response, Transport
from bridge.errors import Code
from bridge.problem import error_from_problem
from bridge.process.clock import Clock
from bridge.signing import (
    SignatureRefused,
    SignedRequest,
    SigningKey,
    Step,
    VerifiedResponse,
    sign_request,
    verify_response,
)

_OK: Final = 200
_HANDSHAKES_MAX: Final = 2  # learning the boot id, then the time; a third would be a peer that makes us loop


class AnswerRefused(ConnectionError):
    """An answer without a right signature: whatever it says, the agent did not say it."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"the answer's signature was refused: {step.value}")
        self.step = step


class NotYetAcquainted(ConnectionError):
    """The agent only told its boot id or time, which are now known: open the stream again."""


class ClientKeys(Protocol):
    """The gateway's view of its keyring (``bridge.keys``)."""

    def request_key(self) -> SigningKey: ...
    def response_key(self, key_id: str) -> SigningKey | None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """What one call says. ``deadline_ms``: milliseconds that the caller will wait from now, None for no limit."""

    operation: str
    body: bytes
    authorization: str = ""
    deadline_ms: int | None = None
    idempotency_key: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """An answer that is the agent's. ``created`` is the agent's Unix time, seconds.

    ``audit_head`` has the form of one (:mod:`bridge.heads`), or is ''. Nothing here says that it is genuine.
    """

    status: int
    body: bytes
    next_cursor: str
    created: int
    audit_head: str = ""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A signed request, and the only key that its answer may be signed with, whatever is rotated meanwhile."""

    request: SignedRequest
    response_key: SigningKey

    def find_response_key(self, key_id: str) -> SigningKey | None:
        return self.response_key if key_id == self.response_key.key_id else None


@dataclass(frozen=True, slots=True)
class SignedStream:
    """A stream's bytes, and what its lines are sealed with (``signing.feed_mac``)."""

    request_signature: bytes
    key: SigningKey
    content: AsyncIterator[bytes]


class SignedSession:
    """Sign, send, verify. Safe to share between tasks: a nonce is taken and a boot id read at once."""

    def __init__(self, *, authority: str, keys: ClientKeys, clock: Clock) -> None:
        self.process: Final = secrets.token_urlsafe(9)
        self._authority = authority
        self._keys = keys
        self._clock = clock
        self._counter = count(1)
        self._boot = ""
        self.clock_offset_s = 0.0
        """What the agent's clock is ahead of ours, as far as it ever mattered."""
        self._heard: tuple[float, float] | None = None  # the agent's time, and ours that only passes

    def agent_time(self) -> float:
        """Return the agent's Unix time, seconds: its last answer's, and what has passed since.

        Our own clock may be set meanwhile. It is asked before the first answer alone.
        """
        if self._heard is None:
            return self._clock.time()
        created, at = self._heard
        return created + self._clock.monotonic() - at

    async def exchange(self, transport: Transport, message: Message) -> SignedAnswer:
        """Return the agent's answer, having learned its boot id and time where it asked for that.

        Raises what the transport raises, and :class:`AnswerRefused`.
        """
        answer = await self._exchange_once(transport, message)
        handshakes = 0
        while self._was_handshake(answer) and handshakes < _HANDSHAKES_MAX:
            handshakes += 1
            answer = await self._exchange_once(transport, message)
        return answer

    @asynccontextmanager
    async def stream(self, transport: Transport, message: Message) -> AsyncIterator[SignedStream]:
        """Open a stream and give its bytes as they come, with what its lines are sealed with.

        Raises as :meth:`exchange`, the AppError that the agent refused it with, and :class:`NotYetAcquainted`.
        """
        sent = self._sign(message)
        async with transport.stream(_path(message), sent.request.headers, message.body) as events:
            head = cast("Head", await anext(events))  # a response begins with its head
            is_stream = head.status == _OK
            body = b"" if is_stream else b"".join([event.content async for event in events if isinstance(event, Data)])
            answer = self._open(Response(head, body), sent)
            if self._was_handshake(answer):
                raise NotYetAcquainted
            if not is_stream:
                raise error_from_problem(body) or AnswerRefused(Step.COMPONENTS)
            content = (event.content async for event in events if isinstance(event, Data))
            yield SignedStream(sent.request.signature, sent.response_key, content)

    async def _exchange_once(self, transport: Transport, message: Message) -> SignedAnswer:
        sent = self._sign(message)
        return self._open(await transport.exchange(_path(message), sent.request.headers, message.body), sent)

    def _sign(self, message: Message) -> _Sent:
        key = self._keys.request_key()
        response_key = self._keys.response_key(key.key_id)
        if response_key is None:  # no ring lacks the key that it gives out
            raise AnswerRefused(Step.KEYID)
        request = sign_request(
            key=key,
            authority=self._authority,
            path=_path(message),
            body=message.body,
            authorization=message.authorization,
            deadline_ms=message.deadline_ms,
            boot=self._boot,
            idempotency_key=message.idempotency_key,
            traceparent=message.traceparent,
            created=int(self._clock.time() + self.clock_offset_s),
            nonce=f"{self.process}.{next(self._counter)}",
        )
        return _Sent(request, response_key)

    def _open(self, response: Response, sent: _Sent) -> SignedAnswer:
        try:
            verified: VerifiedResponse = verify_response(
                headers=response.head.headers,
                status=response.head.status,
                body=response.body,
                request_signature=sent.request.signature,
                find_key=sent.find_response_key,
            )
        except SignatureRefused as refusal:
            raise AnswerRefused(refusal.step) from refusal
        self._boot = verified.boot
        self._heard = (verified.created, self._clock.monotonic())
        head = response.head.headers.get(heads.HEADER, "")
        return SignedAnswer(
            response.head.status,
            response.body,
            verified.next_cursor,
            verified.created,
            head if heads.is_head(head) else "",
        )

    def _was_handshake(self, answer: SignedAnswer) -> bool:
        """Return whether the agent only asked for its boot id or time, and take the time over."""
        if answer.status != Code.BOOT_UNKNOWN.status:
            return False
        error = error_from_problem(answer.body)
        if error is None or error.code not in {Code.BOOT_UNKNOWN, Code.CLOCK_SKEWED}:
            return False
        if error.code is Code.CLOCK_SKEWED:
            self.clock_offset_s = answer.created - self._clock.time()
        return True


def _path(message: Message) -> str:
    return f"/v1/{message.operation}"
