"""The owner's commands over the existing database: ``agent schema inspect`` and ``agent schema check``.

Both read and never write, in one read-only transaction, and print to the terminal alone: samples of records are shown
to the owner who asked, and never logged.
"""

from __future__ import annotations

from agent.apps.health.schema.check import run_check
from agent.apps.health.schema.inspect import run_inspect

__all__ = ["run_check", "run_inspect"]
