"""The keep as it is on the RPI3: a real PostgreSQL and the real agent's process, reached through proxies.

:class:`Stage` is what one test run shares (the server, its databases, the PKI); :class:`Keep` is one agent on it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

import asyncpg

from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser, Users
from agent.db.migrate import migrate
from agent.db.pools import Pool, PoolOptions
from agent.settings import PREFIX
from agent.settings import Passwords as PasswordSettings
from bridge.process.clock import SystemClock, utc
from demo.databases import SOURCE, STORE, Logins, provide_store
from demo.door import free_port
from demo.installation import Installation
from demo.postgres import EmbeddedPostgres
from demo.processes import DemoError
from tests.adversity import clock
from tests.adversity.agent import Mitigation
from tests.adversity.clock import ClockHand
from tests.adversity.counting import TABLE_SQL
from tests.adversity.disk import Disk
from tests.adversity.post import PostOffice
from tests.adversity.process import Process, overrides
from tests.adversity.proxy import Proxy

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

MAPPING: Final = Path(__file__).with_name("source.toml")
PASSWORD: Final = "Adversity-1"

_SOURCE_SQL: Final = Path(__file__).with_name("source.sql")
_SOCKET: Final = ".s.PGSQL.5432"
_STATEMENT_S: Final = 10.0
_SETTINGS: Final[dict[str, object]] = {
    "bridge.reload_s": 0.1,
    "passwords.bcrypt_cost": 4,
    "limits.sign_in_per_address": 1000,
}
"""So that no test waits for what is not its subject."""


class Stage:
    """A PostgreSQL server with both databases on a disk of its own, and certificates and keys to copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installation = Installation(folder / "installation")
        self.disk = Disk(folder / "postgres")
        self.postgres = EmbeddedPostgres(self.disk.folder, durable=False)
        self._stack = ExitStack()
        self._logins: Logins | None = None

    def __enter__(self) -> Self:
        """Start. Call it from the main thread. Raises DemoError where there is no PostgreSQL."""
        self.folder.chmod(0o711)  # the server's user passes through
        self._stack.enter_context(self.disk)
        self._stack.callback(self.postgres.stop)
        self.postgres.start()
        now = utc(SystemClock().time())
        self.installation.claim("adversity")
        self.installation.issue_certificates(now)
        self.installation.make_keys(now)
        asyncio.run(self._fill())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def logins(self) -> Logins:
        assert self._logins is not None, "the stage is not set"
        return self._logins

    @property
    def is_running(self) -> bool:
        try:
            return self.postgres.child.is_running
        except DemoError:
            return False

    @asynccontextmanager
    async def connect(self, database: str) -> AsyncIterator[Connection]:
        """Give a superuser's connection that no proxy is in the way of."""
        connection = await asyncpg.connect(self.postgres.dsn(database), timeout=_STATEMENT_S)
        try:
            yield connection
        finally:
            await connection.close(timeout=_STATEMENT_S)

    async def in_source(self, statement: str, *args: object) -> Any:  # noqa: ANN401 - as the row says
        """Run a statement in the existing database, as its owner might."""
        async with self.connect(SOURCE) as connection:
            return await connection.fetchval(statement, *args, timeout=_STATEMENT_S)

    def connect_to_store(self) -> AbstractAsyncContextManager[Connection]:
        return self.connect(STORE)

    async def in_store(self, statement: str, *args: object) -> Any:  # noqa: ANN401 - as the row says
        async with self.connect_to_store() as connection:
            return await connection.fetchval(statement, *args, timeout=_STATEMENT_S)

    async def set_drag(self, seconds: float) -> None:
        """Make every question to the existing database take so long."""
        await self.in_source("UPDATE drag SET seconds = $1", seconds)

    async def running_queries(self) -> int:
        """How many statements on records PostgreSQL is running for an agent."""
        return int(
            await self.in_source(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'drawbridge-source' AND state = 'active'"
            )
        )

    async def connections(self, pool: str) -> int:
        """How many connections PostgreSQL has from an agent's ``pool``."""
        return int(
            await self.in_source(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", f"drawbridge-{pool}"
            )
        )

    async def add_user(self, person: str = "ada") -> str:
        """Make an account that may see ``person``'s records; return its e-mail. The password is PASSWORD."""
        clock = SystemClock()
        email = f"{uuid4()}@example.org"
        pool = Pool(PoolOptions("command", self.logins.agent, size=1), clock)
        passwords = Passwords(PasswordSettings(bcrypt_cost=4))
        deadline = clock.monotonic() + _STATEMENT_S
        try:
            users = Users(pool, passwords, clock)
            await users.add(NewUser(email=email, name="Somebody"), PASSWORD, deadline=deadline)
            await users.add_grant(email, "health", person, deadline=deadline)
        finally:
            passwords.close()
            await pool.close(deadline)
        return email

    async def clear(self) -> None:
        """Undo what a test did to PostgreSQL, and end what a killed agent left there."""
        self.disk.free()
        if not self.is_running:
            self.postgres.stop()  # it may have ended by itself, and left its lock
            self.postgres.start()
        await self.in_source(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'drawbridge-%'"
        )
        await self.in_source("ALTER VIEW IF EXISTS entries_renamed RENAME TO entries")
        await self.set_drag(0)
        await self.in_store("DELETE FROM mails")

    async def _fill(self) -> None:
        self._logins = await provide_store(self.postgres)
        await migrate(self._logins.owner, agent_role="drawbridge_agent")
        async with self.connect("postgres") as connection:
            await connection.execute(f"CREATE DATABASE {SOURCE}", timeout=_STATEMENT_S)
        async with self.connect(SOURCE) as connection:
            await connection.execute(_SOURCE_SQL.read_text("utf-8"), timeout=_STATEMENT_S)
        async with self.connect(STORE) as connection:
            await connection.execute(TABLE_SQL, timeout=_STATEMENT_S)


@dataclass(kw_only=True)
class Keep(Process):
    """The agent's process. Its ways to PostgreSQL lead through ``database``; ``hand`` moves its clocks, where asked."""

    installation: Installation
    database: Proxy
    port: int
    hand: ClockHand | None = None

    @property
    def clock(self) -> ClockHand:
        assert self.hand is not None, "the setup does not move clocks"
        return self.hand


@asynccontextmanager
async def keep(
    stage: Stage,
    *,
    settings: Mapping[str, object] | None = None,
    without: Mitigation = Mitigation.NOTHING,
    office: PostOffice | None = None,
    moves_clock: bool = False,
) -> AsyncIterator[Keep]:
    """Give a running agent with its own copies of certificates and keys.

    ``settings`` are laid over its own; ``without`` is what it runs without; where its mail goes is ``office``.
    """
    await stage.clear()
    folder = stage.folder / uuid4().hex[:8]
    shutil.copytree(stage.installation.folder, folder)
    installation, port = Installation(folder), free_port()
    near = stage.folder / f"{folder.name}-database"
    near.mkdir(mode=0o700)
    credentials = {**_credentials(stage, near), **(office.credentials if office else {})}
    installation.write_agent(port=port, mapping=MAPPING, credentials=credentials)
    arguments = ["tests.adversity.agent", without.value, "serve", "--config", str(installation.agent / "agent.toml")]
    variables = {"CREDENTIALS_DIRECTORY": str(installation.agent / "credentials")}
    variables |= overrides(PREFIX, {**_SETTINGS, **(office.settings if office else {}), **(settings or {})})
    variables |= office.variables if office else {}
    hand = ClockHand(folder / "clock") if moves_clock else None
    if hand is not None:
        variables[clock.VARIABLE] = str(hand.file)
    async with Proxy(near / _SOCKET, stage.postgres.socket_folder / _SOCKET) as database:
        with ExitStack() as stack:
            made = Keep(
                name="the agent",
                arguments=arguments,
                variables=variables,
                log_file=folder / "agent.log",
                stack=stack,
                installation=installation,
                database=database,
                port=port,
                hand=hand,
            )
            made.start()
            yield made


def _credentials(stage: Stage, near: Path) -> dict[str, str]:
    """Return the agent's DSNs, leading through the proxy's folder."""
    direct, proxied = quote(str(stage.postgres.socket_folder)), quote(str(near))
    named = {"source.dsn": stage.logins.source, "store.dsn": stage.logins.agent}
    return {name: dsn.replace(direct, proxied) for name, dsn in named.items()}
