"""The settings of ``python -m gateway monitor``: what it looks at, how often, and when something counts as down."""

from __future__ import annotations

from bridge.process.settings import Section


class Connectivity(Section):
    """Watching the line."""
