"""Both Pis on one machine: the same ``agent serve`` and ``gateway serve``, with a PostgreSQL behind them.

Whatever ends this process ends them too: in order when it is asked to stop, by the kernel when it is killed.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, Self
from urllib.parse import urlsplit

from bridge.process.clock import SystemClock, utc
from bridge.process.environment import environment
from bridge.process.files import replace_file
from demo.databases import MAPPING, provide_source, provide_store
from demo.door import Door, free_port, is_free
from demo.installation import AGENT_DRAIN_S, GATEWAY_DRAIN_S, Access, Installation
from demo.postgres import EmbeddedPostgres, home_for
from demo.processes import Child, DemoError, start
from demo.readiness import Readiness

ROOT: Final = Path(__file__).parents[1]
_DRAIN_S: Final = {"agent": AGENT_DRAIN_S, "gateway": GATEWAY_DRAIN_S}
_READY_S: Final = 20.0
_COMMAND_S: Final = 60.0
_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Account:
    """``person`` is the patient of demo/clinic.toml whose diary it sees; nobody's where it is empty."""

    email: str
    name: str
    person: str = ""
    role: str = "viewer"


ANNA: Final = Account("anna@example.org", "Anna Keller", "1041")
"""The account that the demo speaks of."""
SAMPLES: Final = (
    ANNA,
    Account("tim@example.org", "Tim Vogt", "1018", role="technician"),
    Account("erika@example.org", "Erika Sommer", role="admin"),
)
"""One account of each role, with the same password."""
OWNER: Final = Account("owner@example.org", "Owner", role="admin")
"""The account where the records are your own: you say whose it may see."""


@dataclass(frozen=True, slots=True)
class Options:
    """What ``python -m demo run`` was asked for. With ``database_url`` (and ``mapping``) the records are yours."""

    port: int
    data_dir: Path
    database_url: str = ""
    mapping: Path = MAPPING
    reload: bool = False
    accounts: tuple[Account, ...] = SAMPLES


class Asked(BaseException):
    """SIGINT or SIGTERM came; it goes through everything, as KeyboardInterrupt would."""


def stop_when_asked() -> None:
    """Turn the first SIGINT or SIGTERM into :class:`Asked`, and ignore the impatient ones that follow."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Asked

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)


class Appliance:
    """One demo. :meth:`start` it inside of the context; leaving that stops everything, within ten seconds."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._installation = Installation(options.data_dir)
        self._postgres = EmbeddedPostgres(
            home_for(self._installation.folder), log=self._installation.log / "postgresql.log"
        )
        self._children: dict[str, Child] = {}
        self._readiness: dict[str, Readiness] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> Access:
        """Bring everything up, and return how to get in. Raises DemoError with what stands in the way."""
        installation, port = self._installation, self._options.port
        if not is_free(port):
            msg = f"Port {port} is taken: choose another with PORT="
            raise DemoError(msg)
        is_new = installation.is_new
        installation.claim(self._origin)
        self._make_identities()
        self._start_databases(anew=is_new, agent_port=(agent_port := free_port()))
        installation.write_gateway(port=port, agent_port=agent_port)
        accounts = (OWNER,) if self._options.database_url else self._options.accounts
        account, password = accounts[0], self._make_accounts(accounts, anew=is_new)
        for name in ("agent", "gateway"):
            self._say(f"starting the {name}")
            self._stack.callback(self._stop, name)
            self._serve(name)
        door = Door(port, installation.ca_file)
        door.wait_until_ready(_READY_S)
        token = installation.token
        if not door.accepts(token):  # five sign-ins a minute are left to the person, however often we start
            self._say("signing in through the front door")
            token = door.sign_in(account.email, password)
        access = Access(door.url, str(installation.ca_file), account.email, password, token)
        installation.write_access(access)
        return access

    def look(self) -> DemoError | None:
        """Return the error of a process that ended by itself, if one did. To be called all the time."""
        for readiness in self._readiness.values():
            readiness.hear()
        for child in (self._postgres.child, *self._children.values()):
            if not child.is_running:
                return child.failure()
        return None

    def restart(self, name: str) -> None:
        """Stop and start ``agent`` or ``gateway`` after a change of its code; if it does not start, say why."""
        self._say(f"restarting the {name}")
        self._stop(name)
        try:
            self._serve(name)
        except DemoError as error:
            self._stop(name)
            self._say(f"{error}\nwaiting for the next change")

    @property
    def _origin(self) -> str:
        """What tells the database of the records from others; no password in it."""
        if not self._options.database_url:
            return "demo"
        address = urlsplit(self._options.database_url)
        return f"{address.hostname or ''}:{address.port or ''}{address.path}?{address.query}"

    def _make_identities(self) -> None:
        now = utc(SystemClock().time())
        if made := self._installation.issue_certificates(now):
            self._say(f"issued {made} certificates of the private PKI")
        self._installation.make_keys(now)

    def _start_databases(self, *, anew: bool, agent_port: int) -> None:
        self._say("starting PostgreSQL")
        self._stack.callback(self._postgres.stop)
        self._postgres.start(anew=anew)
        logins = asyncio.run(provide_store(self._postgres))
        source = self._options.database_url
        if not source:
            source = logins.source
            count = asyncio.run(provide_source(self._postgres, utc(SystemClock().time())))
            self._say(f"the clinic's database has {count:,} records of three years")
        self._installation.write_agent(
            port=agent_port,
            mapping=self._options.mapping.absolute(),
            credentials={"source.dsn": source, "store.dsn": logins.agent, "store.owner-dsn": logins.owner},
        )

    def _make_accounts(self, accounts: Sequence[Account], *, anew: bool) -> str:
        """Return the accounts' password; make those that are missing, each linked to its person."""
        password_file = self._installation.folder / "password"
        made = self._installation.folder / "accounts-made"
        if not made.exists():
            if not password_file.exists():
                replace_file(password_file, readable_password().encode())
            self._agent("migrate")
            there = "" if anew else self._agent("users", "list")  # of a start that was interrupted, or of an older demo
            self._say(f"making the accounts {', '.join(account.email for account in accounts)}")
            with ThreadPoolExecutor(len(accounts)) as threads:  # a command takes a second, most of it to begin
                list(threads.map(lambda account: self._make_account(account, there, password_file), accounts))
            replace_file(made, b"")
        return password_file.read_text("utf-8")

    def _make_account(self, account: Account, there: str, password_file: Path) -> None:
        if account.email not in there:
            self._agent(
                "users", "add", account.email, "--name", account.name, "--role", account.role,
                "--password-file", str(password_file),
            )  # fmt: skip
        if account.person:
            self._agent("grants", "add", account.email, "--app", "health", "--person", account.person)

    def _agent(self, *arguments: str) -> str:
        """Run a command of the agent, as its owner would on the RPI3, and return what it printed."""
        done = subprocess.run(
            self._command("agent", *arguments),
            cwd=ROOT,
            env={**environment(), **self._variables("agent")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        if done.returncode != 0:
            msg = f"agent {' '.join(arguments[:2])} failed: {done.stdout.strip()}"
            raise DemoError(msg)
        return done.stdout

    def _serve(self, name: str) -> None:
        readiness = self._readiness[name] = Readiness()
        child = self._children[name] = start(
            f"the {name}",
            self._command(name, "serve"),
            log=self._installation.log / f"{name}.log",
            folder=ROOT,
            variables=self._variables(name) | readiness.environment,
        )
        readiness.wait(child, _READY_S)

    def _stop(self, name: str) -> None:
        if name in self._children:
            self._children.pop(name).stop((signal.SIGTERM, _DRAIN_S[name] + 1.0))
        if name in self._readiness:
            self._readiness.pop(name).close()

    def _command(self, name: str, *arguments: str) -> list[str]:
        settings = self._installation.folder / name / f"{name}.toml"
        return [sys.executable, "-m", name, *arguments, "--config", str(settings)]

    def _variables(self, name: str) -> dict[str, str]:
        return {"CREDENTIALS_DIRECTORY": str(self._installation.folder / name / "credentials")}


class Code:
    """The files of agent and gateway, and which of the two have changed since the last look."""

    _FOLDERS: Final = {"agent": ("agent", "bridge"), "gateway": ("gateway", "bridge")}

    def __init__(self) -> None:
        self._seen = {name: _newest(folders) for name, folders in self._FOLDERS.items()}

    def changed(self) -> list[str]:
        before, self._seen = self._seen, {name: _newest(folders) for name, folders in self._FOLDERS.items()}
        return [name for name, newest in self._seen.items() if newest != before[name]]


def watch(appliance: Appliance, code: Code | None) -> NoReturn:
    """Stay until a process ends by itself (DemoError) or somebody asks to stop (:class:`Asked`).

    With ``code``, agent and gateway are restarted when theirs changes.
    """
    while True:
        time.sleep(_LOOK_S)
        if failure := appliance.look():
            raise failure
        for name in code.changed() if code else ():
            appliance.restart(name)


def _newest(folders: tuple[str, ...]) -> int:
    """Return when a file in ``folders`` changed last (ns)."""
    newest = 0
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.*") if path.suffix != ".pyc"):
        with suppress(FileNotFoundError):  # an editor's draft
            newest = max(newest, path.stat().st_mtime_ns)
    return newest


def readable_password() -> str:
    """Return a password that can be typed: four groups of four characters, upper and lower case and digits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ["".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3)]
    return "-".join(["Demo", *groups, "7"])
