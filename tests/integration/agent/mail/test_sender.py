"""From the outbox to a real mail server: everything once, and nothing lost."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
import trustme
from pydantic import SecretStr

from agent.db.listen import Hearing, listen
from agent.db.pools import Pool, connect
from agent.mail.claims import MOVED, AnotherSends, claims
from agent.mail.outbox import CHANNEL
from agent.mail.seal import MailKey
from agent.mail.statements import QUERIES
from agent.settings import Relay
from bridge.process.clock import SystemClock, utc
from gateway.relay.relay import Relay as GatewayRelay
from gateway.settings import Relay as RelaySettings
from tests.integration.agent.mail.conftest import ANN, LINK, Sending, rows, running
from tests.listener import listening
from tests.mail_server import PASSWORD, Mailbox, MailServer, Security, mail_server
from tests.waiting import until

BOTH: tuple[Security, ...] = ("starttls", "tls")


@pytest.mark.story("hub/IH-027.3", "tasks/US-BE-5.4.1", "tasks/US-BE-5.7.3")
@pytest.mark.parametrize("security", BOTH)
async def test_mail_arrives_and_is_erased_when_the_server_takes_it(
    authority: trustme.CA, sending: Sending, security: Security
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority, security) as server:
        assert await sending.sender(server, security=security)._look() == 0
    (message,) = server.mailbox.taken
    (row,) = await rows(sending.dsns)
    assert (row["state"], row["tries"], row["sealed"], row["reason"]) == ("sent", 1, None, "250 2.0.0 queued")
    assert message["To"] == ANN
    assert message["Message-ID"] == f"<{row['id']}@example.org>"
    body = message.get_body(("plain",))
    assert body is not None
    assert f"https://health.example.org{LINK}" in body.get_content()


async def nothing(*_: object) -> None:
    pass


async def test_mail_leaves_at_once_when_it_is_put_in_while_the_sender_runs(
    authority: trustme.CA, sending: Sending
) -> None:
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        hearing = Hearing(nothing, nothing, lambda: None, {CHANNEL: sender.wake})
        async with running(sender.run(), listen(sending.dsns.agent, hearing)):
            for number in range(3):
                await sending.put(f"reset {number}")
                await until(lambda number=number: len(server.mailbox.taken) == number + 1)  # type: ignore[misc]


async def test_mails_share_a_connection_when_several_wait(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1", "reset 2", "reset 3")
    async with mail_server(authority) as server:
        await sending.sender(server)._look()
    assert len(server.mailbox.taken) == 3
    assert server.mailbox.sessions == 1


@pytest.mark.story("tasks/US-BE-5.4.3")
async def test_mail_is_tried_thrice_and_parked_when_the_server_says_later(
    authority: trustme.CA, sending: Sending
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        server.mailbox.rcpt = lambda _address: "451 4.7.1 Greylisted"
        seen = []
        for wait_s in (60, 900, 0):
            await sender._look()
            seen.append((await sending.states())["reset 1"])
            assert await sender._look() == pytest.approx(min(wait_s, 60) or 60)
            sending.clock.advance(wait_s)
    assert seen == [("waiting", 1), ("waiting", 2), ("parked", 3)]
    (row,) = await rows(sending.dsns)
    assert row["reason"] == "451 4.7.1 Greylisted"
    assert row["sealed"] is not None


@pytest.mark.story("tasks/US-BE-5.4.3")
async def test_deferred_mail_arrives_under_the_same_id_when_it_is_tried_again(
    authority: trustme.CA, sending: Sending
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        sender = sending.sender(server)

        server.mailbox.data = lambda: "421 4.3.0 shutting down"
        await sender._look()
        assert (await sending.states())["reset 1"] == ("waiting", 1)
        server.mailbox.data = lambda: None
        sending.clock.advance(60)
        await sender._look()
    (row,) = await rows(sending.dsns)
    assert [message["Message-ID"] for message in server.mailbox.taken] == [f"<{row['id']}@example.org>"]
    assert row["state"] == "sent"


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_mail_is_parked_and_others_arrive_when_the_server_refuses_it(
    authority: trustme.CA, sending: Sending, stage: str
) -> None:
    await sending.put("reset 1", to="gone@example.org")
    await sending.put("reset 2")
    async with mail_server(authority) as server:
        if stage == "rcpt":
            server.mailbox.rcpt = lambda address: "550 5.1.1 gone" if address.startswith("gone") else None
        else:
            answers = iter(["554 5.7.1 spam", None])
            server.mailbox.data = lambda: next(answers)
        await sending.sender(server)._look()
    assert await sending.states() == {"reset 1": ("parked", 1), "reset 2": ("sent", 1)}
    assert server.mailbox.recipients() == [ANN]
    assert server.mailbox.sessions == 1


@pytest.mark.story("health/US-BE-39.3")
async def test_no_mail_loses_a_try_when_the_server_is_away(
    authority: trustme.CA, sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    await sending.put("reset 1")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        nobody = MailServer(Mailbox(), port, ssl.create_default_context())
        sender = sending.sender(nobody)
        assert [await sender._look() for _ in range(2)] == [5.0, pytest.approx(5, abs=1)]
        for wait_s in (15.0, 60.0, 300.0, 300.0):
            sender._away_until = 0.0
            assert await sender._look() == wait_s
    assert await sending.states() == {"reset 1": ("waiting", 0)}
    async with mail_server(authority, port=port) as server:
        sender._post._tls = server.tls
        sender._away_until = 0.0
        await sender._look()
    assert server.mailbox.recipients() == [ANN]
    told = [record.message for record in caplog.records if record.name == "agent.mail.sender"]
    assert told == ["mail_server_lost", "mail_server_found", "mail_sent"]


@pytest.mark.story("tasks/US-BE-5.4.1")
@pytest.mark.parametrize("security", BOTH)
@pytest.mark.parametrize("fault", ["stranger", "name"])
async def test_nothing_is_said_to_a_server_when_its_certificate_is_not_good(
    authority: trustme.CA, sending: Sending, security: Security, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    await sending.put("reset 1")
    signer, name = (trustme.CA(), "localhost") if fault == "stranger" else (authority, "mail.example.org")
    async with mail_server(signer, security, name=name) as server:
        server.tls = ssl.create_default_context()
        authority.configure_trust(server.tls)
        assert await sending.sender(server, security=security)._look() == 5.0
    assert await sending.states() == {"reset 1": ("waiting", 0)}
    assert (server.mailbox.logins, server.mailbox.taken) == (0, [])
    (record,) = [record for record in caplog.records if record.message == "mail_server_lost"]
    assert "the certificate of localhost is not good" in str(record.__dict__["drawbridge_fields"]["reason"])


async def test_nothing_is_said_to_a_server_when_it_offers_no_tls(sending: Sending, authority: trustme.CA) -> None:
    said = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in (b"220 mail\r\n", b"250-mail\r\n250 AUTH PLAIN\r\n", b"502 no\r\n"):
            writer.write(line)
            said.append(await reader.readline())

    await sending.put("reset 1")
    async with listening(talk) as port:
        server = MailServer(Mailbox(), port, ssl.create_default_context())
        assert await sending.sender(server)._look() == 5.0
    assert not any(PASSWORD.encode() in line or line.startswith((b"AUTH", b"MAIL")) for line in said)
    assert await sending.states() == {"reset 1": ("waiting", 0)}


async def test_password_is_not_told_when_the_server_says_it_back(
    authority: trustme.CA, sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        assert await sending.sender(server, password=SecretStr("another-secret"))._look() == 5.0
    (record,) = [record for record in caplog.records if record.message == "mail_server_lost"]
    assert "535 5.7.8 bad credentials" in str(record.__dict__["drawbridge_fields"]["reason"])
    assert "another-secret" not in str(record.__dict__)
    assert await sending.states() == {"reset 1": ("waiting", 0)}


async def test_all_mails_wait_when_the_server_refuses_the_sender(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1", "reset 2")
    async with mail_server(authority) as server:
        server.mailbox.mail = lambda: "553 5.7.1 not your address"
        assert await sending.sender(server)._look() == 5.0
    assert await sending.states() == {"reset 1": ("waiting", 0), "reset 2": ("waiting", 0)}


async def test_mails_arrive_on_a_new_connection_when_the_server_ends_the_old_one(
    authority: trustme.CA, sending: Sending
) -> None:
    await sending.put("reset 1", "reset 2", "reset 3")
    async with mail_server(authority) as server:
        answers = iter([None, "421 4.7.0 enough for one connection", None, None])
        server.mailbox.mail = lambda: next(answers)
        await sending.sender(server)._look()
    assert len(server.mailbox.taken) == 3
    assert set((await sending.states()).values()) == {("sent", 1)}
    assert server.mailbox.sessions == 2


async def test_mail_is_parked_when_it_was_sealed_with_another_key(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        sender._key = MailKey(bytes(32))
        await sender._look()
    (row,) = await rows(sending.dsns)
    assert (row["state"], row["reason"]) == ("parked", "it was sealed with another key than mail.key_file has")
    assert server.mailbox.taken == []


async def test_mail_is_dropped_and_erased_when_it_would_come_too_late(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1", expires_at=utc(sending.clock.time()) + timedelta(hours=1))
    sending.clock.advance(3600)
    async with mail_server(authority) as server:
        await sending.sender(server)._look()
    (row,) = await rows(sending.dsns)
    assert (row["state"], row["sealed"], row["reason"]) == ("dropped", None, "it would have come too late")
    assert server.mailbox.taken == []


async def test_mail_arrives_when_the_clock_was_moved_back(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1")
    sending.clock.advance(-365 * 24 * 3600)
    async with mail_server(authority) as server:
        await sending.sender(server)._look()
    assert server.mailbox.recipients() == [ANN]


async def test_one_sends_when_two_want_to(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        async with claims(sending.dsns.agent, ()) as right:
            with pytest.raises(AnotherSends):
                async with claims(sending.dsns.agent, ()):
                    pass
            assert await sending.sender(server)._look() == 1.0
            assert await right.claim(utc(sending.clock.time())) is not None
        await sending.sender(server)._look()  # what the other was at is taken back
    assert await sending.states() == {"reset 1": ("sent", 2)}


async def test_mail_comes_once_when_the_store_is_lost_before_it_is_stored_that_it_was_sent(
    authority: trustme.CA, sending: Sending
) -> None:
    await sending.put("reset 1")

    async def lose_the_store() -> None:
        owner = await connect(sending.dsns.owner, application_name="test", timeout_s=5)
        await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'drawbridge-mail'",
            timeout=5,
        )
        await owner.close(timeout=5)

    async with mail_server(authority) as server:
        sender = sending.sender(server)
        server.mailbox.has_taken = lose_the_store
        assert await sender._look() == 1.0
        assert await sending.states() == {"reset 1": ("sending", 0)}
        assert await sender._look() == 0.0
    assert await sending.states() == {"reset 1": ("sent", 1)}
    assert len(server.mailbox.taken) == 1


async def test_stop_waits_for_the_mail_under_way_and_begins_no_other(authority: trustme.CA, sending: Sending) -> None:
    await sending.put("reset 1", "reset 2")
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        is_stopping = asyncio.Event()

        async def wait() -> None:
            await is_stopping.wait()

        server.mailbox.has_taken = wait
        async with running(sender.run()):
            await until(lambda: len(server.mailbox.taken) == 1)
            async with asyncio.TaskGroup() as tasks:
                stopping = tasks.create_task(sender.stop(5))
                await asyncio.sleep(0)
                assert not stopping.done()
                is_stopping.set()
    assert await sending.states() == {"reset 1": ("sent", 1), "reset 2": ("waiting", 0)}


async def test_mail_comes_again_under_one_id_when_the_connection_breaks_before_the_answer(
    authority: trustme.CA, sending: Sending
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        server.mailbox.has_taken = server.cut
        await sender._look()
        assert await sending.states() == {"reset 1": ("waiting", 1)}
        server.mailbox.has_taken = nothing
        sending.clock.advance(60)
        await sender._look()
    assert await sending.states() == {"reset 1": ("sent", 2)}
    assert len(server.mailbox.taken) == 2
    assert len({message["Message-ID"] for message in server.mailbox.taken}) == 1


async def test_sender_goes_on_when_the_store_was_away(
    authority: trustme.CA, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority) as server:
        sender = sending.sender(server)
        sender._dsn, dsn = "postgresql:///store?host=/nowhere", sender._dsn
        assert await sender._look() == 1.0
        sender._dsn = dsn
        await sender._look()
    assert server.mailbox.recipients() == [ANN]


@pytest.mark.parametrize("are_counted", [True, False], ids=["counted", "not counted since"])
async def test_next_mail_is_found_by_its_index_when_many_wait(store: Pool, sending: Sending, are_counted: bool) -> None:
    owner = await connect(sending.dsns.owner, application_name="test", timeout_s=5)
    await owner.execute(
        "ALTER TABLE mails SET (autovacuum_enabled = off); ANALYZE mails;"
        " INSERT INTO mails (id, cause, template, recipient, state, sealed, created_at, next_try_at)"
        " SELECT gen_random_uuid(), 'x ' || n, 'feedback', 'a@b.example', 'waiting', '', now(), now()"
        " FROM generate_series(1, 10000) AS n",
        timeout=9,
    )
    if are_counted:
        await owner.execute("ANALYZE mails", timeout=5)
    await owner.close(timeout=5)
    now = utc(sending.clock.time())
    async with claims(sending.dsns.agent, ()) as right:
        explain = f"EXPLAIN {QUERIES['claim_mail'].sql}"
        plan = [row[0] for row in await right._connection.fetch(explain, now, now + MOVED, timeout=5)]
    assert any("Index Scan using mails_due" in line for line in plan), plan
    assert not any("Sort" in line for line in plan), plan


async def test_mail_arrives_over_tls_of_our_own_when_it_goes_through_the_relay(
    authority: trustme.CA, sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    await sending.put("reset 1")
    async with mail_server(authority, name="127.0.0.1") as server:
        target = f"127.0.0.1:{server.port}"
        relay = GatewayRelay(RelaySettings(port=0, clients=(IPv4Address("127.0.0.1"),), allow=(target,)), SystemClock())
        async with await relay.start() as listener:
            port = listener.sockets[0].getsockname()[1]
            sender = sending.sender(server, host="127.0.0.1", through=Relay(host="127.0.0.1", port=port))
            await sender._look()
            other = sending.sender(server, host="localhost", through=Relay(host="127.0.0.1", port=port))
            await sending.put("reset 2")
            assert await other._look() == 5.0
            await until(lambda: not relay._open)
    assert server.mailbox.recipients() == [ANN]
    assert await sending.states() == {"reset 1": ("sent", 1), "reset 2": ("waiting", 0)}
    said = {
        record.message: record.__dict__["drawbridge_fields"] for record in caplog.records if record.name != "mail.log"
    }
    assert said["relay_ended"]["target"] == target
    assert said["mail_server_lost"]["reason"] == f"the relay does not lead to localhost:{server.port}: 403 Forbidden"
