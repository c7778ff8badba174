"""The relay leads the keep where the list says, and nobody anywhere else."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Any

import pytest

from bridge.process.clock import SystemClock
from gateway.relay.relay import Relay, _is_elsewhere
from gateway.settings import Relay as Settings
from tests.listener import listening
from tests.waiting import until

KEEP = IPv4Address("127.0.0.1")


@asynccontextmanager
async def relaying(*allow: str, **settings: Any) -> AsyncIterator[int]:  # noqa: ANN401 - any setting
    """Give the port of a relay that leads this test to ``allow``."""
    relay = Relay(Settings(**{"port": 0, "clients": (KEEP,), "allow": allow, **settings}), SystemClock())
    async with await relay.start() as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            relay.cut()
            await until(lambda: not relay._open)


class Client:
    """What the keep does: asks, and then talks to whom it was led to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, target: str, *, method: str = "CONNECT") -> bytes:
        """Return the status line of the answer, having read its head."""
        self.writer.write(f"{method} {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return (await self.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]

    async def rest(self) -> bytes:
        """Return what comes until the end."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak first, as a mail server does; then say everything back, and end when the other side does."""
    writer.write(b"220 mail\r\n")
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
    await reader.read()


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [record.__dict__["drawbridge_fields"] for record in caplog.records if record.message == event]


async def test_bytes_pass_untouched_both_ways_when_the_target_is_on_the_list(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="gateway.relay")
    content = bytes(range(256)) * 4096  # more than any buffer on the way holds
    async with listening(echo) as mail, relaying(f"127.0.0.1:{mail}") as port, connected(port) as client:
        assert await client.ask(f"127.0.0.1:{mail}") == b"HTTP/1.1 200 Connected"
        assert await client.reader.readexactly(10) == b"220 mail\r\n"

        async def write() -> None:
            client.writer.write(content)
            await client.writer.drain()
            client.writer.write_eof()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            assert await client.rest() == content
        await until(lambda: bool(told(caplog, "relay_ended")))
    (ended,) = told(caplog, "relay_ended")
    assert (ended["target"], ended["outcome"]) == (f"127.0.0.1:{mail}", "closed")
    assert (ended["up_bytes"], ended["down_bytes"]) == (len(content), len(content) + 10)


async def test_what_came_with_the_request_reaches_the_target_when_it_is_led_there() -> None:
    async with listening(echo) as mail, relaying(f"127.0.0.1:{mail}") as port, connected(port) as client:
        client.writer.write(f"CONNECT 127.0.0.1:{mail} HTTP/1.1\r\n\r\nEHLO".encode())
        await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readexactly(14) == b"220 mail\r\nEHLO"


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:{other}", "localhost:{mail}", "127.0.0.1:{mail}.evil.example", "127.0.0.1", "127.0.0.1:",
     "[::1]:{mail}", "user@127.0.0.1:{mail}", "http://127.0.0.1:{mail}/", "127.1:{mail}",
     "2130706433:{mail}", "127.0.0.1:0{mail}"],
    ids=["port", "name", "suffix", "no port", "empty port", "IPv6", "user", "URL", "short", "number", "zero"],
)  # fmt: skip
async def test_nobody_is_led_to_what_is_not_on_the_list_as_it_is_written(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    reached: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(b"")

    async with listening(note) as mail, listening(note) as other, relaying(f"127.0.0.1:{mail}") as port:
        async with connected(port) as client:
            said = await client.ask(target.format(mail=mail, other=other))
            assert said == b"HTTP/1.1 403 Forbidden"
            assert await client.rest() == b""
    assert reached == []
    assert [fields["reason"] for fields in told(caplog, "relay_refused")] == ["not_on_the_list"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_nobody_is_led_anywhere_when_they_ask_for_something_else(method: str) -> None:
    async with relaying("127.0.0.1:25") as port, connected(port) as client:
        assert await client.ask("127.0.0.1:25", method=method) == b"HTTP/1.1 405 Method Not Allowed"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"CONNECT  x:1 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT x:1 HTTP/2\r\n\r\n", b"400"),
        (b"CONNECT x:1\r\n\r\n", b"400"),
        (b"CONNECT " + b"x" * 9000 + b":1 HTTP/1.1\r\n\r\n", b"431"),
    ],
    ids=["TLS", "spaces", "HTTP/2", "HTTP/0.9", "long"],
)
async def test_nobody_is_led_anywhere_when_their_request_is_none(said: bytes, answer: bytes) -> None:
    async with relaying("127.0.0.1:25") as port, connected(port) as client:
        client.writer.write(said)
        assert (await client.reader.readuntil(b"\r\n"))[9:12] == answer


async def test_connection_ends_when_no_request_comes_in_time() -> None:
    async with relaying("127.0.0.1:25", head_s=0.05) as port, connected(port) as client:
        client.writer.write(b"CONNECT ")
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_connection_ends_when_the_client_hangs_up_before_it_has_asked() -> None:
    async with relaying("127.0.0.1:25") as port, connected(port) as client:
        client.writer.write(b"CONNECT ")
        client.writer.write_eof()
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_stranger_hears_nothing_when_it_is_not_the_keep(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(echo) as mail:
        async with relaying(f"127.0.0.1:{mail}", clients=(IPv4Address("192.0.2.3"),)) as port:
            async with connected(port) as client:
                client.writer.write(f"CONNECT 127.0.0.1:{mail} HTTP/1.1\r\n\r\n".encode())
                assert await client.rest() == b""
    assert told(caplog, "relay_refused") == [{"client": "127.0.0.1", "reason": "stranger"}]


async def test_connection_is_refused_when_there_are_too_many_and_led_when_one_has_ended() -> None:
    async with listening(echo) as mail, relaying(f"127.0.0.1:{mail}", connections_max=1) as port:
        async with connected(port) as first:
            assert await first.ask(f"127.0.0.1:{mail}") == b"HTTP/1.1 200 Connected"
            async with connected(port) as second:
                assert (await second.rest()).startswith(b"HTTP/1.1 503 ")
            first.writer.write_eof()
            assert await first.rest() == b"220 mail\r\n"
        said = b""
        while said != b"HTTP/1.1 200 Connected":  # as soon as the relay has noticed
            async with connected(port) as third:
                said = await third.ask(f"127.0.0.1:{mail}")


@pytest.mark.parametrize(("limit", "outcome"), [("idle_s", "idle"), ("life_s", "too_long")])
async def test_connection_is_cut_when_it_is_silent_or_lasts_too_long(
    limit: str, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gateway.relay")
    async with listening(echo) as mail:
        async with relaying(f"127.0.0.1:{mail}", **{limit: 0.05}) as port, connected(port) as client:
            await client.ask(f"127.0.0.1:{mail}")
            assert await client.rest() in {b"220 mail\r\n", b""}
            await until(lambda: bool(told(caplog, "relay_ended")))
    assert [fields["outcome"] for fields in told(caplog, "relay_ended")] == [outcome]


async def test_connection_is_cut_when_the_server_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="gateway.relay")

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()

    async with listening(reset) as mail, relaying(f"127.0.0.1:{mail}") as port, connected(port) as client:
        await client.ask(f"127.0.0.1:{mail}")
        client.writer.write(b"x")
        assert await client.rest() == b""
        await until(lambda: bool(told(caplog, "relay_ended")))
    assert [fields["outcome"] for fields in told(caplog, "relay_ended")] == ["broken"]


async def test_client_is_told_when_the_target_does_not_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{bound.getsockname()[1]}"
        async with relaying(target) as port, connected(port) as client:
            assert await client.ask(target) == b"HTTP/1.1 502 Bad Gateway"


async def test_client_is_told_when_the_target_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_arguments: object) -> None:
        await asyncio.Event().wait()

    async with relaying("127.0.0.1:25", connect_s=0.05) as port, connected(port) as client:
        monkeypatch.setattr("gateway.relay.relay._open_connection", never)
        assert await client.ask("127.0.0.1:25") == b"HTTP/1.1 504 Gateway Timeout"


async def test_name_opens_nothing_of_the_door_when_it_leads_to_the_door_itself() -> None:
    """A name server that lies gives the address of what listens on the door's loopback."""
    async with listening(echo) as service, relaying(f"localhost:{service}") as port, connected(port) as client:
        assert await client.ask(f"localhost:{service}") == b"HTTP/1.1 502 Bad Gateway"


async def test_name_opens_nothing_of_the_door_when_it_leads_to_an_address_that_only_the_door_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the one on the LAN, which no list of special addresses has: here it is played by the loopback's."""
    monkeypatch.setattr("gateway.relay.relay._is_elsewhere", lambda _address: True)
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    async with listening(listen) as service, relaying(f"localhost:{service}") as port, connected(port) as client:
        client.writer.write(f"CONNECT localhost:{service} HTTP/1.1\r\n\r\nsecret".encode())
        assert (await client.reader.readline()) == b"HTTP/1.1 502 Bad Gateway\r\n"
    assert heard in ([], [b""])


@pytest.mark.parametrize(
    ("address", "expected"),
    [("93.184.215.14", True), ("192.168.1.9", True), ("2606:2800::1", True), ("127.0.0.53", False), ("0.0.0.0", False),  # noqa: S104 - no binding
     ("169.254.169.254", False), ("224.0.0.1", False), ("::1", False), ("::", False), ("fe80::1%eth0", False),
     ("::ffff:127.0.0.1", False)],
)  # fmt: skip
def test_address_is_of_another_machine_when_it_is_no_special_one(address: str, expected: bool) -> None:
    assert _is_elsewhere(address) == expected
