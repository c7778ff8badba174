"""Every setting of the agent's machine, one module a subject. ``docs/settings.md`` is made of the descriptions here.

The environment's prefix is ``DRAWBRIDGE_AGENT_`` (see :mod:`bridge.process.settings`).
"""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict, model_validator

from agent.settings.accounts import Joining, Limits, Oidc, Passwords, Tokens
from agent.settings.backup import Backup
from agent.settings.mail import Mail, Relay
from agent.settings.report import Report
from agent.settings.serving import (
    Bridge,
    Certificates,
    CredentialSlots,
    Log,
    MachineSlots,
    ProviderSlots,
    Queries,
    Shedding,
    Slots,
    Source,
    Store,
    Tracing,
)
from agent.settings.types import MailAddress, is_mail_address
from bridge.process.settings import Section

PREFIX: Final = "DRAWBRIDGE_AGENT_"

__all__ = [
    "PREFIX",
    "AgentSettings",
    "Backup",
    "BackupSettings",
    "Bridge",
    "Certificates",
    "CredentialSlots",
    "Joining",
    "Limits",
    "Log",
    "MachineSlots",
    "Mail",
    "MailAddress",
    "Oidc",
    "Passwords",
    "ProviderSlots",
    "Queries",
    "Relay",
    "Report",
    "Shedding",
    "Slots",
    "Source",
    "Store",
    "Tokens",
    "Tracing",
    "is_mail_address",
]


class AgentSettings(Section):
    """The agent's settings file; every part but ``store`` may be left out."""

    bridge: Bridge = Bridge()
    certificates: Certificates = Certificates()
    shedding: Shedding = Shedding()
    source: Source = Source()
    store: Store
    queries: Queries = Queries()
    tokens: Tokens = Tokens()
    passwords: Passwords = Passwords()
    limits: Limits = Limits()
    joining: Joining = Joining()
    mail: Mail = Mail()
    oidc: Oidc = Oidc()
    relay: Relay = Relay()
    backup: Backup = Backup()
    report: Report = Report()
    log: Log = Log()
    tracing: Tracing = Tracing()

    @model_validator(mode="after")
    def _sign_up_needs_mail(self) -> AgentSettings:
        if self.joining.sign_up and not self.mail.host:
            msg = "joining.sign_up needs mail.host: an address is confirmed by mail"
            raise ValueError(msg)
        return self


class BackupSettings(Section):
    """The same file as `python -m agent backup` reads it: as another user than the agent, without its secrets."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    backup: Backup = Backup()
