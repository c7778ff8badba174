"""What can be changed: where its file is, and the commands that check it, take it up and do without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rescue.bans.nft import NFT


@dataclass(frozen=True, slots=True)
class Subject:
    """Something whose file can be changed: how to check the file where it is, take it up, and do without it.

    ``is_loaded`` fails where nothing of the file is in force; without it the file's being there says enough.
    """

    target: Path
    mode: int
    check: tuple[str, ...]
    load: tuple[str, ...]
    unload: tuple[str, ...]
    is_loaded: tuple[str, ...] = ()


RESCUE_HOST_KEY: Final = "/etc/drawbridge/credentials/rescue-host-key"

SUBJECTS: Final[Mapping[str, Subject]] = {
    "firewall": Subject(
        target=Path("/etc/nftables.d/drawbridge.nft"),
        mode=0o644,
        check=(NFT, "-c", "-f", "/etc/nftables.d/drawbridge.nft"),
        load=(NFT, "-f", "/etc/nftables.d/drawbridge.nft"),
        # twice the same name: deleting a table that is not there fails, and adding one that is there does not
        unload=(NFT, "add table inet edge; delete table inet edge"),
        is_loaded=(NFT, "list chain inet edge input"),
    ),
    "sshd": Subject(
        target=Path("/etc/ssh/sshd_config.d/10-drawbridge.conf"),
        mode=0o644,
        check=("/usr/sbin/sshd", "-t"),
        load=("/usr/bin/systemctl", "try-reload-or-restart", "ssh.service"),
        unload=("/usr/bin/systemctl", "try-reload-or-restart", "ssh.service"),
    ),
    # not "try": an sshd that could not live with the new file is started again with the old one
    "rescue-sshd": Subject(
        target=Path("/etc/ssh/sshd_rescue_config"),
        mode=0o644,
        check=("/usr/sbin/sshd", "-t", "-h", RESCUE_HOST_KEY, "-f", "/etc/ssh/sshd_rescue_config"),
        load=("/usr/bin/systemctl", "reload-or-restart", "rescue-sshd.service"),
        unload=("/usr/bin/systemctl", "stop", "rescue-sshd.service"),
    ),
}
