"""What is counted of suspicious clients."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

POINTS: Final = Counter("gateway_protection_points_total", "Points that counted against clients.", ("rule",))
BANS: Final = Counter("gateway_bans_total", "Clients that this process banned.", ("reason",))
