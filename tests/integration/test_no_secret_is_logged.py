"""Passwords, tokens, keys, health text and query strings pass through the real processes, and into no line of a log.

Everything is said once as it should be, and wherever else somebody may put it by mistake or malice; then parts of the
appliance are broken while it is said again. Logs are as talkative as they can be set.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import pytest

from demo.appliance import ANNA, Appliance, Options
from demo.databases import SOURCE, STORE
from demo.door import free_port
from demo.installation import Access, Installation
from demo.postgres import EmbeddedPostgres, find_binaries, home_for
from demo.processes import DemoError

pytestmark = pytest.mark.slow

SETTINGS = {
    "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ACCOUNT": "1000",
    "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ADDRESS": "1000",
    "DRAWBRIDGE_AGENT_LOG__LEVEL": "debug",
    "DRAWBRIDGE_AGENT_PASSWORDS__BCRYPT_COST": "4",
    "DRAWBRIDGE_AGENT_QUERIES__SLOW_QUERY_MS": "1",
    "DRAWBRIDGE_GATEWAY_LIMITS__SIGN_IN_PER_MINUTE": "1000",
    "DRAWBRIDGE_GATEWAY_LIMITS__ADDRESS_PER_MINUTE": "1000",
    "DRAWBRIDGE_GATEWAY_LOG__LEVEL": "debug",
}
LIST = "/api/v1/health/symptoms"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}

PLANTED = {
    "wrong password": "Plantedwrongpassword-1",
    "somebody's address": "plantedaddress@example.org",
    "health text in a question": "plantedquestionmigraine",
    "health text in a note": "plantednotemigraine",
    "feedback": "plantedfeedback",
    "value of a query": "plantedqueryvalue",
    "name of a parameter": "plantedparametername",
    "path": "plantedpath",
    "header": "plantedheader",
    "field of a body": "plantedbodyfield",
}
BORN_IN_IT = (
    "password", "access token", "signature of the access token", "refresh token", "next refresh token",
    "conversation", "password of the store", "bridge secret", "refresh key", "seal key",
)  # fmt: skip


@dataclass
class Visit:
    """A running appliance, what was said to it, and what it wrote of that."""

    access: Access
    installation: Installation
    appliance: Appliance
    secrets: dict[str, str] = field(default_factory=lambda: dict(PLANTED))
    statuses: list[int] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    command_lines: str = ""
    trail: str = ""

    @property
    def login(self) -> dict[str, str]:
        return {"email": self.access.email, "password": self.access.password}

    @property
    def port(self) -> int:
        return urlsplit(self.access.url).port or 0

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | Mapping[str, object] = ""
    ) -> tuple[int, bytes]:
        """Return status and body of an answer; a mapping is sent as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=self._trust)
        try:
            connection.request(method, path, text or None, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self.statuses.append(response.status)
        if (request_id := response.headers.get("X-Request-Id")) is not None:
            self.request_ids.append(request_id)
        return response.status, content

    def send(self, data: bytes) -> bytes:
        """Return what is answered to bytes that need not be HTTP."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection,
            self._trust.wrap_socket(connection, server_hostname="localhost") as tls,
        ):
            tls.sendall(data)
            return tls.recv(65_536)

    def read_trail(self) -> str:
        async def run() -> str:
            connection = await asyncpg.connect(self.appliance._postgres.dsn(STORE), timeout=5)
            try:
                return str(await connection.fetchval("SELECT string_agg(audit::text, chr(10)) FROM audit", timeout=5))
            finally:
                await connection.close(timeout=5)

        return asyncio.run(run())

    def in_database(self, name: str, statement: str, *args: object) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.appliance._postgres.dsn(name), timeout=5)
            try:
                await connection.execute(statement, *args, timeout=5)
            finally:
                await connection.close(timeout=5)

        asyncio.run(run())

    def read_log(self, name: str) -> str:
        return (self.installation.log / f"{name}.log").read_text("utf-8", "replace")

    @property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.access.ca_file)


def _signed_in(visit: Visit) -> dict[str, str]:
    """Sign in, well and badly; return the headers of who is in."""
    address, wrong, stray = PLANTED["somebody's address"], PLANTED["wrong password"], PLANTED["field of a body"]
    status, body = visit.ask("POST", "/auth/login", JSON, visit.login)
    assert status == 200, body
    first = json.loads(body)
    status, body = visit.ask("POST", "/auth/refresh", JSON, {"refresh_token": first["refresh_token"]})
    assert status == 200, body
    visit.secrets |= {
        "access token": first["access_token"],
        "signature of the access token": first["access_token"].rpartition(".")[2],
        "refresh token": first["refresh_token"],
        "next refresh token": json.loads(body)["refresh_token"],
    }
    for credentials in (
        {"email": ANNA.email, "password": wrong},
        {"email": address, "password": wrong},
        {"email": address, "password": wrong * 4},  # longer than any password
        {"email": f"{address}\x00", "password": wrong},
        {"email": address, "password": [wrong]},
        {"email": address, "password": wrong, stray: wrong},
    ):
        visit.ask("POST", "/auth/login", JSON, credentials)
    visit.ask("POST", "/auth/login", JSON, f'{{"email": "{address}", "password": "{wrong}')
    visit.ask("POST", "/auth/login", FORM, urlencode(visit.login | {"next": f"/?{wrong}"}))
    visit.ask("POST", "/auth/login", FORM, urlencode({"email": address, "password": wrong}))
    visit.ask("POST", "/auth/refresh", JSON, {"refresh_token": stray})
    visit.ask("GET", "/auth/refresh", {"Cookie": f"__Secure-refresh={visit.secrets['refresh token']}"})
    return {"Authorization": f"Bearer {first['access_token']}"}


def _ask_for_records(visit: Visit, who: dict[str, str]) -> None:
    note, value, header = PLANTED["health text in a note"], PLANTED["value of a query"], PLANTED["header"]
    status, body = visit.ask("GET", f"{LIST}?text={note}", who)
    assert status == 200
    assert note.encode() in body, "the note came through the whole appliance"
    visit.ask("GET", f"{LIST}?symptom={value}&category={value}&text={value}", who)
    for name in ("from", "to", "limit", "cursor", "sort", "total", "min_severity", "time_zone"):
        visit.ask("GET", f"{LIST}?{name}={value}", who)
    visit.ask("GET", f"{LIST}?{PLANTED['name of a parameter']}={value}", who)
    visit.ask("GET", f"{LIST}/stats?text={value}&bucket=day", who)
    visit.ask("GET", f"/{PLANTED['path']}?{value}", who)
    visit.ask("GET", f"/static/{PLANTED['path']}", who)
    for page in ("/confirm-address", "/reset-password", "/accept-invitation"):
        visit.ask("GET", f"{page}?token={value}", FORM)
        referer = f"{visit.access.url}{page}?token={value}"
        visit.ask("POST", page, FORM | {"Referer": referer}, urlencode({"token": value}))
    visit.ask("GET", f"/?{value}", {"Accept": "text/html"})
    visit.ask("GET", LIST, {"Authorization": f"Basic {header}"})
    visit.ask("GET", LIST, {"Authorization": f"Bearer {header}"})
    for name in ("Cookie", "User-Agent", "Referer", "traceparent", "X-Forwarded-For", "Origin", "Expect", "Accept"):
        visit.ask("GET", LIST, {**who, name: header})


def _chat(visit: Visit, who: dict[str, str]) -> None:
    stray, question = PLANTED["field of a body"], f"How often did I write {PLANTED['health text in a question']}?"
    status, body = visit.ask("POST", "/api/v1/chat", who | JSON, {"message": "Show my symptoms of today"})
    assert status == 200
    assert PLANTED["health text in a note"].encode() in body
    conversation = visit.secrets["conversation"] = json.loads(body)["conversation"]
    for said in (
        {"message": question},
        {"message": question, "conversation": conversation},
        {"message": question, "conversation": conversation[::-1]},
        {"message": question, "time_zone": stray},
        {"message": question * 100},
        {stray: question},
    ):
        visit.ask("POST", "/api/v1/chat", who | JSON, said)
    visit.ask("POST", "/chat", who | FORM, urlencode({"message": question}))
    for directive in ("img-src", stray):
        report = {"csp-report": {"document-uri": question, "effective-directive": directive}}
        visit.ask("POST", "/csp-reports", JSON, report)


def _write_to_the_owner(visit: Visit, who: dict[str, str]) -> None:
    text, stray = PLANTED["feedback"], PLANTED["field of a body"]
    assert visit.ask("POST", "/feedback", who | JSON, {"topic": text, "message": text})[0] == 201
    for said in ({"message": text * 1000}, {"topic": f"{text}\x00", "message": text}, {"message": text, stray: text}):
        assert visit.ask("POST", "/feedback", who | JSON, said)[0] == 400
    assert visit.ask("POST", "/feedback", JSON, {"message": text})[0] == 401


def _speak_no_http(visit: Visit) -> None:
    path, header = PLANTED["path"].encode(), PLANTED["header"].encode()
    for data in (
        b"%b\r\n\r\n" % path,
        b"GET /%b HTTP/9.9\r\n\r\n" % path,
        b"GET /%b HTTP/1.1\r\nHost: localhost\r\n%b : x\r\n\r\n" % (path, header),
        b"GET /%b HTTP/1.1\r\nHost: localhost\r\nX: %b\r\n\r\n" % (path, header * 1000),
        b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (path * 1000),
    ):
        assert b" 400 " in visit.send(data)


def _break_it(visit: Visit, who: dict[str, str]) -> None:
    """Say it again where the appliance cannot answer: a bug in the store, a changed table, no agent."""
    value, question = PLANTED["value of a query"], PLANTED["health text in a question"]
    visit.in_database(STORE, "ALTER TABLE sessions ADD CONSTRAINT broken CHECK (false) NOT VALID")
    assert visit.ask("POST", "/auth/login", JSON, visit.login)[0] == 500
    visit.in_database(SOURCE, "ALTER TABLE symptom_log RENAME TO away")
    assert visit.ask("GET", f"{LIST}?text={value}2", who)[0] == 503
    visit.ask("POST", "/api/v1/chat", who | JSON, {"message": f"Count {question}"})
    agent = visit.appliance._children["agent"].process
    agent.kill()
    agent.wait()
    assert visit.ask("POST", "/auth/login", JSON, visit.login)[0] == 503
    assert visit.ask("GET", f"{LIST}?text={value}3", who)[0] == 503


def _read_secrets(installation: Installation) -> dict[str, str]:
    ring: dict[str, Any] = json.loads((installation.agent / "keys" / "keys.json").read_text("utf-8"))
    store = (installation.agent / "credentials" / "store.dsn").read_text("utf-8")
    return {
        "password of the store": urlsplit(store).password or "",
        "bridge secret": ring["gateway"]["current"]["secret"],
        "refresh key": (installation.agent / "tokens" / "refresh.key").read_text("utf-8"),
        "seal key": (installation.gateway / "credentials" / "chat.seal-key").read_text("utf-8"),
    }


def _command_lines(appliance: Appliance) -> str:
    """Return what every user of the machine can see of the processes."""
    pids = [child.process.pid for child in appliance._children.values()]
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ") for pid in pids)


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    """Give a visit that has ended, and with it the appliance."""
    try:
        find_binaries()
    except DemoError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory(prefix="drawbridge-secrets-") as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        options = Options(port=free_port(), data_dir=Path(folder) / "demo", accounts=(ANNA,))
        try:
            with Appliance(options, lambda _: None) as appliance:
                visit = Visit(appliance.start(), Installation(options.data_dir), appliance)
                _visit(visit)
            yield visit
        finally:
            EmbeddedPostgres(home_for(options.data_dir)).remove()


def _visit(visit: Visit) -> None:
    visit.secrets |= {"password": visit.access.password, **_read_secrets(visit.installation)}
    visit.command_lines = _command_lines(visit.appliance)
    visit.in_database(
        SOURCE,
        "INSERT INTO symptom_log (patient_id, symptom_id, logged_at, severity, remark)"
        " SELECT $1, min(id), now(), 3, $2 FROM symptom_type",
        int(ANNA.person),
        PLANTED["health text in a note"],
    )
    who = _signed_in(visit)
    _ask_for_records(visit, who)
    _chat(visit, who)
    _write_to_the_owner(visit, who)
    _speak_no_http(visit)
    assert visit.ask("POST", "/auth/logout", who)[0] == 204
    status, body = visit.ask("POST", "/auth/login", JSON, visit.login)
    assert status == 200
    visit.trail = visit.read_trail()
    _break_it(visit, {"Authorization": f"Bearer {json.loads(body)['access_token']}"})


@pytest.mark.story("hub/AC-052")
@pytest.mark.parametrize("secret", [*PLANTED, *BORN_IN_IT])
@pytest.mark.parametrize("name", ["gateway", "agent", "postgresql"])
def test_log_holds_no_secret_when_it_was_said_everywhere(visit: Visit, secret: str, name: str) -> None:
    assert len(visit.secrets[secret]) >= 8
    telling = [line for line in visit.read_log(name).splitlines() if visit.secrets[secret].lower() in line.lower()]
    assert telling == []


@pytest.mark.story("hub/AC-052")
@pytest.mark.parametrize("secret", [*PLANTED, *BORN_IN_IT])
def test_audit_trail_holds_no_secret_when_it_was_said_everywhere(visit: Visit, secret: str) -> None:
    assert visit.trail.count("accounts.sign_in") > 5
    assert "health.symptoms.list" in visit.trail
    assert visit.secrets[secret].lower() not in visit.trail.lower()


@pytest.mark.story("hub/AC-063", "health/US-BE-43.5", "hub/IH-025.2", "water/FR-102")
def test_log_tells_of_every_request_when_all_were_answered(visit: Visit) -> None:
    gateway, agent = visit.read_log("gateway"), visit.read_log("agent")

    assert len(visit.request_ids) > 50
    assert [request_id for request_id in visit.request_ids if request_id not in gateway] == []
    assert sum(request_id in agent for request_id in visit.request_ids) > 15
    assert {200, 204, 400, 401, 404, 500, 503} <= set(visit.statuses)


@pytest.mark.story("health/US-BE-43.5", "health/US-BE-46.6")
def test_logs_were_talkative_when_nothing_was_found_in_them(visit: Visit) -> None:
    events = {json.loads(line).get("event") for line in visit.read_log("agent").splitlines() if line.startswith("{")}

    assert {"query_was_slow", "sign_in_refused", "session_started"} <= events
    assert '"exception"' in visit.read_log("agent")
    assert "bridge_attempt_failed" in visit.read_log("gateway")
    assert "violates check constraint" in visit.read_log("postgresql")


def test_command_lines_hold_no_secret_when_every_user_can_read_them(visit: Visit) -> None:
    assert "agent" in visit.command_lines
    assert [name for name, secret in visit.secrets.items() if secret in visit.command_lines] == []
