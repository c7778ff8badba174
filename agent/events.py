"""What the agent tells its gateways as it happens: changed users, stale answers, new keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from bridge.contracts.system import FeedEvent, PublicKey

BACKLOG_MAX: Final = 256


class FeedHub:
    """Gives every event to every open feed, and silence to none.

    A feed must not look alive while changes would go unheard, for gateways answer from their caches as long as it does.
    So it is suspended until the store can be heard, and a reader that falls :data:`BACKLOG_MAX` events behind is cut
    off: it comes back, drops what it knew, and begins with a new ``hello``.
    """

    def __init__(self, public_keys: Callable[[], tuple[PublicKey, ...]]) -> None:
        self._public_keys = public_keys
        self._readers: set[asyncio.Queue[FeedEvent | None]] = set()
        self._is_open = False

    def resume(self) -> None:
        self._is_open = True

    def suspend(self) -> None:
        """End every feed, and each new one at once, until :meth:`resume`."""
        self._is_open = False
        for reader in [*self._readers]:
            self._cut_off(reader)

    def users_changed(self, *, users: tuple[str, ...] = (), sessions: tuple[str, ...] = ()) -> None:
        self._publish(FeedEvent(kind="users_changed", users=users, sessions=sessions))

    def tags_invalidated(self, tags: tuple[str, ...]) -> None:
        self._publish(FeedEvent(kind="tags_invalidated", tags=tags))

    def keys_changed(self) -> None:
        self._publish(FeedEvent(kind="keys_changed", keys=self._public_keys()))

    async def subscribe(self) -> AsyncIterator[FeedEvent]:
        """Yield ``hello`` and every event from then on; end when the reader is cut off."""
        if not self._is_open:
            return
        events: asyncio.Queue[FeedEvent | None] = asyncio.Queue(BACKLOG_MAX)
        self._readers.add(events)
        try:
            yield FeedEvent(kind="hello", keys=self._public_keys())
            while (event := await events.get()) is not None:
                yield event
        finally:
            self._readers.discard(events)

    def _publish(self, event: FeedEvent) -> None:
        for reader in [*self._readers]:
            try:
                reader.put_nowait(event)
            except asyncio.QueueFull:
                self._cut_off(reader)

    def _cut_off(self, reader: asyncio.Queue[FeedEvent | None]) -> None:
        self._readers.discard(reader)
        while not reader.empty():
            reader.get_nowait()
        reader.put_nowait(None)
