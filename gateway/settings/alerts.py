"""How an administrator hears of trouble."""

from __future__ import annotations

from bridge.process.settings import Section


class Alerts(Section):
    """Telling an administrator."""
