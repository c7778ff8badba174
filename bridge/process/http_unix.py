"""Asking a gateway at its Unix socket: one request, one answer, bounded. Standard library alone, and small.

HTTP/1.0, so that the answer is never chunked and ends with the connection (RFC 9112, 6.3 and 9.3).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ANSWER_MAX_BYTES: Final = 1 << 20
_HEAD_MAX_BYTES: Final = 16 * 1024


class NoAnswer(Exception):
    """There is no answer, or none that can be believed; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes


async def ask(
    socket: Path,
    target: str,
    *,
    method: str = "GET",
    json: bytes | None = None,
    timeout_s: float = 5.0,
    answer_max_bytes: int = ANSWER_MAX_BYTES,
) -> HttpAnswer:
    """Return what a gateway answers, asked as this machine itself. Raises :class:`NoAnswer`.

    ``json`` is the body of a request that has one. Never takes longer than ``timeout_s``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=_HEAD_MAX_BYTES)
            try:
                writer.write(_request(method, target, json))
                await writer.drain()
                return await _answer(reader, answer_max_bytes)
            finally:
                writer.close()
    except TimeoutError:
        msg = f"no answer within {timeout_s:g} s"
        raise NoAnswer(msg) from None
    except OSError as error:
        raise NoAnswer(error.strerror or type(error).__name__) from error


def _request(method: str, target: str, json: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.0", "Host: localhost", "X-Forwarded-For: 127.0.0.1"]
    if json is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(json)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (json or b"")


async def _answer(reader: asyncio.StreamReader, answer_max_bytes: int) -> HttpAnswer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        msg = "the answer has no end of its headers"
        raise NoAnswer(msg) from error
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():  # noqa: PLR2004 - and a reason
        msg = "the answer is no HTTP"
        raise NoAnswer(msg)
    if not (length.isascii() and length.isdigit()) or int(length) > answer_max_bytes:
        msg = f"the answer says no length, or more than {answer_max_bytes} bytes"
        raise NoAnswer(msg)
    try:
        return HttpAnswer(int(words[1]), await reader.readexactly(int(length)))
    except asyncio.IncompleteReadError as error:
        msg = "the answer was cut off"
        raise NoAnswer(msg) from error
