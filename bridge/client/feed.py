"""Following the agent's feed: what was revoked, invalidated or replaced there, known here within a second.

What this process remembers (answers, verified tokens) is used only while the feed is fresh. After a gap nobody knows
what was missed, so every listener is told.
"""

from __future__ import annotations

import asyncio
import binascii
import hmac
import logging
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from pydantic import ValidationError

from bridge.client.http1 import ProtocolError
from bridge.client.session import AnswerRefused, Message, NotYetAcquainted, SignedSession, SignedStream
from bridge.client.transport import Transport
from bridge.contracts.system import FEED, FeedEvent, FeedStart
from bridge.errors import AppError
from bridge.process.clock import Clock
from bridge.process.logs import log
from bridge.signing import Step, feed_mac
from bridge.trace import TraceContext

_log: Final = logging.getLogger(__name__)

_JITTER: Final = random.Random()  # noqa: S311 - no secret; its own, for others watch the module's

_UNKNOWN: Final = FeedEvent(kind="heartbeat")
"""What a genuine event of a shape that only newer gateways know is to this one: a sign of life."""

_LINE_MAX_BYTES: Final = 256 * 1024


class FeedListener(Protocol):
    """Somebody who remembers things that the agent may end."""

    def on_feed_event(self, event: FeedEvent) -> None:
        """Take in one event, heartbeats excepted. ``hello`` begins each stream."""

    def on_feed_gap(self) -> None:
        """Events may have been missed: trust nothing remembered without asking."""


class Feed:
    """The state of the feed, and the task that follows it (:meth:`run`).

    ``fresh_s``: a feed last heard of longer ago than this (seconds) is not fresh. ``silence_max_s``: a stream silent
    for longer is given up and opened anew.
    """

    def __init__(
        self,
        *,
        session: SignedSession,
        transport: Transport,
        clock: Clock,
        listeners: Sequence[FeedListener] = (),
        fresh_s: float = 1.0,
        silence_max_s: float = 2.0,
        retry_s: float = 0.25,
        retry_max_s: float = 0.5,
    ) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock
        self._listeners = listeners
        self._fresh_s = fresh_s
        self._silence_max_s = silence_max_s
        self._retry_s = retry_s
        self._retry_max_s = retry_max_s
        self._heard_at: float | None = None
        self.opened: Final = asyncio.Event()
        """Set while the stream is there."""
        self.lost_at: float | None = None
        """Since when (monotonic seconds) the feed has been away; None while it is there."""

    @property
    def is_fresh(self) -> bool:
        return self.behind_s <= self._fresh_s

    @property
    def behind_s(self) -> float:
        """Seconds since the agent was last heard; infinite before the first time and after a stream ended."""
        if self._heard_at is None:
            return float("inf")
        return self._clock.monotonic() - self._heard_at

    async def run(self) -> None:
        """Follow the feed until cancelled, whatever happens to it."""
        delay_s = self._retry_s
        while True:
            try:
                try:
                    await self._follow()
                except NotYetAcquainted:
                    await self._follow()
            except (ConnectionError, TimeoutError, AppError, StopAsyncIteration) as error:
                reason = error.step.value if isinstance(error, AnswerRefused) else type(error).__name__
            else:
                reason = "ended"
            if self.opened.is_set():
                delay_s = self._retry_s
            self._down(reason)
            await asyncio.sleep(delay_s * _JITTER.uniform(0.5, 1.0))
            delay_s = min(delay_s * 2, self._retry_max_s)

    async def _follow(self) -> None:
        start = FeedStart(process=self._session.process)
        trace = TraceContext(secrets.token_hex(16), secrets.token_hex(8))
        message = Message(operation=FEED.name, body=start.model_dump_json().encode(), traceparent=trace.header)
        async with asyncio.timeout(self._silence_max_s) as silence:
            async with self._session.stream(self._transport, message) as stream:
                async for event in _events(stream):
                    silence.reschedule(asyncio.get_running_loop().time() + self._silence_max_s)
                    self._heard(event)

    def _heard(self, event: FeedEvent) -> None:
        self._heard_at = self._clock.monotonic()
        if event.kind == "heartbeat":
            return
        if event.kind == "hello" and not self.opened.is_set():
            self.opened.set()
            self.lost_at = None
            log(_log, "feed_opened")
            for listener in self._listeners:
                listener.on_feed_gap()
        for listener in self._listeners:
            listener.on_feed_event(event)

    def _down(self, reason: str) -> None:
        self._heard_at = None
        if self.lost_at is None:
            self.lost_at = self._clock.monotonic()
            log(_log, "feed_lost", level=logging.WARNING, reason=reason)
        self.opened.clear()


async def _events(stream: SignedStream) -> AsyncIterator[FeedEvent]:
    """Yield the stream's events in order. Raises AnswerRefused for a line that is not the agent's next one."""
    sequence = 0
    rest = b""
    async for content in stream.content:
        *lines, rest = (rest + content).split(b"\n")
        if len(rest) > _LINE_MAX_BYTES:
            msg = "feed line too long"
            raise ProtocolError(msg)
        for line in lines:
            yield _open_line(stream, sequence, line)
            sequence += 1


def _open_line(stream: SignedStream, sequence: int, line: bytes) -> FeedEvent:
    document, _, mac_text = line.rpartition(b" ")
    try:
        mac = binascii.a2b_base64(mac_text, strict_mode=True)
    except binascii.Error:
        raise AnswerRefused(Step.MAC) from None
    expected = feed_mac(key=stream.key, request_signature=stream.request_signature, sequence=sequence, line=document)
    if not hmac.compare_digest(mac, expected):
        raise AnswerRefused(Step.MAC)
    try:
        return FeedEvent.model_validate_json(document)
    except ValidationError:
        return _UNKNOWN
