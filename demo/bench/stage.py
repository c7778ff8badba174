"""What is measured: the appliance's own processes and the floors, each on its processor, with a hundred accounts.

The gateway (or a floor in its place) has the first processor, the agent the second. PostgreSQL and the clients go
where there is room, for there are machines with two processors only; so do all, where pinning is not allowed.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter

from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser, Users
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.process.clock import SystemClock, utc
from demo.appliance import ROOT
from demo.bench.floors import DSN_VARIABLE
from demo.bench.load import Plan, Request, Result
from demo.databases import MAPPING, Logins, provide_source, provide_store
from demo.door import free_port
from demo.installation import LISTEN_HOST, Installation
from demo.postgres import EmbeddedPostgres, home_for
from demo.processes import Child, DemoError, start
from demo.readiness import Readiness
from demo.records import TIME_ZONE, read_clinic

FOLDER: Final = ROOT / "var" / "bench"
USERS: Final = 100

_READY_S: Final = 20.0
_LOAD_EXTRA_S: Final = 60.0
_OK: Final = 200
_STOP: Final = ((signal.SIGTERM, 4.0),)
_UNLIMITED: Final = "1000000"
_RAISED: Final = {
    "LIMITS__ACCOUNT_PER_MINUTE": _UNLIMITED,
    "LIMITS__ADDRESS_PER_MINUTE": _UNLIMITED,
    "LIMITS__ADDRESS_TOTAL_PER_MINUTE": _UNLIMITED,
    "BRIDGE__PACING__CALLS_PER_S": "100000",
    "BRIDGE__PACING__BURST": "10000",
}
"""Every limit is counted and told, and none is reached."""


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in account, its person in the records, and the address it comes from."""

    email: str
    person: str
    address: str
    token: str = ""

    def get(self, kind: str, path: str) -> Request:
        return Request(kind, f"GET {path} HTTP/1.1\r\n{self._headers}\r\n")

    def post(self, kind: str, path: str, content: Mapping[str, str]) -> Request:
        body = json.dumps(content)
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return Request(kind, f"POST {path} HTTP/1.1\r\n{self._headers}{framing}\r\n{body}")

    @property
    def _headers(self) -> str:
        return (
            f"Host: door.example.org\r\nX-Forwarded-For: {self.address}\r\nUser-Agent: bench\r\n"
            f"Accept: application/json\r\nAuthorization: Bearer {self.token}\r\n"
        )


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and the Unix socket it listens on."""

    child: Child
    socket: str

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> tuple[int, bytes]:
        """Return status and body of one request."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class Stage:
    """Everything that runs. ``profile_into``: have agent and gateways profiled, into files of their names there."""

    def __init__(self, *, profile_into: Path | None = None) -> None:
        self._profile_into = profile_into
        self._installation = Installation(FOLDER)
        self._clock = SystemClock()
        self._stack = ExitStack()
        self.door_cpus, self.keep_cpus = _processors()
        self.postgres = EmbeddedPostgres(home_for(FOLDER), log=FOLDER / "log" / "postgresql.log")
        self.logins: Logins
        self.agent: Child
        self.agent_port = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start PostgreSQL and the agent, and make the accounts. Raises DemoError."""
        installation = self._installation
        is_new = installation.is_new
        installation.claim("bench")
        now = utc(self._clock.time())
        installation.issue_certificates(now)
        installation.make_keys(now)
        self._stack.callback(self.postgres.stop)
        self.postgres.start(anew=is_new)
        self.logins = asyncio.run(provide_store(self.postgres))
        asyncio.run(provide_source(self.postgres, now))
        self._sockets = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="drawbridge-bench-")))
        self.agent_port = free_port()
        credentials = {
            "source.dsn": self.logins.source, "store.dsn": self.logins.agent, "store.owner-dsn": self.logins.owner,
        }  # fmt: skip
        installation.write_agent(port=self.agent_port, mapping=MAPPING, credentials=credentials)
        self.start_agent({})

    def start_agent(self, settings: Mapping[str, str]) -> None:
        """Start the agent, with ``settings`` besides. Raises DemoError."""
        folder = self._installation.agent
        variables = {f"DRAWBRIDGE_AGENT_{key}": value for key, value in settings.items()}
        self.agent = self._start(
            "agent",
            [*self._python("agent"), "agent", "serve", "--config", str(folder / "agent.toml")],
            {"CREDENTIALS_DIRECTORY": str(folder / "credentials"), **variables},
            self.keep_cpus,
        )

    def gateway(self, name: str, settings: Mapping[str, str], *, is_limited: bool = False) -> Served:
        """Start a gateway behind a Unix socket, with ``settings`` besides; unless ``is_limited``, its limits raised."""
        gateway, path = self._installation.gateway, str(self._sockets / f"{name}.sock")
        values = {
            "LISTEN__PATH": path,
            "BRIDGE__HOST": LISTEN_HOST,
            "BRIDGE__PORT": str(self.agent_port),
            "BRIDGE__TLS_DIR": str(gateway / "tls"),
            "BRIDGE__KEYS_DIR": str(gateway / "keys"),
            "CHAT__TIME_ZONE": TIME_ZONE.key,
            **({} if is_limited else _RAISED),
            **settings,
        }
        variables = {f"DRAWBRIDGE_GATEWAY_{key}": value for key, value in values.items()}
        served = Served(self._start(name, [*self._python(name), "gateway", "serve"], variables, self.door_cpus), path)
        self._wait_for_bridge(served)
        return served

    def floors(self, body: bytes) -> Served:
        """Start the floors; ``body`` is what the first answers."""
        path, body_file = str(self._sockets / "floors.sock"), self._sockets / "body.json"
        body_file.write_bytes(body)
        command = [sys.executable, "-m", "demo.bench.floors", path, str(body_file), str(MAPPING)]
        return Served(self._start("floors", command, {DSN_VARIABLE: self.logins.source}, self.door_cpus), path)

    def sign_in(self, served: Served) -> list[User]:
        """Return everybody, signed in through ``served`` from their own addresses. Raises DemoError."""
        return self.sign_in_with_password(served)[0]

    def sign_in_with_password(self, served: Served) -> tuple[list[User], str]:
        """Return everybody as :meth:`sign_in`, and the password of them all, which is new."""
        users, password = asyncio.run(self._make_users())
        signed_in = []
        for user in users:
            credentials = json.dumps({"email": user.email, "password": password})
            headers = {"Content-Type": "application/json", "X-Forwarded-For": user.address}
            status, body = served.ask("POST", "/api/v1/auth/login", headers=headers, body=credentials)
            if status != _OK:
                msg = f"signing in was answered with {status}: {body.decode(errors='replace')}"
                raise DemoError(msg)
            signed_in.append(User(user.email, user.person, user.address, json.loads(body)["access_token"]))
        return signed_in, password

    def play(self, plan: Plan) -> Result:
        """Have a process of its own ask what ``plan`` says. Raises DemoError."""
        done = subprocess.run(
            [sys.executable, "-m", "demo.bench.load"],
            cwd=ROOT,
            input=json.dumps(asdict(plan)),
            capture_output=True,
            text=True,
            check=False,
            timeout=plan.seconds + plan.warm_s + _LOAD_EXTRA_S,
        )
        if done.returncode != 0:
            msg = f"the clients failed: {done.stderr.strip()}"
            raise DemoError(msg)
        return TypeAdapter(Result).validate_json(done.stdout)

    @property
    def gateway_folder(self) -> Path:
        return self._installation.gateway

    def stop(self, served: Served) -> None:
        served.child.stop(*_STOP)

    def stop_agent(self) -> None:
        self.agent.stop(*_STOP)

    def _python(self, name: str) -> list[str]:
        if self._profile_into is None:
            return [sys.executable, "-m"]
        return [sys.executable, "-m", "cProfile", "-o", str(self._profile_into / f"{name}.prof"), "-m"]

    def _start(self, name: str, command: list[str], variables: Mapping[str, str], cpus: set[int]) -> Child:
        readiness = Readiness()
        self._stack.callback(readiness.close)
        child = start(
            f"the {name}",
            command,
            log=self._installation.log / f"{name}.log",
            folder=ROOT,
            variables={**variables, **readiness.environment},
        )
        self._stack.callback(child.stop, *_STOP)
        os.sched_setaffinity(child.process.pid, cpus)
        readiness.wait(child, _READY_S)
        return child

    def _wait_for_bridge(self, served: Served) -> None:
        deadline = self._clock.monotonic() + _READY_S
        while (answer := served.ask("GET", "/health/ready"))[0] != _OK:
            if self._clock.monotonic() > deadline:
                msg = f"the gateway is not ready: {answer[1].decode(errors='replace')}"
                raise DemoError(msg)

    async def _make_users(self) -> tuple[list[User], str]:
        """Return the accounts, made where they are missing, and the password of them all, which is new."""
        password = f"Bench-{secrets.token_urlsafe(12)}-7a"
        persons = [str(person.id) for person in read_clinic().people]
        users = [
            User(f"user{number}@example.org", persons[number % len(persons)], f"10.0.{number // 250}.{number % 250}")
            for number in range(USERS)
        ]
        pool = Pool(PoolOptions("bench", self.logins.agent, size=1), self._clock)
        passwords = Passwords(PasswordSettings(bcrypt_cost=4))  # signing in is not what is measured
        try:
            accounts = Users(pool, passwords, self._clock)
            deadline = self._clock.monotonic() + _READY_S
            known = {row.email for row in await accounts.everyone(deadline=deadline)}
            for user in users:
                if user.email in known:
                    await accounts.set_password(user.email, password, deadline=deadline)
                    await accounts.set_active(user.email, is_active=True, deadline=deadline)
                else:
                    await accounts.add(NewUser(email=user.email, name=user.email), password, deadline=deadline)
                    await accounts.add_grant(user.email, "health", user.person, deadline=deadline)
        finally:
            passwords.close()
            await pool.close(deadline=self._clock.monotonic() + 1)
        return users, password


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("door.example.org", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _processors() -> tuple[set[int], set[int]]:
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, {allowed[min(1, len(allowed) - 1)]}
