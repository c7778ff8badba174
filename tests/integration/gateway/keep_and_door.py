"""A keep's folders with its agent, which has no databases, and a gateway in front of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bridge.process.http_client import Reply
from bridge.process.http_unix import ask
from gateway.alerts.report import Report
from gateway.serving import Gateway
from gateway.settings import Bridge, Feed, GatewaySettings, Limits, Listen, Protection, Tracing
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import Machine
from tests.waiting import until

NOWHERE: Final = "postgresql://nobody@/none?host=/nonexistent"
SHOW: Final = """Id=agent.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
NRestarts=1
"""
EVENT: Final = Report("rescue.used:restart", "event", "info", "The rescue console was used", host="keep", at=5.0)


@dataclass(frozen=True)
class Hosts:
    """The keep's folders, and the gateway's socket."""

    machine: Machine
    folder: Path

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def socket(self) -> Path:
        return self.folder / "gateway.sock"

    def leave(self, number: int, *, size: int = 0) -> str:
        name = f"{number}-7-0000000a"
        values = json.loads(EVENT.as_json()) | {"detail": "x" * size}
        (self.outbox / f"{name}.json").write_text(json.dumps(values))
        return name

    @property
    def report(self) -> dict[str, str | float]:
        """The agent's section of settings."""
        programs = ("systemctl", "timedatectl")
        return {
            "outbox": str(self.outbox),
            "release": str(self.folder / "current"),
            "bans_socket": str(self.folder / "bans.sock"),
            "kept_s": 0.001,
            **{name: str(self.folder / name) for name in programs},
        }

    @asynccontextmanager
    async def gateway(
        self, port: int, *, limits: Limits | None = None, tracing: Tracing | None = None
    ) -> AsyncIterator[None]:
        settings = GatewaySettings(
            tracing=tracing or Tracing(),
            limits=limits or Limits(),
            protection=Protection(is_on=limits is None),
            listen=Listen(kind="unix", path=self.socket, drain_s=1.0),
            bridge=Bridge(
                port=port,
                tls_dir=self.folder / "gateway-tls",
                keys_dir=self.folder / "gateway-keys",
                connect_timeout_s=0.5,
                feed=Feed(retry_s=0.01, retry_max_s=0.05),
            ),
        )
        stop = asyncio.Event()
        gateway = Gateway(settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(gateway.run(stop))
            try:
                await until(lambda: bool(gateway.addresses), timeout_s=20.0)
                yield
            finally:
                stop.set()

    async def keep(self) -> dict[str, Any]:
        answer = await ask(self.socket, "/health/keep")
        assert answer.status == 200, answer.body
        said: dict[str, Any] = json.loads(answer.body)
        return said

    async def take(self, *ids: str) -> Reply:
        return await ask(self.socket, "/health/keep/taken", method="POST", json=json.dumps({"ids": ids}).encode())


def set_up(tmp_path: Path) -> Hosts:
    machine = Machine.set_up(tmp_path, StoreDsns(NOWHERE, NOWHERE), NOWHERE)
    hosts = Hosts(machine, tmp_path)
    hosts.outbox.mkdir()
    (tmp_path / "show").write_text(SHOW)
    for name, script in (("systemctl", f"cat {tmp_path}/show"), ("timedatectl", "echo yes")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    (tmp_path / "current").symlink_to("releases/1.2.3")
    return hosts
