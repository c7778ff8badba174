"""What can go wrong on this machine and on the keep, one file a watch: each turns facts into what is wrong now.

``sources.py`` reads the facts, ``watching.py`` reports what has lasted and what is over. Standard library alone.
"""

from __future__ import annotations

from gateway.alerts.watches.settings import Settings
from gateway.alerts.watches.watching import EVERY_S, Watches

__all__ = ["EVERY_S", "Settings", "Watches"]
