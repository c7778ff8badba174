"""The feed, both ends: what is said arrives, in order, and nobody else can say anything."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.client.feed import Feed, FeedListener
from bridge.client.session import SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.system import FeedEvent
from bridge.process.clock import SystemClock
from bridge.server import CallRules
from bridge.server.feed import stream_feed
from bridge.signing import SigningKey, feed_mac
from tests.bridge_pair import NAME, Certificates, FixedKeys, SkewedClock, agent
from tests.waiting import until


class Listener(FeedListener):
    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.gaps = 0

    def on_feed_event(self, event: FeedEvent) -> None:
        self.events.append(event)

    def on_feed_gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def listener() -> Listener:
    return Listener()


@pytest.fixture
async def follow(bridge_certificates: Certificates, listener: Listener) -> AsyncIterator[Callable[[int], Feed]]:
    """Follow the feed of the agent at a port, until the test ends."""
    started: list[tuple[asyncio.Task[None], Transport]] = []
    async with asyncio.TaskGroup() as tasks:

        def start(port: int, **options: float) -> Feed:
            transport = Transport(Endpoint("127.0.0.1", port, NAME), bridge_certificates.client)
            session = SignedSession(authority=NAME, keys=FixedKeys(), clock=SystemClock())
            feed = Feed(session=session, transport=transport, clock=SystemClock(), listeners=[listener], **options)
            started.append((tasks.create_task(feed.run()), transport))
            return feed

        yield start
        for task, transport in started:
            task.cancel()
            await transport.close()


async def test_feed_is_not_fresh_when_nothing_was_heard(follow: Callable[[int], Feed]) -> None:
    feed = follow(1)
    assert not feed.is_fresh
    assert feed.behind_s == float("inf")


async def test_feed_carries_events_in_order_and_heartbeats_keep_it_fresh(
    bridge_certificates: Certificates, follow: Callable[[int], Feed], listener: Listener
) -> None:
    async with agent({}, bridge_certificates, rules=CallRules(heartbeat_s=0.02)) as keep:
        feed = follow(keep.port)
        await until(lambda: feed.is_fresh)
        for number in range(50):
            keep.events.publish(FeedEvent(kind="tags_invalidated", tags=(f"tag.{number}",)))
        await until(lambda: len(listener.events) == 51)
        assert listener.events[0].kind == "hello"
        assert [event.tags for event in listener.events[1:]] == [(f"tag.{number}",) for number in range(50)]
        await asyncio.sleep(0.1)
        assert feed.behind_s < 0.1
        keep.events.publish(FeedEvent(kind="hello"))
        await until(lambda: len(listener.events) == 52)
        assert listener.gaps == 1


async def test_feed_opens_when_the_clocks_are_apart(
    bridge_certificates: Certificates, follow: Callable[[int], Feed]
) -> None:
    async with agent({}, bridge_certificates, clock=SkewedClock(7200)) as keep:
        feed = follow(keep.port)
        await until(lambda: feed.is_fresh)
        assert 7_190 < feed._session.clock_offset_s < 7_210


async def test_feed_is_lost_once_and_found_again_when_the_agent_restarts(
    bridge_certificates: Certificates,
    follow: Callable[[int], Feed],
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with agent({}, bridge_certificates, boot="boot-0001") as keep:
        feed = follow(keep.port)
        await until(lambda: feed.is_fresh)
    await until(lambda: feed.lost_at is not None)
    assert not feed.is_fresh
    async with agent({}, bridge_certificates, boot="boot-0002", port=keep.port):
        await until(lambda: feed.is_fresh)
        assert feed.lost_at is None
        assert listener.gaps == 2
    events = [record.message for record in caplog.records if record.name == "bridge.client.feed"]
    assert events[:3] == ["feed_opened", "feed_lost", "feed_opened"]


Forge = Callable[[FixedKeys, bytes, int, bytes], bytes]


def another_key(keys: FixedKeys, request_signature: bytes, sequence: int, line: bytes) -> bytes:
    return feed_mac(
        key=SigningKey(keys.key_id, b"x" * 32), request_signature=request_signature, sequence=sequence, line=line
    )


def request_direction(keys: FixedKeys, request_signature: bytes, sequence: int, line: bytes) -> bytes:
    return feed_mac(key=keys.request_key(), request_signature=request_signature, sequence=sequence, line=line)


def another_place(keys: FixedKeys, request_signature: bytes, sequence: int, line: bytes) -> bytes:
    key = keys.response_key(keys.key_id)
    assert key is not None
    return feed_mac(key=key, request_signature=request_signature, sequence=sequence + 1, line=line)


def another_stream(keys: FixedKeys, request_signature: bytes, sequence: int, line: bytes) -> bytes:
    key = keys.response_key(keys.key_id)
    assert key is not None
    return feed_mac(key=key, request_signature=request_signature[::-1], sequence=sequence, line=line)


@pytest.mark.parametrize("forge", [another_key, request_direction, another_place, another_stream])
async def test_feed_takes_no_line_that_is_not_the_agents_next_one(
    bridge_certificates: Certificates,
    follow: Callable[[int], Feed],
    listener: Listener,
    forge: Forge,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = FixedKeys()

    def forged(*, key: SigningKey, request_signature: bytes, sequence: int, line: bytes) -> bytes:
        return forge(keys, request_signature, sequence, line)

    monkeypatch.setattr("bridge.server.endpoint.feed_mac", forged)
    async with agent({}, bridge_certificates, keys=keys) as keep:
        feed = follow(keep.port)
        await until(lambda: feed.lost_at is not None)
    assert listener.events == []
    lost = next(record for record in caplog.records if record.message == "feed_lost")
    assert lost.drawbridge_fields["reason"] == "mac"  # type: ignore[attr-defined]  # put there by bridge.process.logs


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b'{"kind":"hello"} !!!!', b'{"kind":"unknown"} ' + binascii.b2a_base64(b"m" * 32, newline=False)],
    ids=["empty", "no mac", "no base64", "unknown to this version"],
)
async def test_feed_survives_lines_of_any_kind(
    bridge_certificates: Certificates,
    follow: Callable[[int], Feed],
    listener: Listener,
    line: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def say(write: Callable[[bytes], Awaitable[None]], *_args: object, **_options: object) -> None:
        await write(line + b"\n")

    monkeypatch.setattr("bridge.server.endpoint.stream_feed", say)
    monkeypatch.setattr("bridge.client.feed.feed_mac", lambda **_values: b"m" * 32)
    async with agent({}, bridge_certificates) as keep:
        feed = follow(keep.port)
        await until(lambda: feed.lost_at is not None)
    assert listener.events == []


@pytest.mark.story("health/US-BE-46.1")
async def test_feed_is_given_up_when_it_falls_silent(
    bridge_certificates: Certificates, follow: Callable[..., Feed], listener: Listener
) -> None:
    async with agent({}, bridge_certificates, rules=CallRules(heartbeat_s=60)) as keep:
        feed = follow(keep.port, silence_max_s=0.2)
        await until(lambda: listener.gaps >= 2)  # opened, given up, opened anew
        assert feed.lost_at is None or listener.gaps >= 2


async def test_feed_ends_when_its_source_does() -> None:
    lines: list[bytes] = []

    class Ending:
        async def subscribe(self) -> AsyncIterator[FeedEvent]:
            yield FeedEvent(kind="hello")

    async def write(line: bytes) -> None:
        lines.append(line)

    await stream_feed(write, Ending(), seal=lambda **_values: b"mac", heartbeat_s=5.0, ending=asyncio.Event())
    assert lines == [b'{"kind":"hello"} bWFj\n']


async def test_feed_is_given_up_when_a_line_has_no_end(
    bridge_certificates: Certificates,
    follow: Callable[[int], Feed],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def say(write: Callable[[bytes], Awaitable[None]], *_args: object, **_options: object) -> None:
        await write(b"x" * 300_000)
        await asyncio.Event().wait()

    monkeypatch.setattr("bridge.server.endpoint.stream_feed", say)
    async with agent({}, bridge_certificates) as keep:
        feed = follow(keep.port)
        await until(lambda: feed.lost_at is not None)
        assert not feed.is_fresh
        assert "feed_lost" in [record.message for record in caplog.records]


async def test_feed_of_an_agent_that_is_stopping_is_refused(
    bridge_certificates: Certificates, follow: Callable[[int], Feed], caplog: pytest.LogCaptureFixture
) -> None:
    async with agent({}, bridge_certificates) as keep:
        await keep.bridge.drain()
        feed = follow(keep.port)
        await until(lambda: feed.lost_at is not None)
    lost = next(record for record in caplog.records if record.message == "feed_lost")
    assert lost.drawbridge_fields["reason"] == "Busy"  # type: ignore[attr-defined]  # put there by bridge.process.logs
