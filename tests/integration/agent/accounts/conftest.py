"""The accounts on a real store, with a clock that tests turn, and a directory that hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from agent.accounts.access_tokens import AccessTokens
from agent.accounts.attempts import Attempts
from agent.accounts.authentication import Authentication
from agent.accounts.changing_passwords import ChangingPasswords
from agent.accounts.directory import Directory, Listeners
from agent.accounts.feedback import Feedback
from agent.accounts.leaving import Leaving
from agent.accounts.operations import Sessions
from agent.accounts.own_account import OwnAccount
from agent.accounts.passwords import Passwords
from agent.accounts.people import Parts, People
from agent.accounts.recovery import Recovery
from agent.accounts.token_keys import TokenKeys
from agent.accounts.users import NewUser, Users
from agent.db.idempotency import IdempotentWrites
from agent.db.listen import ListenRule, listen
from agent.db.pools import Pool
from agent.mail.outbox import Outbox
from agent.settings import Joining, Limits, Mail, Tokens
from agent.settings import Passwords as PasswordSettings
from bridge.contracts.accounts import Refresh, SignIn
from bridge.contracts.accounts import Tokens as TokensAnswer
from bridge.contracts.operation import Nothing, Role
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, CallerContext, UserCaller
from tests.clocks import TurnedClock
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, open_house
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.postgres import PostgresServer

EMAIL = "Ann@Example.org"
PASSWORD = "Correct horse 1"


@dataclass
class Told:
    """What the directory told others."""

    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    suspended: asyncio.Event = field(default_factory=asyncio.Event)
    users: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    sessions: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    @property
    def listeners(self) -> Listeners:
        return Listeners(self.resumed.set, self.suspended.set, self.users.put_nowait, self.sessions.put_nowait)


@dataclass
class Accounts:
    """One agent's accounts, and shorthands for what people do with them."""

    store: Pool
    clock: TurnedClock
    directory: Directory
    told: Told
    sessions: Sessions
    users: Users
    authentication: Authentication
    tokens: AccessTokens
    passwords: Passwords
    own_account: OwnAccount
    changing_passwords: ChangingPasswords
    recovery: Recovery
    leaving: Leaving
    feedback: Feedback
    ann: UUID

    async def sign_in(
        self, password: str = PASSWORD, *, email: str = EMAIL, address: str = "192.0.2.1"
    ) -> TokensAnswer:
        params = SignIn.model_validate({"email": email, "password": password, "address": address})
        return TokensAnswer.model_validate_json((await self.sessions.sign_in(anonymous(), params)).body)

    async def refresh(self, token: str) -> TokensAnswer:
        params = Refresh.model_validate({"refresh_token": token})
        return TokensAnswer.model_validate_json((await self.sessions.refresh(anonymous(), params)).body)

    async def sign_out(self, access_token: str) -> None:
        caller = await self.authentication.authenticate(access_token)
        context = CallerContext(caller, "0" * 32, "", soon(), "key-1", "sha-256=:x:")
        assert (await self.sessions.sign_out(context, Nothing())).body == b"{}"

    async def caller(self, access_token: str) -> UserCaller:
        return await self.authentication.authenticate(access_token)


def soon() -> float:
    return SystemClock.monotonic() + 3


def anonymous() -> CallerContext:
    return CallerContext(AnonymousCaller(), "0" * 32, "", soon(), "", "sha-256=:x:")


@pytest.fixture
async def accounts(store: Pool, tmp_path: Path, turned_clock: TurnedClock) -> AsyncIterator[Accounts]:
    """Give accounts with one user, Ann; nothing is heard yet (see ``hearing``)."""
    settings = Tokens(keys_dir=tmp_path / "tokens")
    keys = TokenKeys(settings)
    keys.load(turned_clock.time())
    tokens = AccessTokens(keys, settings)
    told = Told()
    directory = Directory(store, turned_clock, access_s=settings.access_s, listeners=told.listeners)
    passwords = Passwords(PasswordSettings(bcrypt_cost=4))
    writes = IdempotentWrites(store, keep_s=60)
    attempts = Attempts(store, Limits())
    sessions = Sessions(
        pool=store,
        writes=writes,
        passwords=passwords,
        attempts=attempts,
        keys=keys,
        tokens=tokens,
        directory=directory,
        settings=settings,
        clock=turned_clock,
    )
    users = Users(store, passwords, turned_clock)
    mail = Mail(host="127.0.0.1", port=1, sender="a@example.org", site="https://a.example.org", key_file=tmp_path / "k")
    people = People(
        Parts(
            pool=store,
            writes=writes,
            passwords=passwords,
            attempts=attempts,
            sessions=sessions,
            directory=directory,
            outbox=Outbox(mail, turned_clock),
            settings=Joining(),
            clock=turned_clock,
        )
    )
    ann = NewUser(email=EMAIL, name="Ann", role=Role.TECHNICIAN, time_zone="Europe/London")
    yield Accounts(
        store=store,
        clock=turned_clock,
        directory=directory,
        told=told,
        sessions=sessions,
        users=users,
        authentication=Authentication(tokens, directory, turned_clock),
        tokens=tokens,
        passwords=passwords,
        own_account=people.own_account,
        changing_passwords=people.changing_passwords,
        recovery=people.recovery,
        leaving=people.leaving,
        feedback=people.feedback,
        ann=await users.add(ann, PASSWORD, deadline=soon()),
    )
    passwords.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_house(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Give one appliance to all tests of a module: it takes a second to start."""
    with postgres_server.fresh_database(template=migrated_template) as owner:
        name = owner.partition("@/")[2].partition("?")[0]
        dsns = StoreDsns(owner=owner, agent=postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent"))
        async with open_house(tmp_path_factory.mktemp("house"), dsns) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def house(one_house: House) -> House:
    """Give the appliance with Ann (viewer), Bob (technician) and Eve (administrator), and nobody else."""
    await one_house.people(ANN, BOB, EVE)
    return one_house


class Ears:
    """Lets the directory hear, and be deaf again."""

    def __init__(self, dsn: str, accounts: Accounts, tasks: asyncio.TaskGroup) -> None:
        self._dsn = dsn
        self._accounts = accounts
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        rule = ListenRule(check_s=0.1, retry_s=0.01)
        self._task = self._tasks.create_task(listen(self._dsn, self._accounts.directory.hearing, rule))
        await self._accounts.told.resumed.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


@pytest.fixture
def agent_dsn(store_dsns: StoreDsns) -> str:
    return store_dsns.agent
