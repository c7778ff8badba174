"""The agent as a whole, called over real mTLS by the gateway's own client."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import trustme

from agent.accounts.passwords import Passwords
from agent.accounts.token_keys import TokenKeys
from agent.accounts.users import NewUser, Users
from agent.app import Agent, _call_rules
from agent.around import telling
from agent.db.migrate import migrate
from agent.db.pools import Pool, PoolOptions
from agent.db.queries import Query
from agent.identity import Identity
from agent.mail.wording import Template
from agent.settings import Passwords as PasswordSettings
from bridge.client.call import Credentials
from bridge.contracts import OPERATIONS, health, system
from bridge.contracts.accounts import CONFIRM_ADMIN, SIGN_IN, SIGN_OUT
from bridge.contracts.operation import Effect, Nothing, Operation, Role, User
from bridge.contracts.system import FeedEvent
from bridge.errors import AppError, Code, Unavailable
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, Answer, CallerContext
from bridge.tls import TLSRefused
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.integration.agent.machine import EMAIL, PASSWORD, RECORDS, Machine, Running
from tests.mail_server import PASSWORD as MAIL_PASSWORD
from tests.mail_server import USER, mail_server
from tests.postgres import PostgresServer
from tests.waiting import until as waiting_until

_LOOK_AGAIN_S: Final = 0.001


def soon() -> float:
    return SystemClock.monotonic() + 5


async def run_sql(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    await connection.execute(sql, timeout=5)
    await connection.close(timeout=5)


async def add_user(store_dsns: StoreDsns, user: NewUser, *, person: str = "") -> None:
    """Make an account, linked to a person of the records where one is given."""
    pool, passwords = (
        Pool(PoolOptions("set-up", store_dsns.agent), SystemClock()),
        Passwords(PasswordSettings(bcrypt_cost=4)),
    )
    users = Users(pool, passwords, SystemClock())
    await users.add(user, PASSWORD, deadline=soon())
    if person:
        await users.add_grant(user.email, "health", person, deadline=soon())
    passwords.close()
    await pool.close(soon())


@pytest.fixture
async def machine(tmp_path: Path, store_dsns: StoreDsns, database: str) -> Machine:
    """Give an agent's machine: records of two persons, and Ann, who is linked to the first."""
    await run_sql(database, RECORDS)
    await add_user(store_dsns, NewUser(email=EMAIL, name="Ann"), person="p-1")
    return Machine.set_up(tmp_path, store_dsns, database)


async def code_of(call: Awaitable[object]) -> Code | None:
    try:
        await call
    except AppError as error:
        return error.code
    return None


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
    """Ask again and again: over the bridge, which does not tell when its answer will be another.

    An answer that took too long is none: this waits for a state, and not for the machine to be quick.
    """
    async with asyncio.timeout(within_s):
        while True:
            try:
                if await condition():
                    return
            except Unavailable as error:
                if error.code is not Code.TIMEOUT:
                    raise
            await asyncio.sleep(_LOOK_AGAIN_S)


async def hears(running: Running) -> bool:
    """Whether changes in the store are heard, so that the feed is open."""
    return running.agent._accounts.directory.is_live


async def is_up(running: Running, *names: str) -> bool:
    status = await running.call(system.STATUS)
    return {part.name for part in status.dependencies if part.state == "up"} >= set(names)


@pytest.mark.story("health/US-BE-38.3")
async def test_person_sees_their_own_records_when_signed_in(machine: Machine) -> None:
    async with machine.running() as running:
        credentials = await running.sign_in()
        page = await running.call(health.LIST, credentials)
        assert [(record.id, record.symptom) for record in page.items] == [("1", "Headache")]
        assert await code_of(running.call(health.LIST)) is Code.UNAUTHENTICATED
        await running.call(SIGN_OUT, credentials, key="key-1")
        assert await code_of(running.call(health.NAMES, credentials)) is Code.SESSION_ENDED


async def test_admin_is_confirmed_by_nobody_but_the_account_when_its_session_stands(
    machine: Machine, store_dsns: StoreDsns
) -> None:
    email = "owner@example.org"
    await add_user(store_dsns, NewUser(email=email, name="Owner", role=Role.ADMIN))
    async with machine.running() as running:
        tokens = await running.call(SIGN_IN, email=email, password=PASSWORD)
        admin = Credentials(tokens.access_token)

        assert await running.call(CONFIRM_ADMIN, admin) == Nothing()
        assert await code_of(running.call(CONFIRM_ADMIN, await running.sign_in())) is Code.FORBIDDEN
        assert await code_of(running.call(CONFIRM_ADMIN)) is Code.UNAUTHENTICATED
        await running.call(SIGN_OUT, admin, key="key-1")
        assert await code_of(running.call(CONFIRM_ADMIN, admin)) is Code.SESSION_ENDED


async def test_status_and_metrics_tell_of_every_part_when_all_is_well(machine: Machine) -> None:
    async with machine.running() as running:
        await until(lambda: is_up(running, "store", "source", "health"))
        await until(lambda: hears(running))
        status = await running.call(system.STATUS)
        assert status.boot == running.agent.boot
        assert [part.reason for part in status.dependencies] == ["", "", ""]
        metrics = (await running.call(system.METRICS)).text
        assert 'agent_query_duration_seconds_count{query="accounts.users_state"}' in metrics
        assert 'agent_pool_connections{pool="store"}' in metrics


async def test_source_is_only_read_when_its_role_might_write(machine: Machine) -> None:
    show = Query("test.show", "SHOW default_transaction_read_only", "Whether a statement could write.")
    async with machine.running() as running:
        pools = (running.agent._health._pool, running.agent._store.pool)
        assert [pool and await pool.fetchval(show, deadline=soon()) for pool in pools] == ["on", "off"]


async def test_feed_tells_within_a_second_when_an_account_or_key_changes(machine: Machine) -> None:
    class Listener:
        def __init__(self) -> None:
            self.events: asyncio.Queue[FeedEvent] = asyncio.Queue()

        def on_feed_event(self, event: FeedEvent) -> None:
            self.events.put_nowait(event)

        def on_feed_gap(self) -> None:
            pass

    listener = Listener()
    async with machine.running() as running:
        await until(lambda: hears(running))
        running.door.feed._listeners = [listener]
        running.door.follow_feed()
        hello = await listener.events.get()
        assert (hello.kind, len(hello.keys)) == ("hello", 1)
        async with asyncio.timeout(1):
            await run_sql(machine.store.owner, "UPDATE users SET is_active = false")
            changed = await listener.events.get()
        assert (changed.kind, len(changed.users)) == ("users_changed", 1)
        keys = TokenKeys(machine.settings().tokens)
        keys.load(0)
        async with asyncio.timeout(1):
            keys.rotate(SystemClock.time())
            running.agent.reload()
            replaced = await listener.events.get()
        assert (replaced.kind, len(replaced.keys)) == ("keys_changed", 2)


@pytest.mark.parametrize("error", [None, TimeoutError()], ids=["a write", "a write that may have been applied"])
async def test_every_gateway_is_told_what_is_untrue_now_when_one_has_it_written(
    machine: Machine, error: Exception | None
) -> None:
    async def write(_context: CallerContext, _params: object) -> Answer:
        if error:
            raise error
        return Answer(b"{}")

    writing = Operation("test.write", Nothing, Nothing, User(), Effect.WRITE, invalidates=frozenset({"b", "a"}))
    agent = Agent(machine.settings())
    agent._accounts.hub.resume()
    told = agent._accounts.hub.subscribe()
    assert (await anext(told)).kind == "hello"
    context = CallerContext(AnonymousCaller(), "0" * 32, "", soon(), "key-1", "")
    with suppress(TimeoutError):
        await telling(writing, write, agent._accounts.hub)(context, Nothing())
    assert await anext(told) == FeedEvent(kind="tags_invalidated", tags=("a", "b"))


async def test_session_that_ends_elsewhere_is_told_when_the_feed_is_open(machine: Machine) -> None:
    async with machine.running() as running:
        credentials = await running.sign_in()
        await until(lambda: hears(running))
        events = running.agent._accounts.hub.subscribe()
        assert (await anext(events)).kind == "hello"
        await run_sql(machine.store.owner, "UPDATE sessions SET ended_at = now()")
        async with asyncio.timeout(1):
            assert len((await anext(events)).sessions) == 1
        assert await code_of(running.call(health.NAMES, credentials)) is Code.SESSION_ENDED
        await events.aclose()  # type: ignore[attr-defined]


async def test_records_are_refused_when_no_source_is_set(machine: Machine) -> None:
    async with machine.running(source={}) as running:
        credentials = await running.sign_in()
        assert await code_of(running.call(health.LIST, credentials)) is Code.APP_DISABLED
        status = await running.call(system.STATUS)
        assert {part.name: (part.state, part.reason) for part in status.dependencies} == {
            "store": ("up", ""),
            "health": ("disabled", "source.dsn is not set"),
        }


async def test_sign_in_goes_on_when_the_mapping_does_not_fit(machine: Machine) -> None:
    (machine.folder / "source.toml").write_text("table = 'nowhere'\n")
    async with machine.running() as running:
        credentials = await running.sign_in()
        assert await code_of(running.call(health.LIST, credentials)) is Code.APP_DISABLED


@pytest.fixture
def late_store(postgres_server: PostgresServer, store_dsns: StoreDsns) -> Iterator[StoreDsns]:
    """Give the DSNs of a store whose database is yet to be made, by ``postgres_server``."""
    old = store_dsns.owner.partition("@/")[2].partition("?")[0]
    yield StoreDsns(*(dsn.replace(f"@/{old}?", "@/late_store?") for dsn in (store_dsns.owner, store_dsns.agent)))
    postgres_server.drop_database("late_store")


@pytest.mark.story("todo/US-1.1", "todo/FR-001")
async def test_agent_is_ready_at_once_and_comes_alive_when_its_store_appears(
    machine: Machine, late_store: StoreDsns, postgres_server: PostgresServer
) -> None:
    machine = Machine(machine.folder, late_store, machine.source_dsn)
    started = SystemClock.monotonic()
    store = {"dsn": late_store.agent, "owner_dsn": late_store.owner, "agent_role": AGENT_ROLE}
    async with machine.running(store=store) as running:
        assert SystemClock.monotonic() - started < 2
        assert await code_of(running.call(SIGN_IN, email=EMAIL, password=PASSWORD)) is Code.DATABASE_UNAVAILABLE
        await asyncio.to_thread(postgres_server.create_database, "late_store")
        await until(lambda: is_up(running, "store"))
        assert await code_of(running.call(SIGN_IN, email=EMAIL, password=PASSWORD)) is Code.BAD_CREDENTIALS


@pytest.mark.story("health/US-BE-25.4")
async def test_agent_says_what_is_missing_when_the_owner_has_yet_to_migrate(
    machine: Machine, database: str, postgres_server: PostgresServer
) -> None:
    name = database.partition("@/")[2].partition("?")[0]
    dsn = postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent")
    async with machine.running(store={"dsn": dsn, "agent_role": AGENT_ROLE}) as running:

        async def is_refused() -> bool:
            parts = (await running.call(system.STATUS)).dependencies
            return "run `agent migrate`" in parts[0].reason

        await until(is_refused)
        assert await code_of(running.call(SIGN_IN, email=EMAIL, password=PASSWORD)) is Code.DATABASE_UNAVAILABLE
        await migrate(database, agent_role=AGENT_ROLE)
        await until(lambda: is_up(running, "store"))
        assert await code_of(running.call(SIGN_IN, email=EMAIL, password=PASSWORD)) is Code.BAD_CREDENTIALS


@pytest.mark.story("health/US-BE-49.4")
async def test_stranger_is_refused_and_logged_when_it_shows_no_certificate(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with machine.running() as running:
        with suppress(OSError):  # TLS 1.3 refuses after its client has finished: an alert, or the end
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context)
            writer.close()
            await reader.read()
        refused = [record for record in caplog.records if record.message == "connection_refused"]
        assert refused[0].__dict__["drawbridge_fields"]["step"] == "no_certificate"


async def test_call_in_flight_ends_well_when_the_agent_stops(machine: Machine) -> None:
    async with machine.running(passwords={"bcrypt_cost": 10}) as running:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(running.sign_in())
            await until(lambda: _in_flight(running))
            running.stopping.set()
        assert call.result().token
        await running.serving
        assert await code_of(running.call(system.STATUS)) in {Code.UNREACHABLE, Code.DRAINING}


async def _in_flight(running: Running) -> bool:
    return running.agent._server.in_flight > 0


async def test_agent_goes_on_and_says_so_when_its_token_keys_are_removed(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with machine.running() as running:
        for path in (machine.folder / "tokens").glob("*.pem"):
            path.unlink()

        async def is_logged() -> bool:
            return "token_keys_refused" in caplog.text

        await until(is_logged)
        assert (await running.sign_in()).token


async def test_old_rows_are_dropped_when_the_hour_comes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.app._HOUSEKEEPING_S", 0.01)
    await run_sql(
        machine.store.owner,
        "INSERT INTO idempotency SELECT 'user:1', 'o', key, 'd', '', '', now() - age"
        " FROM (VALUES ('old', interval '3 h'), ('new', interval '1 h')) AS written (key, age)",
    )

    async def keys() -> list[str]:
        connection = await asyncpg.connect(machine.store.owner, timeout=5)
        rows = await connection.fetch("SELECT key FROM idempotency", timeout=5)
        await connection.close(timeout=5)
        return [row["key"] for row in rows]

    async def has_changed() -> bool:
        return len(await keys()) < 2

    store = machine.values()["store"] | {"idempotency_keep_s": 7200}
    async with machine.running(store=store):
        await until(has_changed)
    assert await keys() == ["new"]


async def test_agent_remembers_as_many_messages_as_it_is_set_to(machine: Machine) -> None:
    bridge = machine.values()["bridge"] | {"replay_processes_max": 1, "replay_window": 8}
    assert _call_rules(machine.settings(bridge=bridge)).replay_window == 8
    async with machine.running(bridge=bridge) as running:
        await running.call(system.STATUS)
        async with machine.door(running.port) as another:
            with pytest.raises(AppError) as refused:
                await another.client.call(
                    system.STATUS, Nothing(), credentials=Credentials(), context=another.context()
                )
    assert refused.value.code is Code.REPLAYED


@pytest.mark.story("hub/IH-017.1")
@pytest.mark.parametrize("source", [{}, {"source": {}}], ids=["with a source", "without"])
async def test_every_operation_but_the_feed_has_a_handler(machine: Machine, source: dict[str, dict[str, str]]) -> None:
    handlers = Agent(machine.settings(**source))._handlers()
    assert {operation.name for operation in handlers} | {"system.feed"} == set(OPERATIONS)


async def test_agent_does_not_start_when_its_certificate_is_missing(machine: Machine) -> None:
    (machine.folder / "agent-tls" / "identity.pem").unlink()
    with pytest.raises(TLSRefused, match=r"identity\.pem"):
        Agent(machine.settings())


async def test_mail_leaves_the_agent_at_once_when_its_cause_is_committed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with mail_server(authority, "tls") as server:
        mail = {
            "host": "localhost", "port": server.port, "security": "tls", "username": USER, "password": MAIL_PASSWORD,
            "sender": "box@example.org", "site": "https://health.example.org", "key_file": str(tmp_path / "mail-key"),
        }  # fmt: skip
        async with machine.running(mail=mail, report={"kept_s": 0.01}) as running:
            await until(lambda: hears(running))
            async with running.agent._store.pool.transaction(soon()) as transaction:
                await running.agent._mailing.outbox.enqueue(
                    transaction, Template.ACCOUNT_EXISTS, to=EMAIL, language="en", values={"link": "/"}, cause="x"
                )
            await waiting_until(lambda: server.mailbox.recipients() == [EMAIL])

            async def is_stored() -> bool:
                await asyncio.sleep(0.05)
                mail = (await running.call(system.REPORT)).mail
                return mail is not None and (mail.waiting, mail.parked) == (0, 0)

            await until(is_stored)


@pytest.mark.parametrize("broken", [f"{Agent.__module__}.open_door", f"{Identity.__module__}.Identity.look_at_files"])
async def test_every_part_is_closed_when_a_start_or_a_task_fails(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Each once, whatever comes of the one before; and no door takes a connection any more."""

    def fail(*_: object) -> None:
        raise LookupError

    closed = []
    agent = Agent(machine.settings())
    for component in agent._components:

        async def close(_deadline: float, *, name: str = type(component).__name__) -> None:
            closed.append(name)
            raise ConnectionError(name)

        monkeypatch.setattr(component, "close", close)
    monkeypatch.setattr(broken, fail)

    with pytest.raises(ConnectionError):
        await agent.serve(asyncio.Event())

    assert closed == [type(component).__name__ for component in reversed(agent._components)]
    if agent.ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", agent.ports[0])
