"""Asking a gateway at its Unix socket: one request, one answer, bounded. Standard library alone, and small."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from bridge.process.http_client import HEAD_MAX_BYTES, Malformed, Reply, exchange

ANSWER_MAX_BYTES: Final = 1 << 20
_AS_THIS_MACHINE: Final = {"X-Forwarded-For": "127.0.0.1"}


class NoAnswer(Exception):
    """There is no answer, or none that can be believed; the message says why in a few words."""


async def ask(
    socket: Path,
    target: str,
    *,
    method: str = "GET",
    json: bytes | None = None,
    timeout_s: float = 5.0,
    answer_max_bytes: int = ANSWER_MAX_BYTES,
) -> Reply:
    """Return what a gateway answers, asked as this machine itself. Raises :class:`NoAnswer`.

    ``json`` is the body of a request that has one. Never takes longer than ``timeout_s``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=HEAD_MAX_BYTES)
            try:
                reply = await exchange(
                    reader, writer, method=method, host="localhost", path=target, headers=_AS_THIS_MACHINE, json=json,
                    body_max_bytes=answer_max_bytes,
                )  # fmt: skip
            finally:
                writer.close()
    except TimeoutError:
        msg = f"no answer within {timeout_s:g} s"
        raise NoAnswer(msg) from None
    except OSError as error:
        raise NoAnswer(error.strerror or type(error).__name__) from error
    except Malformed as error:
        msg = f"the answer cannot be read: {error}"
        raise NoAnswer(msg) from error
    if "content-length" not in reply.headers:
        msg = "the answer says no length: it may be a part"
        raise NoAnswer(msg)
    return reply
