"""The settings of ``python -m gateway ddns serve``: which names it keeps, with whom, and which ports it maps."""

from __future__ import annotations

from bridge.process.settings import Section


class Ddns(Section):
    """Keeping public names at this box's address."""
