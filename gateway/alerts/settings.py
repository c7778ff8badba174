"""The settings of the alerts as the monitor gets them: JSON that ``gateway.settings`` has checked, without pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import INBOX

BOOK: Final = Path("/var/lib/drawbridge/monitor/alerts.json")
_PORTS: Final = {"starttls": 587, "tls": 465}


@dataclass(frozen=True, slots=True)
class Email:
    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    shape: str
    url: str
    target: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """``name`` is what messages call this appliance."""

    name: str
    zone: ZoneInfo
    quiet_hours: QuietHours
    email: Email | None = None
    webhook: Webhook | None = None
    inbox: Path = INBOX
    book: Path = BOOK

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Return ``[alerts]`` as ``gateway.settings.plain`` makes JSON of it."""
        zone = ZoneInfo(values["time_zone"])
        email, webhook = values["email"], values["webhook"]
        return cls(
            name=values["name"],
            zone=zone,
            quiet_hours=QuietHours.of(values["quiet_hours"], zone),
            email=_email(email) if email["host"] else None,
            webhook=Webhook(**{**webhook, "token": webhook["token"] or ""}) if webhook["url"] else None,
            inbox=Path(values["inbox"]),
            book=Path(values["book"]),
        )


def _email(values: Mapping[str, Any]) -> Email:
    port = values["port"] or _PORTS[values["security"]]
    return Email(
        **{**values, "port": port, "recipients": tuple(values["recipients"]), "password": values["password"] or ""}
    )
