"""The owner's commands, as typed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from agent.__main__ import main
from agent.audit import Head
from agent.audit.heads import HeadKey
from bridge.process.settings import EXIT_CONFIG
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.integration.agent.machine import EMAIL, PASSWORD, RECORDS, Machine
from tests.postgres import PostgresServer

Command = Callable[..., int]


@pytest.fixture
def machine(tmp_path: Path, store_dsns: StoreDsns, database: str) -> Machine:
    async def prepare() -> None:
        connection = await asyncpg.connect(database, timeout=5)
        await connection.execute(RECORDS, timeout=5)
        await connection.close(timeout=5)

    asyncio.run(prepare())
    return Machine.set_up(tmp_path, store_dsns, database)


async def run_sql(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    await connection.execute(sql, timeout=5)
    await connection.close(timeout=5)


@pytest.fixture
def agent(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give a function that runs ``agent`` with some arguments, and returns its exit code."""
    path, secrets = machine.write_config()
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> int:
        return main([*arguments, "--config", str(path)])

    return run


def password_file(folder: Path, password: str = PASSWORD) -> str:
    (folder / "password").write_text(password + "\n")
    return str(folder / "password")


def test_accounts_are_added_listed_disabled_and_enabled_when_asked(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    file = password_file(machine.folder)
    assert agent("users", "add", EMAIL, "--name", "Ann", "--role", "technician", "--password-file", file) == 0
    assert agent("users", "disable", EMAIL) == 0
    assert agent("users", "list", "--json") == 0
    output = capsys.readouterr().out
    [ann] = json.loads(output[output.index("[") :])
    assert (ann["email"], ann["name"], ann["role"], ann["is_active"]) == (EMAIL, "Ann", "technician", False)
    assert agent("users", "enable", EMAIL) == 0
    assert agent("users", "list") == 0
    assert f"{EMAIL}  Ann  technician  True" in capsys.readouterr().out


def test_last_administrator_is_not_disabled_when_asked(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    file = password_file(machine.folder)
    assert agent("users", "add", EMAIL, "--role", "admin", "--password-file", file) == 0
    assert agent("users", "disable", EMAIL) == 1
    assert capsys.readouterr().err == "This is the last administrator\n"


def test_account_is_what_its_owner_made_of_it_when_commands_were_given(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    file = password_file(machine.folder)
    for email in (EMAIL, "eve@example.org"):
        assert agent("users", "add", email, "--role", "admin", "--password-file", file) == 0
    done = (
        ("role", EMAIL.upper(), "viewer"), ("unlock", EMAIL), ("sign-out", EMAIL), ("unlink", EMAIL), ("delete", EMAIL)
    )  # fmt: skip
    for words in done:
        assert agent("users", *words) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"{EMAIL.upper()} is viewer", f"unlocked {EMAIL}", f"ended 0 sessions of {EMAIL}",
        f"unlinked {EMAIL} from 0 people of a sign-in service", f"deleted {EMAIL}",
    ]  # fmt: skip
    for words in (("role", EMAIL, "viewer"), *done[1:]):
        assert agent("users", *words) == 1
        assert capsys.readouterr().err == f"there is nothing for {EMAIL}\n"
    for words in (("role", "eve@example.org", "viewer"), ("delete", "eve@example.org")):
        assert agent("users", *words) == 1
        assert capsys.readouterr().err == "This is the last administrator\n"


def test_invitation_is_mailed_listed_and_withdrawn_when_asked(
    agent: Command, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    invite = ("users", "invite", EMAIL, "--name", "Ann", "--role", "technician")
    assert agent(*invite) == 1
    assert capsys.readouterr().err == "This appliance sends no mail\n"
    for name, value in (
        ("HOST", "localhost"), ("SENDER", "keep@example.org"), ("SITE", "https://home.example.org"),
        ("KEY_FILE", str(machine.folder / "mail.key")),
    ):  # fmt: skip
        monkeypatch.setenv(f"DRAWBRIDGE_AGENT_MAIL__{name}", value)

    assert agent(*invite, "--time-zone", "Mars") == 1
    assert capsys.readouterr().err.startswith("time_zone ")
    assert agent(*invite) == 0
    assert capsys.readouterr().out.startswith(f"invited {EMAIL} (technician), until ")
    assert agent("users", "invitations", "--json") == 0
    [invitation] = json.loads(capsys.readouterr().out)
    assert (invitation["email"], invitation["name"], invitation["role"]) == (EMAIL, "Ann", "technician")
    assert agent("mail", "list") == 0
    assert EMAIL in capsys.readouterr().out

    assert agent("users", "resend", EMAIL.upper()) == 0
    assert capsys.readouterr().out.startswith(f"mailed the invitation of {EMAIL.upper()} again, until ")
    assert agent("users", "resend", "nobody@example.org") == 1
    assert capsys.readouterr().err == "There is no such invitation, or it was accepted already\n"

    assert agent("users", "withdraw", EMAIL.upper()) == 0
    assert agent("users", "invitations") == 0
    assert agent("mail", "list") == 0
    assert capsys.readouterr().out == f"withdrew the invitation of {EMAIL.upper()}\nnone\nnone\n"
    assert agent("users", "withdraw", EMAIL) == 1
    assert capsys.readouterr().err == f"there is nothing for {EMAIL}\n"
    assert agent("audit", "list", "--json") == 0
    told = [entry["action"] for entry in json.loads(capsys.readouterr().out)]
    assert sorted(told) == ["users.invite", "users.resend", "users.withdraw"]


def test_feedback_is_shown_to_its_last_line_when_asked(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agent("users", "feedback") == 0
    assert agent("users", "add", EMAIL, "--password-file", password_file(machine.folder)) == 0
    add = "INSERT INTO feedback SELECT gen_random_uuid(), id, 'the chat', E'One\nTwo', '2026-05-01T20:00Z' FROM users"
    asyncio.run(run_sql(machine.store.owner, add))
    assert agent("users", "feedback") == 0
    assert capsys.readouterr().out == (
        f"none\nadded {EMAIL} (viewer)\n2026-05-01 20:00 UTC  {EMAIL}  the chat\n    One\n    Two\n"
    )
    assert agent("users", "feedback", "--json") == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert (entry["email"], entry["topic"], entry["message"]) == (EMAIL, "the chat", "One\nTwo")


def test_account_is_refused_with_one_line_when_something_is_wrong(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    good, weak = password_file(machine.folder), str(machine.folder / "weak")
    Path(weak).write_text("weak")
    for arguments, line in (
        ((EMAIL, "--password-file", weak), "password must have at least 8 characters"),
        (("nobody", "--password-file", good), "email: must be an e-mail address"),
        ((EMAIL, "--password-file", good, "--time-zone", "Mars/Base"), "Mars/Base is no IANA time zone"),
        ((EMAIL, "--password-file", good + "x"), "No such file"),
    ):
        assert agent("users", "add", *arguments) == 1
        error = capsys.readouterr().err
        assert line in error
        assert error.count("\n") == 1
        assert PASSWORD not in error
    assert agent("users", "add", EMAIL, "--password-file", good) == 0
    assert agent("users", "add", EMAIL, "--password-file", good) == 1
    assert capsys.readouterr().err == f"there is an account for {EMAIL} already\n"


def test_password_comes_from_standard_input_when_there_is_no_terminal(
    agent: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\r\n"))
    assert agent("users", "add", EMAIL) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("Another horse 2"))
    assert agent("users", "password", EMAIL) == 0
    assert PASSWORD not in capsys.readouterr().out


def test_password_is_asked_for_twice_when_there_is_a_terminal(
    agent: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    typed = iter([PASSWORD, "Other horse 12", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert agent("users", "add", EMAIL) == 1
    assert capsys.readouterr().err == "the two passwords differ\n"
    assert agent("users", "add", EMAIL) == 0


def test_links_are_made_listed_and_taken_away_when_asked(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    agent("users", "add", EMAIL, "--password-file", password_file(machine.folder))
    assert agent("grants", "list") == 0
    assert capsys.readouterr().out.endswith("none\n")
    assert agent("grants", "add", EMAIL, "--person", "p-1") == 0
    assert agent("grants", "add", EMAIL, "--app", "health") == 0
    assert "sees the one person there is in health" in capsys.readouterr().out
    assert agent("grants", "remove", EMAIL) == 0
    assert agent("grants", "remove", EMAIL) == 1
    assert "there is nothing for" in capsys.readouterr().err


def test_store_is_migrated_when_the_owner_says_so(
    machine: Machine,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, secrets = machine.write_config(store={"dsn": database, "owner_dsn": database, "agent_role": AGENT_ROLE})
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    assert main(["migrate", "--config", str(path)]) == 0
    assert "applied 0001 accounts" in capsys.readouterr().out
    assert main(["migrate", "--config", str(path)]) == 0
    assert capsys.readouterr().out == "the store is up to date\n"


def test_migration_is_refused_when_the_owner_dsn_is_not_set(agent: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent("migrate") == 1
    assert "store.owner_dsn is not set" in capsys.readouterr().err


def test_config_is_checked_when_asked(
    agent: Command, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agent("check-config") == 0
    assert capsys.readouterr().out == "the settings can be used\n"
    monkeypatch.delenv("DRAWBRIDGE_AGENT_SOURCE__DSN")
    assert agent("check-config") == 0
    assert "the health app will be off" in capsys.readouterr().out
    assert agent("schema", "check") == 1
    assert capsys.readouterr().err == "source.dsn is not set\n"
    (machine.folder / "agent-keys" / "keys.json").unlink()
    assert agent("check-config") == 78
    assert "keys.json" in capsys.readouterr().err
    assert agent("check-config", "--settings-only") == 0
    assert capsys.readouterr().out == "the settings can be used\n"


def test_start_is_refused_with_the_settings_name_when_one_is_wrong(
    agent: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAWBRIDGE_AGENT_BRIDGE__PORT", "many")
    assert agent("serve") == 78
    assert "bridge.port" in capsys.readouterr().err


def test_schema_is_inspected_and_checked_when_asked(agent: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent("schema", "inspect", "--table", "public.entries") == 0
    assert 'table = "public.entries"' in capsys.readouterr().out
    assert agent("schema", "check") == 0
    assert capsys.readouterr().out


def test_signing_key_is_made_when_asked(agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent("tokens", "rotate") == 0
    assert "signs in 60 s" in capsys.readouterr().out
    assert len(list((machine.folder / "tokens").glob("*.pem"))) == 2


def test_command_says_so_when_the_store_is_away(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = f"postgresql://nobody@/nothing?host={tmp_path}"
    path, secrets = machine.write_config(store={"dsn": dsn, "owner_dsn": dsn})
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    assert main(["users", "list", "--config", str(path)]) == 1
    assert "The database does not answer" in capsys.readouterr().err
    assert main(["migrate", "--config", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_port_that_is_taken_is_one_clear_line_when_serving(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bridge = machine.values()["bridge"] | {"port": taken.getsockname()[1]}
        path, secrets = machine.write_config(bridge=bridge)
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("bridge.process.logs.configure", lambda **_: None)
        assert main(["serve", "--config", str(path)]) == 1
    error = capsys.readouterr().err
    assert "Address already in use" in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_service_says_ready_lives_and_stops_in_order_when_systemd_runs_it(
    machine: Machine, postgres_server: PostgresServer
) -> None:
    path, secrets = machine.write_config()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(machine.folder / "notify"))
        systemd.settimeout(5)
        started = time.monotonic()
        service = subprocess.Popen(
            [sys.executable, "-m", "agent", "serve", "--config", str(path)],
            env=os.environ | secrets | {"NOTIFY_SOCKET": str(machine.folder / "notify"), "WATCHDOG_USEC": "200000"},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            said = {systemd.recv(100) for _ in range(2)}
            assert said == {b"READY=1", b"WATCHDOG=1"}
            assert time.monotonic() - started < 4  # 2 s on an idle machine; see the benchmark
            service.send_signal(signal.SIGHUP)
            assert systemd.recv(100) == b"WATCHDOG=1"
            service.terminate()
            while systemd.recv(100) != b"STOPPING=1":
                pass
            _, log = service.communicate(timeout=10)
        finally:
            service.kill()
            service.wait()
    assert service.returncode == 0
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert (events[0], events[-1]) == ("agent_started", "agent_stopped")
    assert postgres_server.home.exists()
    for secret in secrets.values():
        assert secret not in log


def test_terminal_is_told_no_control_sequence_when_somebody_wrote_one(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    add = """
        WITH u AS (
            INSERT INTO users (email, name, password_hash, role) VALUES ('a@example.org', E'A\\u009b2J', '', 'viewer')
            RETURNING id
        )
        INSERT INTO feedback SELECT gen_random_uuid(), id, E'\\u202etopic', E'One\\r\\u009b2J', now() FROM u
    """
    asyncio.run(run_sql(machine.store.owner, add))
    assert agent("users", "list") == 0
    assert agent("users", "feedback") == 0
    out = capsys.readouterr().out
    assert (out.count("\\x9b2J"), out.count("\\u202etopic"), out.count("One\\r")) == (2, 1, 1)
    assert out.replace("\n", "").isprintable()


def test_sessions_end_says_how_many_when_all_are_meant(agent: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent("sessions", "end", "--all") == 0
    assert capsys.readouterr().out == "ended 0 sessions\n"


@pytest.mark.story("water/FR-080")
def test_trail_is_listed_shown_and_verified_when_the_owner_asks(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agent("audit", "verify") == 0
    assert capsys.readouterr().out.startswith("0 entries hold")
    assert agent("audit", "list") == 0
    assert capsys.readouterr().out.endswith("none\n")
    agent("users", "add", EMAIL, "--password-file", password_file(machine.folder))
    agent("users", "disable", EMAIL)
    capsys.readouterr()

    assert agent("audit", "list", "--entity-type", "account", "--since", "2020-01-01T00:00:00Z", "--limit", "9") == 0
    newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.startswith("2  ")
    assert "owner  users.disable  account " in newest
    assert "owner  users.add  account " in oldest
    assert agent("audit", "list", "--user", EMAIL, "--json") == 0
    assert capsys.readouterr().out == "[]\n"
    assert agent("audit", "list", "--user", "nobody@example.org") == 1
    assert capsys.readouterr().err == "there is no account for nobody@example.org\n"
    with pytest.raises(SystemExit):
        agent("audit", "list", "--until", "2026-01-01")
    assert "the time needs its zone" in capsys.readouterr().err

    assert agent("audit", "show", "2") == 0
    assert json.loads(capsys.readouterr().out)["new_values"] == {"is_active": False}
    assert agent("audit", "show", "9") == 1
    assert capsys.readouterr().err == "there is no entry 9\n"
    assert agent("audit", "verify") == 0
    assert capsys.readouterr().out.startswith(
        "2 entries hold, 0 payloads were erased\nthe newest, to keep elsewhere: 2."
    )


def test_trail_is_called_broken_when_its_end_was_cut_since_a_head_was_witnessed(
    agent: Command, machine: Machine, store_dsns: StoreDsns, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    agent("users", "add", EMAIL, "--password-file", password_file(machine.folder))
    agent("users", "disable", EMAIL)
    capsys.readouterr()
    agent("audit", "verify")
    head = capsys.readouterr().out.split()[-1]
    foreign = HeadKey.read_or_make(tmp_path / "foreign").sign(Head(9, bytes(32)), created=1)
    journal = tmp_path / "journal"
    journal.write_text(f'Nov 29 door gateway[7]: {{"event":"audit_head_seen","head":"{head}"}}\n{foreign}\n')

    assert agent("audit", "verify", "--witness", str(journal)) == 0
    said = capsys.readouterr().out
    assert "1 witnessed heads are in it, up to entry 2\n1 heads were not signed with this keep's key" in said

    cut = "ALTER TABLE audit DISABLE TRIGGER USER; DELETE FROM audit WHERE number = 2"
    asyncio.run(run_sql(store_dsns.owner, cut))
    assert agent("audit", "verify") == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(head))
    assert agent("audit", "verify", "--witness", "-") == 1
    assert "BROKEN: entry 2: is missing: the trail ends at 1, and entry 2 was witnessed" in capsys.readouterr().err
    assert agent("audit", "verify", "--witness", str(tmp_path / "none")) == 1
    assert "No such file" in capsys.readouterr().err


def test_trail_is_called_broken_when_an_entry_was_changed(
    agent: Command, machine: Machine, store_dsns: StoreDsns, capsys: pytest.CaptureFixture[str]
) -> None:
    agent("users", "add", EMAIL, "--password-file", password_file(machine.folder))
    asyncio.run(run_sql(store_dsns.owner, "ALTER TABLE audit DISABLE TRIGGER USER; UPDATE audit SET actor = 'user'"))
    capsys.readouterr()
    assert agent("audit", "verify") == 1
    assert capsys.readouterr().err == "the audit trail is BROKEN: entry 1: is not what was written\n"


def test_mails_are_listed_retried_and_dropped_when_asked(
    agent: Command, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    async def put() -> None:
        owner = await asyncpg.connect(machine.store.owner, timeout=5)
        await owner.execute(
            "INSERT INTO mails (id, cause, template, recipient, state, sealed, reason, created_at, next_try_at) VALUES"
            " (gen_random_uuid(), 'a', 'feedback', 'ann@example.org', 'parked', 'x', '550 gone', now(), now()),"
            " (gen_random_uuid(), 'b', 'feedback', 'ben@example.org', 'sent', NULL, '', now(), now())",
            timeout=5,
        )
        await owner.close(timeout=5)

    asyncio.run(put())
    assert agent("mail", "list", "--json") == 0
    [mail] = json.loads(capsys.readouterr().out)
    assert (mail["state"], mail["recipient"], mail["reason"]) == ("parked", "ann@example.org", "550 gone")
    assert "sealed" not in mail
    assert agent("mail", "retry", mail["id"]) == 0
    assert agent("mail", "retry", mail["id"]) == 1  # it is not parked any more
    assert agent("mail", "retry", "--all") == 0
    assert agent("mail", "drop", mail["id"]) == 0
    assert agent("mail", "list", "--all") == 0
    output = capsys.readouterr().out
    assert "1 mails are tried anew\n0 mails are tried anew\n0 mails are tried anew\n1 mails were dropped\n" in output
    assert "dropped" in output
    assert "ben@example.org" in output


def test_test_mail_is_sent_or_said_to_wait_when_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(**mail: object) -> int:
        path, secrets = machine.write_config(mail=mail)
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        return main(["mail", "test", EMAIL, "--wait", "0.3", "--config", str(path)])

    async def take() -> None:
        owner = await asyncpg.connect(machine.store.owner, timeout=5)
        await owner.execute(
            "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.state := 'sent'; NEW.tries := 1;"
            " NEW.reason := '250 queued'; RETURN NEW; END $$;"
            " CREATE TRIGGER take BEFORE INSERT ON mails FOR EACH ROW EXECUTE FUNCTION take()",
            timeout=5,
        )
        await owner.close(timeout=5)

    assert run() == 1
    assert capsys.readouterr().err == "mail.host is not set: no mail is sent\n"
    settings = {
        "host": "mail.example.org", "sender": "box@example.org", "site": "https://health.example.org",
        "key_file": str(machine.folder / "mail-key"),
    }  # fmt: skip
    assert run(**settings) == 1  # nobody runs who would send it
    assert capsys.readouterr().out.startswith("waiting: nothing was heard of the mail server")
    asyncio.run(take())
    assert run(**settings) == 0
    assert capsys.readouterr().out == "sent: 250 queued\n"
    assert run(**settings, username="box") == 0  # the owner's commands have no password, and need none


def test_agent_does_not_start_when_the_mail_servers_password_is_missing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = {"host": "m.example.org", "sender": "a@example.org", "site": "https://b.example.org", "username": "box"}
    path, secrets = machine.write_config(mail=mail)
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for command in ("serve", "check-config"):
        assert main([command, "--config", str(path)]) == EXIT_CONFIG
        assert capsys.readouterr().err == "mail: needs both username and password (a credential), or neither\n"
