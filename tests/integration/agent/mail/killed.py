"""Sends mails, killed (SIGKILL) before the n-th step, for each n: a step is a statement or an SMTP command, or its end.

A program of its own: ``python -m tests.integration.agent.mail.killed DSN KEY PORT CA``, on a store where nothing waits.
Prints, as JSON, the step that each killing came before, and how the process and the next one, which finds what the
first left, ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from aiosmtplib.protocol import SMTPProtocol
from pydantic import SecretStr

from agent.db.pools import Connection, Pool, PoolOptions
from agent.mail.outbox import Outbox
from agent.mail.post import Post
from agent.mail.sender import Sender
from agent.mail.statements import QUERIES
from agent.mail.wording import Template
from agent.settings import Mail, Relay
from bridge.process.clock import SystemClock
from tests.mail_server import PASSWORD, USER

NEVER = 1_000_000
_CLOCK = SystemClock()


class Killer:
    """Counts the steps of a process, and ends it before step ``at``, having written down which that is."""

    def __init__(self, note: int) -> None:
        self._note = note
        self.steps = 0
        self.at = NEVER

    def step(self, name: str) -> None:
        self.steps += 1
        if self.steps == self.at:
            os.write(self._note, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: type, method: str, name_of: Callable[[tuple[Any, ...]], str]) -> None:
        really: Callable[..., Awaitable[Any]] = getattr(owner, method)

        async def watched(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the method
            name = name_of(arguments[1:])
            if not name:
                return await really(*arguments, **options)
            self.step(f"before {name}")
            result = await really(*arguments, **options)
            self.step(f"after {name}")
            return result

        setattr(owner, method, watched)


def _statement(arguments: tuple[Any, ...]) -> str:
    """Return the name of a sender's own statement; those of its pool only look."""
    return next((name for name, query in QUERIES.items() if query.sql == arguments[0] and name != "next_mail"), "")


async def work(settings: Mail, dsn: str, tls: ssl.SSLContext) -> None:
    pool = Pool(PoolOptions("killed", dsn, size=1), _CLOCK)
    key = Outbox(settings, _CLOCK).key
    assert key is not None
    sender = Sender(settings, Post(settings, Relay(), tls=tls), key, pool=pool, dsn=dsn, clock=_CLOCK)
    while await sender._look() <= 1.0:  # noqa: ASYNC110 - until nothing waits; the one killed may still have the right
        await asyncio.sleep(0.005)
    await pool.close(_CLOCK.monotonic() + 1)


async def put(settings: Mail, dsn: str, recipient: str) -> None:
    pool = Pool(PoolOptions("killed", dsn, size=1), _CLOCK)
    async with pool.transaction(_CLOCK.monotonic() + 5) as transaction:
        values = {"link": "/reset", "minutes": "60"}
        await Outbox(settings, _CLOCK).enqueue(
            transaction, Template.RESET_PASSWORD, to=recipient, language="en", values=values, cause=recipient
        )
    await pool.close(_CLOCK.monotonic() + 1)


def run(job: Callable[[], Awaitable[None]], at: int = NEVER) -> tuple[int, str]:
    """Return the exit status of a process that does ``job`` until step ``at``, and what that step was."""
    note, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        killer = Killer(end)
        killer.at = at
        killer.watch(Connection, "execute", _statement)
        killer.watch(Connection, "fetchrow", _statement)
        killer.watch(SMTPProtocol, "execute_command", lambda words: words[0].decode()[:4])
        killer.watch(SMTPProtocol, "execute_data_command", lambda _words: "the text")
        uvloop.run(job())  # type: ignore[arg-type] # as the agent does
        os._exit(0)
    os.close(end)
    status = os.waitpid(pid, 0)[1]
    with open(note, "rb") as said:  # noqa: PTH123 - a descriptor, not a path
        return status, said.read().decode()


def main(dsn: str, key: Path, port: int, authority: Path) -> None:
    settings = Mail(
        host="localhost", port=port, username=USER, password=SecretStr(PASSWORD), sender="box@example.org",
        site="https://health.example.org", key_file=key, retry_s=(0.001, 0.001),
    )  # fmt: skip
    tls = ssl.create_default_context(cafile=authority)
    results = []
    for at in range(1, NEVER):
        recipient = f"killed-{at}@example.org"
        run(lambda recipient=recipient: put(settings, dsn, recipient))  # type: ignore[misc]
        status, step = run(lambda: work(settings, dsn, tls), at)
        again, _ = run(lambda: work(settings, dsn, tls))
        results.append({"recipient": recipient, "status": status, "step": step, "again": again})
        if status == 0:
            break
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
