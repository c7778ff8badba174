"""A whole agent as on the RPI3, in a folder: PKI, keys, settings, two databases; and a gateway's client to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.app import Agent
from agent.settings import AgentSettings
from bridge.client.call import Credentials
from bridge.contracts.accounts import SIGN_IN, SignIn, Tokens
from bridge.contracts.operation import Operation, R
from bridge.keys import Keyring, KeyStore, Ring, generate, save_keyring
from bridge.pki import Authority
from bridge.process.clock import SystemClock, utc
from bridge.tls import ReloadingClientTLS
from tests.bridge_pair import Gateway, gateway
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns

EMAIL: Final = "ann@example.org"
PASSWORD: Final = "Correct horse 1"
MAPPING: Final = """
table = "public.entries"
[fields]
id = { columns = "id" }
person = { column = "person" }
symptom = { column = "symptom" }
severity = { column = "severity" }
recorded_at = { column = "at" }
"""
RECORDS: Final = """
CREATE TABLE entries (id int PRIMARY KEY, person text, symptom text, severity int, at timestamptz);
INSERT INTO entries VALUES (1, 'p-1', 'Headache', 4, '2026-05-01T10:00Z'), (2, 'p-2', 'Cough', 2, '2026-05-02T10:00Z');
"""


@dataclass(frozen=True)
class _DoorCertificates:
    client: ReloadingClientTLS


@dataclass(frozen=True)
class Machine:
    """The files and DSNs of one agent. Nothing runs until :meth:`running`."""

    folder: Path
    store: StoreDsns
    source_dsn: str

    @classmethod
    def set_up(cls, folder: Path, store: StoreDsns, source_dsn: str) -> Machine:
        now = utc(SystemClock().time())
        authority = Authority(folder / "pki")
        authority.init(now=now)
        authority.issue_unit("agent", folder / "agent-tls", now=now)
        authority.issue_unit("gateway", folder / "gateway-tls", now=now)
        keyring = Keyring({"gateway": Ring(generate("gateway", now=now))})
        for keys in ("agent-keys", "gateway-keys"):
            save_keyring(folder / keys, keyring)
        (folder / "source.toml").write_text(MAPPING)
        return cls(folder, store, source_dsn)

    def values(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """Return the settings as a file would hold them, ``sections`` in place of the usual ones."""
        return {
            "bridge": {
                "port": 0,
                "tls_dir": str(self.folder / "agent-tls"),
                "keys_dir": str(self.folder / "agent-keys"),
                "reload_s": 0.05,
            },
            "source": {"dsn": self.source_dsn, "mapping": str(self.folder / "source.toml")},
            "store": {"dsn": self.store.agent, "agent_role": AGENT_ROLE},
            "tokens": {"keys_dir": str(self.folder / "tokens")},
            "passwords": {"bcrypt_cost": 4},
        } | sections

    def settings(self, **sections: dict[str, Any]) -> AgentSettings:
        return AgentSettings.model_validate(self.values(**sections))

    def write_config(self, **sections: dict[str, Any]) -> tuple[Path, dict[str, str]]:
        """Write the settings file, and return it with the environment that the secrets are in."""
        values = self.values(**sections)
        secrets: dict[str, str] = {}
        for section, key in (("source", "dsn"), ("store", "dsn"), ("store", "owner_dsn")):
            if key in values[section]:
                values[section] = dict(values[section])
                secrets[f"DRAWBRIDGE_AGENT_{section}__{key}".upper()] = values[section].pop(key)
        path = self.folder / "agent.toml"
        path.write_text(
            "\n".join(
                f"[{section}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in content.items())
                for section, content in values.items()
            )
        )
        return path, secrets

    @asynccontextmanager
    async def running(self, **sections: dict[str, Any]) -> AsyncIterator[Running]:
        """Run the agent, and stop it in order at the end."""
        agent = Agent(self.settings(**sections))
        stopping = asyncio.Event()
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(agent.serve(stopping, listening=listening))
            try:
                async with self.door(await listening) as door:
                    yield Running(agent, door, stopping, serving, listening.result())
            finally:
                stopping.set()

    @asynccontextmanager
    async def door(self, port: int) -> AsyncIterator[Gateway]:
        """Give a gateway's client, with its certificate and its keys."""
        certificates: Any = _DoorCertificates(ReloadingClientTLS(self.folder / "gateway-tls"))
        keys: Any = KeyStore(self.folder / "gateway-keys")
        async with gateway(port, certificates, keys=keys) as door:
            yield door


@dataclass(frozen=True)
class Running:
    agent: Agent
    door: Gateway
    stopping: asyncio.Event
    serving: asyncio.Task[None]
    port: int

    async def call(
        self, operation: Operation[Any, R], credentials: Credentials | None = None, *, key: str = "", **params: object
    ) -> R:
        """Call and return the result as its model."""
        reply = await self.door.client.call(
            operation,
            operation.params.model_validate(params),
            credentials=credentials or Credentials(),
            context=self.door.context(5.0),
            idempotency_key=key,
        )
        return operation.result.model_validate_json(reply.body)

    async def sign_in(self) -> Credentials:
        params = SignIn.model_validate({"email": EMAIL, "password": PASSWORD, "address": "192.0.2.1"})
        reply = await self.door.client.call(
            SIGN_IN, params, credentials=Credentials(), context=self.door.context(5.0), idempotency_key=""
        )
        tokens = Tokens.model_validate_json(reply.body)
        return Credentials(token=tokens.access_token, scope=f"{tokens.user.id}.s.1")
