"""Ask the agent, as the unit ``monitor``, how it is, and each of its databases for one statement.

The unit's key and certificate lie in the agent's own volume, and are renewed here when they are due: nobody else is
there to do it.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Final

import asyncpg

from bridge.client.session import Message, SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.system import STATUS, Status
from bridge.keys import KeyStore
from bridge.pki import Authority
from bridge.process.clock import SystemClock, utc
from bridge.tls import ReloadingClientTLS
from bridge.trace import TraceContext

_STATE: Final = Path("/var/lib/drawbridge")
_AGENT: Final = Endpoint("127.0.0.1", 8443, "agent.drawbridge.internal")
_OK: Final = 200
_STATEMENT_S: Final = 2.0


async def agent_status() -> Status:
    """Return what the agent says of itself. Raises OSError where it says nothing, or nothing that it signed."""
    clock = SystemClock()
    session = SignedSession(authority=_AGENT.server_name, keys=KeyStore(_STATE / "monitor" / "keys"), clock=clock)
    transport = Transport(_AGENT, ReloadingClientTLS(_STATE / "monitor" / "tls"), size=1)
    message = Message(
        operation=STATUS.name,
        body=b"{}",
        deadline_ms=STATUS.deadline_ms,
        traceparent=TraceContext(secrets.token_hex(16), secrets.token_hex(8)).header,
    )
    try:
        async with asyncio.timeout(STATUS.deadline_ms / 1000):
            answer = await session.exchange(transport, message)
    finally:
        await transport.close()
    if answer.status != _OK:
        msg = f"the agent answered {answer.status}"
        raise OSError(msg)
    return Status.model_validate_json(answer.body)


async def ask_database(dsn: str) -> None:
    """Return once ``dsn`` has answered a statement. Raises OSError or what asyncpg raises."""
    connection = await asyncpg.connect(
        dsn, timeout=_STATEMENT_S, server_settings={"application_name": "drawbridge-health"}
    )
    try:
        await connection.execute("SELECT 1", timeout=_STATEMENT_S)
    finally:
        connection.terminate()


async def check() -> list[str]:
    """Return what is wrong; nothing where all is well."""
    wrong = []
    try:
        down = [each.name for each in (await agent_status()).dependencies if each.state == "down"]
        wrong += [f"the agent says that {name} is down" for name in down]
    except OSError as error:
        wrong.append(f"the agent does not answer: {type(error).__name__}")
    for name in ("store", "source"):
        try:
            await ask_database((_STATE / "credentials" / f"{name}.dsn").read_text("utf-8"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            wrong.append(f"the database {name} does not answer: {type(error).__name__}")
    return wrong


def main() -> int:
    Authority(_STATE / "pki").renew(_STATE / "monitor" / "tls", now=utc(SystemClock().time()), only_if_due=True)
    wrong = asyncio.run(check())
    print("\n".join(wrong) or "well")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
