"""The ban helper's own server, parser and ledger; the kernel and the file alone are played."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from rescue.bans.clock import SystemClock
from rescue.bans.helper import BanHelper
from rescue.bans.ledger import Ban
from rescue.bans.nft import FirewallMissing
from rescue.bans.requests import ErrorCode, Network, Refused
from rescue.bans.server import Server

SPARED: Final = "198.51.100.9"
"""Whom it never bans."""


@dataclass(frozen=True)
class Helper:
    helper: BanHelper

    @property
    def ledger(self) -> list[Ban]:
        return list(self.helper._ledger)


def _refuse(network: Network, _now: object) -> None:
    if str(network.network_address) == SPARED:
        raise Refused(ErrorCode.PROTECTED, "the owner's")


@asynccontextmanager
async def helper(path: Path, *, has_table: bool = True) -> AsyncIterator[Helper]:
    """Serve a helper at the Unix socket ``path``; ``has_table``: whether there is a firewall."""

    def change(**_what: object) -> None:
        if not has_table:
            raise FirewallMissing

    played: Any = SimpleNamespace(change=change, refuse=_refuse, replace=lambda _content: None)
    made = BanHelper(clock=SystemClock(boot="b"), sets=played, protected=played, file=played)
    server = await asyncio.start_unix_server(Server(made, gid=os.getegid())._connected, str(path), limit=4096)
    try:
        yield Helper(made)
    finally:
        server.close()
