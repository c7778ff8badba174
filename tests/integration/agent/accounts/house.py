"""A whole appliance but for nginx, in one process: what is asked over HTTP goes through the bridge to a real store."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiohttp import ClientSession, DummyCookieJar, UnixConnector
from multidict import CIMultiDict

from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser, Users
from agent.audit import LINKS, Verified, verify
from agent.db.pools import Pool, PoolOptions
from agent.db.queries import Query
from agent.mail.seal import MailKey
from agent.settings import Passwords as PasswordSettings
from bridge.contracts.operation import Role
from bridge.process.clock import SystemClock
from gateway.settings import Limits, Tracing
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import PASSWORD, Machine, Running
from tests.integration.gateway.keep_and_door import Hosts

ANN: Final = NewUser(email="ann@example.org", name="Ann", role=Role.VIEWER, time_zone="Europe/London")
BOB: Final = NewUser(email="bob@example.org", name="Bob", role=Role.TECHNICIAN)
EVE: Final = NewUser(email="eve@example.org", name="Eve", role=Role.ADMIN)
MANY: Final = {"sign_in_per_account": 1000, "sign_in_per_address": 1000, "mails_per_address": 1000}


@dataclass(frozen=True)
class Said:
    """An answer. ``body`` is what its JSON says, its text where it is none of that, and None where there is none."""

    status: int
    body: Any
    headers: CIMultiDict[str]

    @property
    def wrong(self) -> list[str]:
        """The names of the inputs that a problem finds wrong."""
        return [error["name"] for error in self.body["fields"]]


@dataclass
class Caller:
    """Somebody with a token, or with none."""

    http: ClientSession
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return str(self.tokens.get("access_token", ""))

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        async with self.http.request(method, f"http://localhost{path}", json=body, headers=headers) as response:
            content = await response.read()
            is_json = response.content_type.endswith("json")
            said = None if not content else json.loads(content) if is_json else content.decode()
            return Said(response.status, said, CIMultiDict(response.headers))

    async def get(self, path: str) -> Said:
        return await self.ask("GET", path)

    async def put(self, path: str, body: object) -> Said:
        return await self.ask("PUT", path, body)

    async def post(self, path: str, body: object = None) -> Said:
        return await self.ask("POST", path, body)

    async def delete(self, path: str) -> Said:
        return await self.ask("DELETE", path)


@dataclass
class House:
    machine: Machine
    running: Running
    http: ClientSession
    owner: Pool
    users: Users

    async def people(self, *users: NewUser) -> None:
        """Let there be these accounts, and no others."""
        await self.run("""
            WITH u AS (DELETE FROM users), l AS (DELETE FROM limits), i AS (DELETE FROM idempotency),
                 t AS (DELETE FROM one_time_tokens WHERE user_id IS NULL) DELETE FROM mails
        """)
        for user in users:
            await self.users.add(user, PASSWORD, deadline=soon())

    async def run(self, statement: str) -> list[asyncpg.Record]:
        """Run a statement as the store's owner."""
        return await self.owner.fetch(Query("test.statement", statement, "What a test needs."), deadline=soon())

    @property
    def nobody(self) -> Caller:
        return Caller(self.http)

    async def sign_in(self, user: NewUser, password: str = PASSWORD) -> Caller:
        caller = self.nobody
        said = await caller.post("/auth/login", {"email": user.email, "password": password})
        assert said.status == 200, said
        caller.tokens = said.body
        return caller

    @staticmethod
    def soon() -> float:
        return soon()

    async def verify_trail(self) -> Verified:
        """Verify the audit trail. Raises TrailBroken."""

        async def fetch(after: int, count: int) -> list[asyncpg.Record]:
            return await self.owner.fetch(LINKS, after, count, deadline=soon())

        return await verify(fetch)

    async def mails(self, to: str) -> list[Letter]:
        """Return the mails that wait for an address, oldest first."""
        key = MailKey.load(self.machine.folder / "mail.key")
        found = await self.run("SELECT id, recipient, sealed FROM mails WHERE sealed IS NOT NULL ORDER BY created_at")
        return [
            _letter(key.open(row["sealed"], row["id"], row["recipient"])) for row in found if row["recipient"] == to
        ]

    async def link(self, to: str) -> str:
        """Return the token of the link in the last mail to an address."""
        return (await self.mails(to))[-1].token


@dataclass(frozen=True)
class Letter:
    """A mail as it is read."""

    subject: str
    text: str

    @property
    def token(self) -> str:
        found = re.search(r"https://home\.example\.org/[a-z-]+\?token=([A-Za-z0-9_-]{43})\s", self.text)
        assert found is not None, self.text
        return found[1]


def _letter(content: bytes) -> Letter:
    message = message_from_bytes(content, policy=SMTP)
    part = message.get_body(("plain",))
    assert part is not None
    return Letter(str(message["Subject"]), part.get_content())


@asynccontextmanager
async def open_house(folder: Path, store: StoreDsns, **sections: dict[str, Any]) -> AsyncIterator[House]:
    machine = Machine.set_up(folder, store, "postgresql://nobody@/none?host=/nonexistent")
    mail = {
        "host": "127.0.0.1", "port": 1, "sender": "keep@example.org", "site": "https://home.example.org",
        "key_file": str(folder / "mail.key"),
    }  # fmt: skip
    usual: dict[str, dict[str, Any]] = {"source": {}, "limits": MANY, "mail": mail, "joining": {"sign_up": True}}
    settings = usual | sections
    hosts = Hosts(machine, folder)
    limits = Limits(
        account_per_minute=10_000, address_per_minute=10_000, address_total_per_minute=10_000, sign_in_per_minute=10_000
    )
    clock = SystemClock()
    owner = Pool(PoolOptions("owner", store.owner, size=2), clock)
    passwords = Passwords(PasswordSettings(bcrypt_cost=4))
    try:
        tracing = Tracing.model_validate(sections.get("tracing", {}))
        async with (
            machine.running(**settings) as running,
            hosts.gateway(running.port, limits=limits, tracing=tracing),
        ):
            connector = UnixConnector(str(hosts.socket))
            async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as http:
                yield House(machine, running, http, owner, Users(owner, passwords, clock))
    finally:
        passwords.close()
        await owner.close(soon())


def soon() -> float:
    return SystemClock.monotonic() + 3
