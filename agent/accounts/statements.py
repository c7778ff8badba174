"""The statements of the ``.sql`` files beside this, loaded once."""

from __future__ import annotations

from typing import Final

from agent.db.queries import load

QUERIES: Final = load("agent.accounts")
