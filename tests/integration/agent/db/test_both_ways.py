"""Migrations both ways round: code of before on the store of now, and the store of before brought to now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import trustme
from pydantic import SecretStr

from agent.accounts.statements import QUERIES
from agent.audit import LINKS, OWNER, Entry, Head, TrailBroken, append, erase, verify
from agent.audit.reading import Reader
from agent.db.migrate import check, migrate, migrations
from agent.db.pools import Connection, Pool, PoolOptions, connect
from agent.db.queries import Query, load
from agent.mail.post import Post
from agent.mail.seal import MailKey
from agent.mail.sender import Sender
from agent.mail.upkeep import Upkeep
from agent.settings import Mail, Relay
from bridge.process.clock import SystemClock, utc
from tests.clocks import TurnedClock
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns, dsns_of
from tests.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.postgres import PostgresServer

BEFORE: Final = load("tests.integration.agent.db.before")
KNOWN_WITH_MAIL_AND_AUDIT: Final = migrations()[:4]
"""What the program knew whose statements of the outbox and the audit trail are in ``before``."""

ANN: Final = "ann@example.org"
NOW: Final = datetime(2026, 5, 1, 10, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=7)
HOUR: Final = timedelta(hours=1)

KEY: Final = MailKey(bytes(range(32)))
LINK: Final = "https://box.example.org/#token=old"
SEALED: Final = bytes.fromhex(
    "01aed5636d56e7b027faf531592b67ab3504195bf4dd58bf340660cf089b632f69694a34f25d2ed229d70dd0b03ee0960d71"
    "779da5adb02b2df913e8133f091bfb8da2b1d4876db3c3c58c1b8f0a402c99cfcd1ce0bcc5d91b14df8b8d0edfd9e0035c02"
    "ce768dbd23c3d096754de7c22e3144cb6ba178c4e9ebf7b7d60b0351"
)
"""A mail with :data:`LINK` to :data:`ANN`, of the id 1, as the program of before sealed it with :data:`KEY`."""


def soon() -> float:
    return SystemClock.monotonic() + 5


async def run_before(connection: Connection, name: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement of before."""
    return [tuple(row) for row in await connection.fetch(BEFORE[name].sql, *values, timeout=5)]


@pytest.fixture
async def connection(store_dsns: StoreDsns) -> AsyncIterator[Connection]:
    """Give the agent's own login to a store of now."""
    opened = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    yield opened
    await opened.close(timeout=5)


@pytest.mark.parametrize("query", BEFORE.values(), ids=BEFORE)
async def test_statement_of_before_is_understood_by_the_store_of_now(query: Query, connection: Connection) -> None:
    statement = await connection.prepare(query.sql, timeout=5)
    declared = [
        await connection.fetchval("SELECT $1::text::regtype::oid", parameter.type, timeout=5)
        for parameter in query.parameters
    ]
    assert [parameter.oid for parameter in statement.get_parameters()] == declared


async def test_people_sign_in_and_out_by_the_code_of_before_on_the_store_of_now(connection: Connection) -> None:
    run = partial(run_before, connection)
    [(ann,)] = await run("add_user", "ann@example.org", "Ann", "hash", "admin", "UTC")
    [(found, *_)] = await run("user_by_email", "ANN@example.org")
    assert found == ann
    assert await run("take_attempts", ["k"], [12.0], NOW, HOUR) == []
    session = uuid4()
    await run("start_session", session, ann, b"salt", NOW, LATER)
    [(_, generation, *_)] = await run("session_to_refresh", session)
    await run("rotate_session", session, 1, NOW, LATER)
    assert generation == 0
    await run("add_grant", "ann@example.org", "health", "p-1")
    assert await run("users_state", ann) == [(ann, "admin", True, 1, ["health"], ["p-1"])]
    await run("set_password", "ann@example.org", "other")
    assert await run("session_has_ended", session) == [(True,)]
    await run("set_active", "ann@example.org", False)  # noqa: FBT003 - a parameter of SQL
    [(_, _, is_active, version, *_)] = await run("users_state", ann)
    assert (is_active, version) == (False, 3)
    await run("end_every_session", NOW)
    await run("forget_sessions", LATER)
    await run("forget_attempts", LATER)
    await run("remove_grant", "ann@example.org", "health")
    assert await run("list_grants") == []
    assert [row[1] for row in await run("list_users")] == ["ann@example.org"]


async def test_outbox_is_kept_by_the_code_of_before_on_the_store_of_now(connection: Connection) -> None:
    run = partial(run_before, connection)
    first, second, third = (UUID(int=number) for number in (1, 2, 3))
    what = ("reset_password", ANN, "waiting", b"sealed", "")
    assert await run("add_mail", first, "reset 1", *what, NOW, None) == [(first,)]
    assert await run("add_mail", second, "reset 1", *what, NOW, None) == []
    assert await run("add_mail", second, "reset 2", *what, NOW + 2 * HOUR, None) == [(second,)]
    assert await run("add_mail", third, "reset 3", *what, NOW + 3 * HOUR, NOW + 4 * HOUR) == [(third,)]
    assert await run("next_mail") == [(NOW,)]
    claim = partial(run, "claim_mail")
    assert await claim(NOW, LATER) == [(first, "reset_password", ANN, b"sealed", 0)]
    await run("give_mail_back", first)
    assert await claim(NOW, LATER) == [(first, "reset_password", ANN, b"sealed", 0)]
    await run("recover_mails", NOW, 3)
    assert await claim(NOW, LATER) == [(first, "reset_password", ANN, b"sealed", 1)]
    await run("mail_deferred", first, "451 later", NOW + HOUR)
    assert await claim(NOW + HOUR, LATER) == [(first, "reset_password", ANN, b"sealed", 2)]
    await run("mail_parked", first, "550 no")
    assert await run("mail_by_cause", "reset 1") == [("parked", 3, "550 no")]
    await run("retry_mails", [first], NOW)
    assert await claim(NOW, LATER) == [(first, "reset_password", ANN, b"sealed", 0)]
    await run("mail_sent", first, "250 queued", NOW)
    await run("drop_mails", [second], NOW)
    await run("expire_mails", NOW + 4 * HOUR)
    assert await run("list_mails", False, 10) == []  # noqa: FBT003 - a parameter of SQL
    listed = await run("list_mails", True, 10)  # noqa: FBT003 - a parameter of SQL
    assert [row[:2] for row in listed] == [(first, "sent"), (second, "dropped"), (third, "dropped")]
    await run("forget_mails", LATER)
    assert await run("list_mails", True, 10) == []  # noqa: FBT003 - a parameter of SQL


async def append_before(connection: Connection, ann: UUID, operation: str, payload: str | None) -> Head:
    """Append what Ann did by the statement of before, and return the head after it."""
    salt = digest = None
    if payload is not None:
        salt = bytes(range(16))
        digest = hashlib.sha256(salt + payload.encode()).digest()
    row = await connection.fetchrow(
        BEFORE["append"].sql, NOW, "user", ann, UUID(int=9), operation, "done", "account", str(ann), ann, "0af7",
        digest, salt, payload, timeout=5,
    )  # fmt: skip
    assert row is not None
    return Head(row["number"], row["hash"])


async def test_audit_trail_is_kept_by_the_code_of_before_on_the_store_of_now(connection: Connection) -> None:
    run = partial(run_before, connection)
    [(ann,)] = await run("add_user", ANN, "Ann", "hash", "viewer", "UTC")
    assert isinstance(ann, UUID)
    assert await run("account", ANN.upper()) == [(ann,)]
    first = await append_before(connection, ann, "accounts.sign_in", '{"new":{"address":"192.0.2.1"}}')
    head = await append_before(connection, ann, "accounts.sign_out", None)
    assert await run("head") == [(head.number, head.hash)]
    assert await run("hash_of", first.number) == [(first.hash,)]
    [entry] = await run("one", first.number)
    asked = (NOW, LATER, ann, "account", str(ann), "accounts.sign_in", LATER, head.number)
    assert await run("page", *asked, 10) == [entry]
    looks = await run("looks", ["account"], [str(ann)], LATER, head.number, 10)
    assert [(row[0], row[-1]) for row in looks] == [(head.number, "Ann"), (first.number, "Ann")]
    assert await run("erase", ann) == [(1,)]
    [erased] = await run("one", first.number)
    assert erased == (*entry[:-2], None, True)
    links = await run("links", 0, 10)
    assert [(row[0], row[2]) for row in links] == [(first.number, first.hash), (head.number, head.hash)]


@pytest.mark.story("hub/IH-022.3")
async def test_accounts_of_before_are_whole_when_their_store_was_brought_to_now(
    database: str, migrated_template: str
) -> None:
    assert migrated_template  # the server has the agent's role
    first = migrations()[:1]
    await migrate(database, agent_role=AGENT_ROLE, steps=first)
    connection = await connect(database, application_name="test", timeout_s=5)
    values = ("ann@example.org", "Ann", "hash", "viewer", "Asia/Tokyo")
    ann = await connection.fetchval(BEFORE["add_user"].sql, *values, timeout=5)
    await connection.execute(BEFORE["start_session"].sql, uuid4(), ann, b"salt", NOW, LATER, timeout=5)
    await connection.close(timeout=5)

    applied = await migrate(database, agent_role=AGENT_ROLE)

    assert [migration.number for migration in applied] == [migration.number for migration in migrations()[1:]]
    clock = SystemClock()
    pool = Pool(PoolOptions("owner", database), clock)
    deadline = clock.monotonic() + 5
    profile = await pool.fetchrow(QUERIES["profile"], ann, deadline=deadline)
    wishes = await pool.fetchrow(QUERIES["preferences"], ann, deadline=deadline)
    sessions = await pool.fetch(QUERIES["own_sessions"], ann, NOW, deadline=deadline)
    await pool.close(deadline)
    assert profile is not None
    assert (profile["email"], profile["name"], profile["username"]) == ("ann@example.org", "Ann", None)
    assert (profile["time_zone"], profile["version"]) == ("Asia/Tokyo", 1)
    assert wishes is not None
    assert json.loads(wishes["preferences"]) == {}
    assert len(sessions) == 1


@pytest.fixture
async def store_of_before(database: str, migrated_template: str, postgres_server: PostgresServer) -> StoreDsns:
    """Give the store as the program had it whose statements of the outbox and the audit trail are in ``before``."""
    assert migrated_template  # the server has the agent's role
    await migrate(database, agent_role=AGENT_ROLE, steps=KNOWN_WITH_MAIL_AND_AUDIT)
    return dsns_of(postgres_server, database)


@pytest.fixture
async def pool(store_of_before: StoreDsns) -> AsyncIterator[Pool]:
    """Give the agent's pool on the store of before, which is brought to now meanwhile."""
    opened = Pool(PoolOptions("store", store_of_before.agent), SystemClock())
    yield opened
    await opened.close(soon())


@pytest.fixture
async def agent_of_before(store_of_before: StoreDsns) -> AsyncIterator[Connection]:
    """Give the agent's own login to the store of before, which is brought to now meanwhile."""
    opened = await connect(store_of_before.agent, application_name="test", timeout_s=5)
    yield opened
    await opened.close(timeout=5)


async def bring_to_now(store: StoreDsns) -> None:
    applied = await migrate(store.owner, agent_role=AGENT_ROLE)
    assert applied == migrations()[len(KNOWN_WITH_MAIL_AND_AUDIT) :]


def sender_of_now(server: MailServer, store: StoreDsns, pool: Pool, clock: TurnedClock) -> Sender:
    settings = Mail(
        host="localhost", port=server.port, username=USER, password=SecretStr(PASSWORD), sender="box@example.org",
        site="https://box.example.org",
    )  # fmt: skip
    post = Post(settings, Relay(), tls=server.tls)
    return Sender(settings, post, KEY, pool=pool, dsn=store.agent, clock=clock)


@pytest.mark.story("hub/IH-022.3")
async def test_mails_of_before_are_sent_by_the_code_of_now_when_their_store_was_brought_to_now(
    store_of_before: StoreDsns, agent_of_before: Connection, pool: Pool, turned_clock: TurnedClock
) -> None:
    run = partial(run_before, agent_of_before)

    async def put(number: int, cause: str, sealed: bytes) -> None:
        mail = UUID(int=number)
        added = await run("add_mail", mail, cause, "reset_password", ANN, "waiting", sealed, "", NOW, None)
        assert added == [(mail,)]

    def seal(number: int) -> bytes:
        return KEY.seal(f"To: {ANN}\r\nSubject: mail {number}\r\n\r\n".encode(), UUID(int=number), ANN)

    for number, cause in ((2, "sent"), (3, "parked"), (4, "under way")):
        await put(number, cause, seal(number))
        [(claimed, *_)] = await run("claim_mail", NOW, LATER)
        assert claimed == UUID(int=number)
        if cause == "sent":
            await run("mail_sent", claimed, "250 queued", NOW)
        if cause == "parked":
            await run("mail_parked", claimed, "550 no")
    await put(1, "waits", SEALED)

    await bring_to_now(store_of_before)

    upkeep = Upkeep(pool)
    states = {mail.id.int: mail.state for mail in await upkeep.mails(is_all=True, deadline=soon())}
    assert states == {1: "waiting", 2: "sent", 3: "parked", 4: "sending"}
    await put(5, "put in by the code of before", seal(5))
    async with mail_server(trustme.CA()) as server:
        sender = sender_of_now(server, store_of_before, pool, turned_clock)
        assert await sender._look() == 0
        subjects = {str(message["Subject"]): message for message in server.mailbox.taken}
        assert subjects.keys() == {"A link", "mail 4", "mail 5"}
        assert LINK in subjects["A link"].get_content()
        assert await upkeep.retry(None, utc(turned_clock.time()), deadline=soon()) == 1
        assert await sender._look() == 0
    assert server.mailbox.recipients() == [ANN] * 4
    assert server.mailbox.taken[-1]["Subject"] == "mail 3"
    assert await upkeep.progress("waits", deadline=soon()) == ("sent", 1, "250 2.0.0 queued")
    assert await upkeep.progress("under way", deadline=soon()) == ("sent", 2, "250 2.0.0 queued")
    assert await upkeep.progress("sent", deadline=soon()) == ("sent", 1, "250 queued")
    assert await run("mail_by_cause", "parked") == [("sent", 1, "250 2.0.0 queued")]


@pytest.mark.story("hub/IH-022.3")
async def test_audit_trail_of_before_holds_and_goes_on_when_its_store_was_brought_to_now(
    store_of_before: StoreDsns, agent_of_before: Connection, pool: Pool
) -> None:
    [(ann,)] = await run_before(agent_of_before, "add_user", ANN, "Ann", "hash", "viewer", "UTC")
    assert isinstance(ann, UUID)
    await append_before(agent_of_before, ann, "accounts.sign_in", '{"new":{"address":"192.0.2.1"}}')
    head = await append_before(agent_of_before, ann, "accounts.sign_out", None)

    await bring_to_now(store_of_before)

    async def links(after: int, count: int) -> Sequence[asyncpg.Record]:
        return await pool.fetch(LINKS, after, count, deadline=soon())

    assert (await verify(links, [head])).head == head
    with pytest.raises(TrailBroken, match="witnessed"):
        await verify(links, [Head(head.number, bytes(32))])
    first = await Reader(pool).one(1, deadline=soon())
    assert first is not None
    assert (first.action, first.user_email, first.new_values) == ("accounts.sign_in", ANN, {"address": "192.0.2.1"})
    by_before = await append_before(agent_of_before, ann, "accounts.sign_in", '{"new":{"address":"192.0.2.2"}}')
    async with pool.transaction(soon()) as transaction:
        by_now = await append(transaction, Entry("users.disable", NOW, OWNER, "account", str(ann)))
        assert await erase(transaction, ann, actor=OWNER, at=NOW) == 2
    found = await verify(links, [head, by_before, by_now])
    assert (found.head.number, found.erased) == (by_now.number + 1, 2)
    assert await run_before(agent_of_before, "links", 0, 10) == [tuple(row) for row in await links(0, 10)]


async def test_mail_with_a_link_is_its_accounts_when_its_store_was_brought_to_now(
    database: str, migrated_template: str
) -> None:
    assert migrated_template  # the server has the agent's role
    await migrate(database, agent_role=AGENT_ROLE, steps=migrations()[:12])
    connection = await connect(database, application_name="test", timeout_s=5)
    values = (ANN, "Ann", "hash", "viewer", "Asia/Tokyo")
    ann = await connection.fetchval(BEFORE["add_user"].sql, *values, timeout=5)
    link, sign_up = uuid4(), uuid4()
    for purpose, token, user in (("email", link, ann), ("sign_up", sign_up, None)):
        row = (token.bytes, token, purpose, user, ANN, "{}", NOW, LATER)
        await connection.execute(QUERIES["add_token"].sql, *row, timeout=5)
        mail = (uuid4(), f"{purpose} {token}", "verify_email", row[4], "waiting", b"x", "", NOW, LATER)
        await connection.execute(BEFORE["add_mail"].sql, *mail, timeout=5)

    await migrate(database, agent_role=AGENT_ROLE)

    mails = await connection.fetch("SELECT cause, user_id FROM mails ORDER BY cause", timeout=5)
    await connection.close(timeout=5)
    assert [tuple(row) for row in mails] == [(f"email {link}", ann), (f"sign_up {sign_up}", None)]


async def test_program_of_before_starts_on_the_store_of_now_when_a_release_was_taken_back(
    store_dsns: StoreDsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()[:-1]
    monkeypatch.setattr("agent.db.migrate.migrations", lambda: known)
    assert await migrate(store_dsns.owner, agent_role=AGENT_ROLE) == ()
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    await check(connection)
    await connection.close(timeout=5)


def test_no_migration_that_is_shipped_breaks_the_code_of_before() -> None:
    assert [migration.name for migration in migrations() if migration.breaks_older] == []
