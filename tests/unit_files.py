"""The unit files of ``systemd/``, as the tests of several folders read them."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
UNITS: Final = ROOT / "systemd"
SANDBOX: Final = UNITS / "sandbox.conf"
HOSTS: Final = ("door", "keep")

_PEER: Final = "192.168.1.3"
_FOREIGN: Final = {
    "door": ("nginx.service", "nftables.service"),
    "keep": ("postgresql.service", "nftables.service"),
}
"""Units of Debian's packages that ours are ordered by."""
_TARGETS: Final = ("basic", "multi-user", "network", "paths", "shutdown", "sockets", "sysinit", "timers", "time-set",
                   "time-sync")  # fmt: skip
_PROGRAMS: Final = (
    "bin/kill", "opt/drawbridge/current/.venv/bin/python", "usr/bin/certbot", "usr/bin/python3",
    "usr/local/lib/drawbridge/show-certificate", "usr/local/sbin/drawbridge-rescue", "usr/sbin/sshd",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file; ``values`` are by (section, key), every assignment in order."""

    path: Path
    values: dict[tuple[str, str], list[str]]

    def all(self, section: str, key: str) -> list[str]:
        return self.values.get((section, key), [])

    def words(self, section: str, key: str) -> list[str]:
        return " ".join(self.all(section, key)).split()

    def one(self, key: str, section: str = "Service") -> str | None:
        found = self.all(section, key)
        return found[-1] if found else None


def read(path: Path) -> UnitFile:
    values: dict[tuple[str, str], list[str]] = defaultdict(list)
    section = ""
    for line in path.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[section, key].append(value)
    return UnitFile(path, dict(values))


def units(kind: str, *folders: str) -> list[UnitFile]:
    """Return every unit of a kind: ``service``, ``socket``, ``timer``."""
    return [read(path) for folder in folders or (*HOSTS, "both") for path in sorted((UNITS / folder).glob(f"*.{kind}"))]


def install(host: str, root: Path) -> Path:
    """Lay the units of ``host`` out in ``root`` as the playbook does, with stand-ins for what is not ours.

    Each service gets the drop-in that the playbook writes, with the other host's address. Returns their folder.
    """
    ours = root / "etc/systemd/system"
    for folder in (host, "both"):
        shutil.copytree(UNITS / folder, ours, dirs_exist_ok=True)  # what a link points to, not the link
    for service in ours.glob("*.service"):
        if read(service).one("IPAddressDeny") and "AF_INET" in read(service).words(
            "Service", "RestrictAddressFamilies"
        ):
            (ours / f"{service.name}.d" / "20-peer.conf").write_text(f"[Service]\nIPAddressAllow={_PEER}\n")
    foreign = root / "usr/lib/systemd/system"
    foreign.mkdir(parents=True)
    for target in _TARGETS:
        (foreign / f"{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    for service_name in _FOREIGN[host]:
        (foreign / service_name).write_text("[Service]\nExecStart=/usr/bin/python3\n")
    for program in _PROGRAMS:
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).touch(mode=0o755)
    return ours
