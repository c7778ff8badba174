"""The settings of the owner's view: where it reads what the other services of the door write."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from bridge.process.settings import Section
from gateway.settings.types import Count


class Status(Section):
    """The status page."""

    monitor_file: Path = Field(Path("/run/drawbridge/monitor/status.json"), description="What the monitor writes.")
    ddns_file: Path = Field(Path("/run/drawbridge/ddns/status.json"), description="What the DDNS updater writes.")
    streams_per_session: Count = Field(4, description="Status pages that one session may keep live in a gateway.")
    streams_max: Count = Field(32, description="Status pages that a gateway keeps live in all.")
