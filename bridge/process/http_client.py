"""One request over a stream that is open already: status, header fields and a bounded body (RFC 9112).

Enough for our gateways, a mirror and a portal's redirect; anything else is :class:`Malformed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HEAD_MAX_BYTES: Final = 16 * 1024
BODY_MAX_BYTES: Final = 256 * 1024
_STATUS_PARTS_MIN: Final = 2


class Malformed(ValueError):
    """What came back is no answer that we can read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers`` by lower-case name; the last wins where one comes twice."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    host: str,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    json: bytes | None = None,
    body_max_bytes: int = BODY_MAX_BYTES,
) -> Reply:
    """Send a request, with ``json`` as its body, and return the reply.

    The caller sets the deadline, and closes the stream. Raises :class:`Malformed`, and OSError for a broken stream.
    """
    fields = {"Host": host, "Connection": "close", "Accept": "*/*", "User-Agent": "drawbridge", **(headers or {})}
    if json is not None:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(json))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    writer.write("\r\n".join(lines).encode("ascii") + (json or b""))
    await writer.drain()
    return await read_reply(reader, body_max_bytes=body_max_bytes)


async def read_reply(reader: asyncio.StreamReader, *, body_max_bytes: int = BODY_MAX_BYTES) -> Reply:
    """Return the reply to a request that was sent. Raises :class:`Malformed`, and OSError for a broken stream."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        msg = "it ended before its head did"
        raise Malformed(msg) from error
    except asyncio.LimitOverrunError as error:
        msg = "its head is too long"
        raise Malformed(msg) from error
    status, headers = parse_head(head)
    if "transfer-encoding" in headers:
        msg = "it is in a transfer coding"
        raise Malformed(msg)
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit() and int(length[:10]) <= body_max_bytes):
        msg = "its length is none, or too long"
        raise Malformed(msg)
    wanted = int(length) if length is not None else body_max_bytes + 1
    body = bytearray()
    while len(body) < wanted and (chunk := await reader.read(wanted - len(body))):
        body += chunk
    if len(body) > body_max_bytes or (length is not None and len(body) < wanted):
        msg = "its body is too long, or cut off"
        raise Malformed(msg)
    return Reply(status, headers, bytes(body))


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and header fields of a reply's head. Raises :class:`Malformed`."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < _STATUS_PARTS_MIN or not parts[0].startswith("HTTP/1.") or not _is_status(parts[1]):
        msg = "its first line is none"
        raise Malformed(msg)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if line and not colon:
            msg = "a header field has no colon"
            raise Malformed(msg)
        headers[name.strip().lower()] = value.strip()
    headers.pop("", None)
    return int(parts[1]), headers


def _is_status(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isdigit()  # noqa: PLR2004 - three digits, RFC 9110
