"""Waiting for what another task or process brings about, where it cannot tell us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, timeout_s: float = 8.0) -> None:
    """Return as soon as ``condition`` holds. Raises TimeoutError, shortly before a test's own 10 s are over."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - whoever makes it true knows no event of ours
            await asyncio.sleep(0.001)
