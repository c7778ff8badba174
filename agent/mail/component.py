"""Mail to people: an outbox in the store, and who empties it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent.component import Component
from agent.db.store import Store
from agent.mail.outbox import CHANNEL, Outbox
from agent.mail.post import Post
from agent.mail.sender import Sender
from agent.mail.upkeep import Upkeep
from agent.settings import AgentSettings
from bridge.process.clock import Clock, utc

_FINISH_S: Final = 3.0
"""How long a mail that is just being sent may take when stopping; it might come twice if it were broken off."""


class Mailing(Component):
    """Raises :class:`~agent.mail.seal.MailKeyError` where mail is on and its key cannot be used."""

    def __init__(self, settings: AgentSettings, clock: Clock, *, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._keep_s = settings.mail.keep_s
        self.outbox = Outbox(settings.mail, clock)
        self.upkeep = Upkeep(store.pool)
        self._sender: Sender | None = None
        if self.outbox.key is not None:
            self._sender = Sender(
                settings.mail,
                Post(settings.mail, settings.relay),
                self.outbox.key,
                pool=store.pool,
                dsn=settings.store.dsn.get_secret_value(),
                clock=clock,
            )

    @property
    def wakes(self) -> Mapping[str, Callable[[], None]]:
        """What to call when the store notifies, by channel."""
        return {} if self._sender is None else {CHANNEL: self._sender.wake}

    async def run(self) -> None:
        if self._sender is not None:
            await self._store.prepared()
            await self._sender.run()

    async def forget_old(self, deadline: float) -> None:
        await self.upkeep.forget_old(utc(self._clock.time()), keep_s=self._keep_s, deadline=deadline)

    async def finish(self) -> None:
        if self._sender is not None:
            await self._sender.stop(_FINISH_S)
