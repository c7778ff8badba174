from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.process.http_client import HEAD_MAX_BYTES, Malformed, Reply, parse_head, read_reply

OK = b"HTTP/1.1 200 OK\r\n"


async def _read(data: bytes, *, body_max_bytes: int = 100) -> Reply:
    reader = asyncio.StreamReader(limit=HEAD_MAX_BYTES)
    reader.feed_data(data)
    reader.feed_eof()
    return await read_reply(reader, body_max_bytes=body_max_bytes)


async def test_reply_has_status_fields_and_body_when_its_length_is_given() -> None:
    reply = await _read(OK + b"Content-Length: 2\r\nX-A: b \r\n\r\nhimore")
    assert reply == Reply(200, {"content-length": "2", "x-a": "b"}, b"hi")


async def test_reply_ends_with_the_stream_when_no_length_is_given() -> None:
    assert (await _read(b"HTTP/1.0 302 Found\r\nLocation: http://p/\r\n\r\nbody")).body == b"body"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another protocol"),
        pytest.param(OK + b"no colon\r\n\r\n", id="a field without a colon"),
        pytest.param(OK + b"X: " + b"y" * HEAD_MAX_BYTES + b"\r\n\r\n", id="a long head"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="a transfer coding"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\n", id="a length that is none"),
        pytest.param(OK + b"Content-Length: 101\r\n\r\n", id="a length over the bound"),
        pytest.param(OK + b"Content-Length: 5\r\n\r\nhi", id="a body cut off"),
        pytest.param(OK + b"\r\n" + bytes(101), id="a body over the bound"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="a status that is none"),
    ],
)
async def test_reply_is_malformed_when_it_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Malformed):
        await _read(data)


@given(st.binary(max_size=300))
def test_head_returns_or_says_malformed_whatever_the_bytes_are(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_head(data)
