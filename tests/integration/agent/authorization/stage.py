"""One running agent with accounts of every kind, tokens good and bad, and a note of which handlers were reached."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from agent.accounts.passwords import Passwords
from agent.accounts.token_keys import TokenKeys
from agent.accounts.users import NewUser, Users
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.client.call import Credentials
from bridge.contracts import OPERATIONS
from bridge.contracts.accounts import CONFIRM_ADMIN, SIGN_IN, SIGN_OUT, SignIn, Tokens
from bridge.contracts.operation import Effect, Nothing, Operation, Role, User
from bridge.errors import AppError, Code, Invalid
from bridge.keys import Keyring, KeyStore, Ring, generate, save_keyring
from bridge.pki import Authority
from bridge.process.clock import SystemClock, utc
from bridge.server import Answer, CallerContext, Handler
from bridge.tls import ReloadingClientTLS
from tests.bridge_pair import Gateway, gateway
from tests.examples import example
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import PASSWORD, Machine, Running

MARK: Final = "Zwieselfink"
"""In whatever belongs to Ann, and nowhere else."""

ANNS_RECORD: Final = 8_374_121
ANNS_MOMENT: Final = "2026-03-17T04:05:06"
"""When it was recorded: nothing else was."""

ANNS_ZONE: Final = "Pacific/Chatham"
ANNS_ADDRESS: Final = "198.51.100.77"
_SET_UP: Final = "CREATE TABLE entries (id int PRIMARY KEY, person text, symptom text, severity int, at timestamptz)"
_ADD: Final = "INSERT INTO entries VALUES ($1, $2, $3, 4, $4::text::timestamptz)"
_ALL_OF_ANN: Final = """
SELECT string_agg(line, chr(10) ORDER BY line) FROM (
    SELECT to_jsonb(u)::text FROM users u WHERE id = $1
    UNION ALL SELECT to_jsonb(s)::text FROM sessions s WHERE user_id = $1
    UNION ALL SELECT to_jsonb(g)::text FROM grants g WHERE user_id = $1
    UNION ALL SELECT to_jsonb(f)::text FROM feedback f WHERE user_id = $1
) AS rows (line)
"""
_REACHED: Final = Code.IDEMPOTENCY_MISMATCH  # what no path to a handler raises by itself
_OPEN_LIMITS: Final = {"sign_in_per_account": 100_000, "sign_in_per_address": 100_000}

BAD_TOKENS: Final = (
    "expired", "revoked", "disabled", "wrong issuer", "wrong audience", "wrong key", "unknown key", "none"
)  # fmt: skip
"""Each was an administrator's, or says so: nothing but what is wrong with it stands against it."""


@dataclass(frozen=True)
class _Certificates:
    client: ReloadingClientTLS


@dataclass
class Stage:
    """``tokens`` by what they are called in the tests; ``monitor`` calls with the other unit's certificate."""

    machine: Machine
    running: Running
    monitor: Gateway
    store: Pool
    users: Users
    tokens: dict[str, str] = field(default_factory=dict)
    ann: UUID = field(default_factory=uuid4)
    _emails: dict[UUID, str] = field(default_factory=dict)
    _linked: dict[Role, UUID] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def code(self, name: str, token: str = "", *, door: Gateway | None = None) -> Code | None:
        """Return what the agent refuses a call of ``name`` with; None where it let the call through to its handler."""
        operation = OPERATIONS[name]
        answer = await self.answer(operation, example(operation.params), token, door=door)
        return None if answer is _REACHED or isinstance(answer, bytes) else answer

    async def answer(
        self, operation: Operation[Any, Any], params: BaseModel, token: str = "", *, door: Gateway | None = None
    ) -> Code | bytes:
        """Call over the bridge; no answer is a remembered one."""
        calling = door or self.running.door
        try:
            reply = await calling.client.call(
                operation, params, credentials=Credentials(token), context=calling.context(5.0)
            )
        except AppError as error:
            return error.code
        return reply.body

    async def account(self, role: Role, *, name: str = "Somebody", person: str = "", time_zone: str = "UTC") -> UUID:
        email = f"{name.lower()}-{next(self._numbers)}@example.org"
        new = NewUser(email=email, name=name, role=role, time_zone=time_zone)
        made = await self.users.add(new, PASSWORD, deadline=soon())
        if person:
            await self.users.add_grant(email, "health", person, deadline=soon())
        self._emails[made] = email
        return made

    async def sign_in(self, user_id: UUID) -> str:
        """Return an access token of a new session."""
        email = await self.email(user_id)
        given = {"email": email, "password": PASSWORD, "address": ANNS_ADDRESS if user_id == self.ann else ""}
        answer = await self.answer(SIGN_IN, SignIn.model_validate(given))
        assert isinstance(answer, bytes), answer
        return Tokens.model_validate_json(answer).access_token

    async def email(self, user_id: UUID) -> str:
        return self._emails.get(user_id) or str(await self.fetchval("SELECT email FROM users WHERE id = $1", user_id))

    async def session(self, user_id: UUID) -> str:
        """Return the id of the oldest session of an account that ever signed in."""
        statement = "SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at LIMIT 1"
        return str(await self.fetchval(statement, user_id))

    async def new_session(self, role: Role) -> str:
        """Return an access token of a new session of a linked account, another one where it is no more as it was."""
        with suppress(AssertionError, KeyError):
            return await self.sign_in(self._linked[role])
        self._linked[role] = await self.account(role, person="p-2")
        return await self.sign_in(self._linked[role])

    async def fetchval(self, statement: str, *arguments: object) -> object:
        connection = await asyncpg.connect(self.machine.store.owner, timeout=5)
        try:
            return await connection.fetchval(statement, *arguments, timeout=5)
        finally:
            await connection.close(timeout=5)

    async def records(self) -> int:
        """Return how many records the source has."""
        connection = await asyncpg.connect(self.machine.source_dsn, timeout=5)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM entries", timeout=5))
        finally:
            await connection.close(timeout=5)

    async def anns(self) -> str:
        """Return everything that the store has of Ann, as text, but for what reading leaves."""
        return str(await self.fetchval(_ALL_OF_ANN, self.ann))

    @contextmanager
    def watching(self, *stopped: Effect) -> Iterator[list[str]]:
        """Note which handlers are reached by somebody signed in; those of ``stopped`` effects then do nothing."""
        handlers = self.running.agent._server._handlers
        before = dict(handlers)
        reached: list[str] = []
        for name, (operation, handler) in before.items():
            if handler is not None:
                handlers[name] = (operation, _noted(operation, handler, reached, stop=operation.effect in stopped))
        try:
            yield reached
        finally:
            handlers.update(before)

    async def make_tokens(self) -> None:
        for role in Role:
            self.tokens[role.value] = await self.sign_in(await self.account(role))
        admin = self.tokens["admin"]
        keys = TokenKeys(self.machine.settings().tokens)
        keys.load(SystemClock.time())
        key, now = keys.signer(SystemClock.time()), int(SystemClock.time())
        claims: dict[str, Any] = jwt.decode(admin, options={"verify_signature": False})
        ours, other = key.private, Ed25519PrivateKey.generate()

        def sign(private: object, *, kid: str = key.kid, algorithm: str = "EdDSA", **changed: object) -> str:
            return jwt.encode(claims | changed, private, algorithm=algorithm, headers={"kid": kid})  # type: ignore[arg-type]

        stands = await self.answer(CONFIRM_ADMIN, Nothing(), sign(ours))
        assert isinstance(stands, bytes), stands  # so that what is changed is what is refused
        self.tokens |= {
            "expired": sign(ours, iat=now - 90_000, exp=now - 3_600),
            "wrong issuer": sign(ours, iss="another"),
            "wrong audience": sign(ours, aud="another"),
            "wrong key": sign(other),
            "unknown key": sign(other, kid="20261121T045152Z-mine"),
            "none": sign(None, algorithm="none"),
            "revoked": await self.sign_in(await self.account(Role.ADMIN)),
            "disabled": await self.sign_in(fired := await self.account(Role.ADMIN)),
        }
        out = await self.answer(SIGN_OUT, Nothing(), self.tokens["revoked"])
        assert isinstance(out, bytes), out
        await self.fetchval("UPDATE users SET is_active = false WHERE id = $1", fired)
        async with asyncio.timeout(5):
            while isinstance(await self.answer(CONFIRM_ADMIN, Nothing(), self.tokens["disabled"]), bytes):
                pass  # until the agent has heard of it


def _noted(operation: Operation[Any, Any], handler: Handler, reached: list[str], *, stop: bool) -> Handler:
    async def noted(context: CallerContext, params: object) -> Answer:
        if isinstance(operation.principal, User) or stop:
            reached.append(operation.name)
        if stop:
            raise Invalid(_REACHED)
        return await handler(context, params)

    return noted


def soon() -> float:
    return SystemClock.monotonic() + 5


@asynccontextmanager
async def stage(folder: Path, store: StoreDsns, source_dsn: str) -> AsyncIterator[Stage]:
    """Run an agent with one account of each role, Ann's among them, who alone is linked to records."""
    connection = await asyncpg.connect(source_dsn, timeout=5)
    await connection.execute(_SET_UP, timeout=5)
    records = [(ANNS_RECORD, "p-1", f"{MARK} ache", f"{ANNS_MOMENT}Z"), (2, "p-2", "Cough", "2026-05-01T10:00Z")]
    await connection.executemany(_ADD, records, timeout=5)
    await connection.close(timeout=5)
    machine = _machine(folder, store, source_dsn)
    pool = Pool(PoolOptions("set-up", store.agent, size=2), SystemClock())
    passwords = Passwords(PasswordSettings(bcrypt_cost=4))
    certificates: Any = _Certificates(ReloadingClientTLS(folder / "monitor-tls"))
    keys: Any = KeyStore(folder / "monitor-keys")
    try:
        async with (
            machine.running(limits=_OPEN_LIMITS) as running,
            gateway(running.port, certificates, keys=keys) as monitor,
        ):
            made = Stage(machine, running, monitor, pool, Users(pool, passwords, SystemClock()))
            made.ann = await made.account(Role.VIEWER, name=MARK, person="p-1", time_zone=ANNS_ZONE)
            await made.sign_in(made.ann)
            await made.make_tokens()
            yield made
    finally:
        passwords.close()
        await pool.close(soon())


def _machine(folder: Path, store: StoreDsns, source_dsn: str) -> Machine:
    machine = Machine.set_up(folder, store, source_dsn)
    now = utc(SystemClock().time())
    Authority(folder / "pki").issue_unit("monitor", folder / "monitor-tls", now=now)
    rings = {unit: Ring(generate(unit, now=now)) for unit in ("gateway", "monitor")}
    save_keyring(folder / "agent-keys", Keyring(rings))
    for unit, ring in rings.items():
        save_keyring(folder / f"{unit}-keys", Keyring({unit: ring}))
    return machine
