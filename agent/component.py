"""What the agent is made of: parts of one shape, which ``app.py`` starts and stops without knowing what they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.contracts.operation import Operation
from bridge.server import Handler

Handlers = Mapping[Operation[Any, Any], Handler]


class Component:
    """One part. Each has the methods that it has something to do in, and leaves the others as they are here.

    ``run`` begins once the agent listens. At the end, and in this order: no call is under way any more, ``finish``,
    ``run`` is cancelled, ``close``.
    """

    @property
    def handlers(self) -> Handlers:
        """The operations that it carries out."""
        return {}

    async def run(self) -> None:
        """Do what goes on beside the calls. May return at once, or never."""

    def look_at_files(self) -> None:
        """Take up keys and certificates that were replaced; called every ``bridge.reload_s`` and on SIGHUP."""

    async def forget_old(self, deadline: float) -> None:
        """Drop what nothing depends on any more; called once an hour. Raises AppError: it is tried the next time."""

    async def finish(self) -> None:
        """End what should not be broken off."""

    async def close(self, deadline: float) -> None:
        """Give back what is held open, also after a start that failed half-way."""
