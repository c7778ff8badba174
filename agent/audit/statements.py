"""The statements of the audit trail."""

from __future__ import annotations

from typing import Final

from agent.db.queries import load

QUERIES: Final = load("agent.audit")
