"""Which host this is, where the other one is, and where things lie.

``/etc/drawbridge/rescue.toml``::

    host = "keep"            # or "door"
    peer = "192.168.1.4"     # the other one's address
"""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

SETTINGS_FILE: Final = Path("/etc/drawbridge/rescue.toml")
RESCUE_USER: Final = "rescue"
RESCUE_PORT: Final = 2222


class Host(StrEnum):
    DOOR = "door"
    KEEP = "keep"

    @property
    def other(self) -> Host:
        return Host.KEEP if self is Host.DOOR else Host.DOOR


class SettingsError(ValueError):
    """The settings file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    host: Host
    peer: str


def load_settings(path: Path = SETTINGS_FILE) -> Settings:
    """Read the settings. Raises :class:`SettingsError`."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        msg = f"{path}: {error.strerror}; the playbook writes it"
        raise SettingsError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise SettingsError(msg) from error
    if unknown := values.keys() - {"host", "peer"}:
        msg = f"{path}: unknown key {', '.join(sorted(unknown))}"
        raise SettingsError(msg)
    try:
        return Settings(Host(values["host"]), str(ipaddress.ip_address(values["peer"])))
    except KeyError as error:
        msg = f"{path}: {error.args[0]} is missing"
        raise SettingsError(msg) from error
    except ValueError as error:
        msg = f"{path}: host must be door or keep, and peer an IP address: {error}"
        raise SettingsError(msg) from error


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie on a host (docs/appliance.md)."""

    opt: Path = Path("/opt/drawbridge")
    etc: Path = Path("/etc/drawbridge")
    state: Path = Path("/var/lib/drawbridge")
    run: Path = Path("/run/drawbridge")
    log: Path = Path("/var/log/drawbridge")
    web_log: Path = Path("/var/log/nginx")

    @property
    def release(self) -> Path:
        return self.opt / "current"

    @property
    def python(self) -> Path:
        return self.release / ".venv" / "bin" / "python"

    @property
    def credentials(self) -> Path:
        return self.etc / "credentials"

    @property
    def keys_file(self) -> Path:
        """Who may log in to the rescue sshd."""
        return self.etc / "rescue_keys"

    @property
    def known_hosts(self) -> Path:
        """The other host's key, under its role's name: ``door ssh-ed25519 …``."""
        return self.etc / "rescue_known_hosts"

    @property
    def socket(self) -> Path:
        return self.run / "rescue.sock"

    @property
    def audit(self) -> Path:
        return self.log / "rescue.jsonl"

    @property
    def locked(self) -> Path:
        """On the keep: there while the door is locked out, with when and by whom."""
        return self.state / "door-locked"

    @property
    def held(self) -> Path:
        """On the keep: there while ``agent.service`` must not start (a drop-in's ConditionPathExists)."""
        return self.state / "agent-held"


USUAL_PATHS: Final = Paths()
