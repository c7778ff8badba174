"""The I/O-free half of the transport: what the bridge speaks of HTTP/1.1 (RFC 9112), strictly and bounded.

Only what an agent sends is understood: HTTP/1.1 responses with a final status, whose body is framed by one
Content-Length or by chunked coding. Anything else (two framings, a repeated header, a folded line, an interim
response, bytes after the end) is a :class:`ProtocolError`, and the connection is not used again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.contracts.operation import ANSWER_MAX_BYTES

HEAD_MAX_BYTES: Final = 16 * 1024
BODY_MAX_BYTES: Final = ANSWER_MAX_BYTES
_CHUNK_LINE_MAX_BYTES: Final = 18

_STATUS_LINE: Final = re.compile(r"HTTP/1\.1 ([2-5][0-9]{2})(?: [\x20-\x7e]*)?")
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")
_CONTENT_LENGTH: Final = re.compile(r"(?:0|[1-9][0-9]{0,9})")
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")


class ProtocolError(ConnectionError):
    """The peer said something that the bridge does not speak."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; names are lower case, each occurs once."""

    status: int
    headers: Mapping[str, str]
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Data:
    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    pass


Event = Head | Data | End
_END: Final = End()


def request_bytes(path: str, authority: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a whole POST request. The caller answers for values without control characters (signing refuses them)."""
    lines = [f"POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {len(body)}"]
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


class ResponseParser:
    """Parse one response after another from bytes as they come.

    ``feed`` yields one Head, any number of Data, one End a response, however the bytes are cut.
    """

    __slots__ = ("_buffer", "_chunked", "_in_body", "_remaining")

    def __init__(self) -> None:
        self._buffer = b""
        self._in_body = False
        self._chunked = False
        self._remaining = 0  # bytes to come of the body, or of the current chunk; -1: a chunk's size line comes next

    @property
    def is_between_responses(self) -> bool:
        return not self._in_body and not self._buffer

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what ``data`` completes. Raises :class:`ProtocolError`; the parser is of no use afterwards."""
        self._buffer = self._buffer + data if self._buffer else data
        while True:
            if not self._in_body:
                head = self._take_head()
                if head is None:
                    return
                yield head
            if self._chunked:
                yield from self._take_chunks()
            elif self._remaining:
                yield from self._take_sized()
            else:
                self._in_body = False
                yield _END
            if self._in_body or not self._buffer:
                return

    def _take_head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n", 0, HEAD_MAX_BYTES + 4)
        if end < 0:
            if len(self._buffer) > HEAD_MAX_BYTES:
                msg = "response head too large"
                raise ProtocolError(msg)
            return None
        try:
            lines = self._buffer[:end].decode("ascii").split("\r\n")
        except UnicodeDecodeError:
            msg = "response head is not ASCII"
            raise ProtocolError(msg) from None
        self._buffer = self._buffer[end + 4 :]
        status_line = _STATUS_LINE.fullmatch(lines[0])
        if status_line is None:
            msg = "not an HTTP/1.1 final status line"
            raise ProtocolError(msg)
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
                msg = "malformed header line"
                raise ProtocolError(msg)
            name = name.lower()
            if name in headers:
                msg = "repeated header"
                raise ProtocolError(msg)
            headers[name] = value.strip(" \t")
        self._begin_body(headers)
        return Head(int(status_line[1]), headers, headers.get("connection", "").lower() != "close")

    def _begin_body(self, headers: Mapping[str, str]) -> None:
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if (length is None) == (coding is None):
            msg = "body must be framed by Content-Length or chunked coding"
            raise ProtocolError(msg)
        self._in_body = True
        if coding is not None:
            if coding.lower() != "chunked":
                msg = "unknown transfer coding"
                raise ProtocolError(msg)
            self._chunked, self._remaining = True, -1
            return
        if length is None or not _CONTENT_LENGTH.fullmatch(length) or int(length) > BODY_MAX_BYTES:
            msg = "Content-Length out of bounds"
            raise ProtocolError(msg)
        self._chunked, self._remaining = False, int(length)

    def _take_sized(self) -> Iterator[Event]:
        if not self._buffer:
            return
        content, self._buffer = self._buffer[: self._remaining], self._buffer[self._remaining :]
        self._remaining -= len(content)
        yield Data(content)
        if not self._remaining:
            self._in_body = False
            yield _END

    def _take_chunks(self) -> Iterator[Event]:
        """Yield whole chunks. Each is bounded, but not their sum: the feed never ends."""
        while self._buffer:
            if self._remaining < 0:
                size = self._take_chunk_size()
                if size is None:
                    return
                # the chunk's data and the CRLF behind it; the last chunk is that CRLF alone
                self._remaining = size + 2
            if len(self._buffer) < self._remaining:
                return
            content, tail = self._buffer[: self._remaining - 2], self._buffer[self._remaining - 2 : self._remaining]
            if tail != b"\r\n":
                msg = "malformed chunk"
                raise ProtocolError(msg)
            self._buffer = self._buffer[self._remaining :]
            self._remaining = -1
            if not content:
                self._in_body = False
                yield _END
                return
            yield Data(content)

    def _take_chunk_size(self) -> int | None:
        end = self._buffer.find(b"\r\n", 0, _CHUNK_LINE_MAX_BYTES)
        if end < 0:
            if len(self._buffer) >= _CHUNK_LINE_MAX_BYTES:
                msg = "malformed chunk size"
                raise ProtocolError(msg)
            return None
        line = self._buffer[:end]
        if not _CHUNK_SIZE.fullmatch(line) or int(line, 16) > BODY_MAX_BYTES:
            msg = "malformed chunk size"
            raise ProtocolError(msg)
        self._buffer = self._buffer[end + 2 :]
        return int(line, 16)
