"""The audit trail: read by who may, added to by each look at records, and its head signed for the other machine."""

from __future__ import annotations

from agent.audit.heads import HeadKey, Heads
from agent.audit.looks import Looks
from agent.audit.operations import Auditing, Links
from agent.audit.reading import Reader
from agent.component import Component, Handlers
from agent.db.store import Store
from agent.settings import AgentSettings
from bridge.process.clock import Clock


class AuditTrail(Component):
    """Raises :class:`~agent.audit.heads.HeadKeyError` where the head's key cannot be used."""

    def __init__(self, settings: AgentSettings, clock: Clock, *, store: Store, links: Links) -> None:
        self.heads = Heads(store.pool, HeadKey.read_or_make(settings.tokens.keys_dir), clock)
        self.looks = Looks(store.pool, clock)
        self._auditing = Auditing(Reader(store.pool), links)

    @property
    def handlers(self) -> Handlers:
        return self._auditing.handlers
