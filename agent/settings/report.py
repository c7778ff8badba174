"""What this machine says of itself."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from agent.settings.types import Seconds
from bridge.process.settings import Section


class Report(Section):
    """What this machine says of itself when the door asks, and where reports of trouble wait for the door."""

    units: tuple[str, ...] = Field(
        (
            "agent.service", "postgresql@*.service", "bans.service", "bans.socket", "rescue-sshd.service",
            "rescue-helper.service", "rescue-helper.socket", "agent-migrate.service", "audit-witness.service",
            "audit-witness.timer", "backup.service", "backup.timer", "backup-drill.service", "backup-drill.timer",
            "keys-rotate.service", "keys-rotate.timer",
        ),
        description="Units whose state is told, names or patterns; what is not installed is left out.",
    )  # fmt: skip
    outbox: Path = Field(
        Path("/var/lib/drawbridge/alerts/outbox"),
        description="Folder where this machine's programs leave reports of trouble until the door has taken them.",
    )
    release: Path = Field(Path("/opt/drawbridge/current"), description="The link to the release that runs.")
    disk: Path = Field(Path("/"), description="A path on the disk whose free space is told.")
    bans_socket: Path = Field(Path("/run/drawbridge/bans.sock"), description="The ban helper's socket.")
    systemctl: Path = Field(Path("/usr/bin/systemctl"), description="The program that tells how units are.")
    timedatectl: Path = Field(
        Path("/usr/bin/timedatectl"), description="The program that tells whether the clock is synchronized."
    )
    kept_s: Seconds = Field(5.0, description="Seconds that one look at this machine serves everybody who asks.")
