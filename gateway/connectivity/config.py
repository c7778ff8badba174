"""The settings as the small process has them: checked by ``gateway.settings`` before, so nothing is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """``[connectivity]``, and of ``[bridge]`` the keep's address and port."""

    interface: str
    resolvers: tuple[str, ...]
    resolv_conf: Path
    targets: tuple[str, ...]
    ca_file: Path | None
    names: tuple[str, ...]
    ddns_status: Path
    mirror: str | None
    mirror_port: int
    gateway_sockets: tuple[Path, ...]
    every_s: float
    https_every_s: float
    name_every_s: float
    mirror_every_s: float
    confirm_every_s: float
    broken_every_s: float
    status: Path
    journal: Path
    keep_host: str
    keep_port: int

    @classmethod
    def from_json(cls, sections: Mapping[str, Any]) -> Config:
        """Return the settings from the JSON that ``python -m gateway monitor`` made of the checked ones."""
        values: dict[str, Any] = {
            **sections["connectivity"],
            "keep_host": sections["bridge"]["host"],
            "keep_port": sections["bridge"]["port"],
        }
        for name in ("resolv_conf", "ddns_status", "status", "journal"):
            values[name] = Path(values[name])
        for name in ("resolvers", "targets", "names"):
            values[name] = tuple(values[name])
        values["gateway_sockets"] = tuple(Path(each) for each in values["gateway_sockets"])
        values["ca_file"] = Path(values["ca_file"]) if values["ca_file"] else None
        return cls(**{field.name: values[field.name] for field in fields(cls)})
