"""Who holds a certificate and the door's message keys, and calls the agent past the gateway.

``python -m tests.lab.intruder FOLDER ADDRESS PORT OPERATION`` signs one call with ``FOLDER/keys``, shows the
certificate of ``FOLDER/tls``, and prints the answer's status and error code; ``refused`` where the
connection was not let in. Run in the door's place on the network, since the keep's firewall hears nobody else.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.client.session import Message, SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.system import RENEW, RenewalRequest
from bridge.keys import KeyStore
from bridge.pki import Identity, generate_key, request_text, unit_name
from bridge.problem import error_from_problem
from bridge.process.clock import SystemClock
from bridge.tls import ReloadingClientTLS
from tests.lab.host import Host

BRIDGE: Final = 8443
RENEWAL: Final = 8444
DOORS: Final = Path("/var/lib/drawbridge/gateway")
"""Where the door has both."""
_AGENT = unit_name("agent")
_DEADLINE_S = 10


@dataclass(frozen=True, slots=True)
class Intruder:
    """Somebody in the door's place, with the message keys and the certificate of ``folder``."""

    door: Host
    keep: Host
    folder: Path

    @classmethod
    def with_what_the_door_has(cls, door: Host, keep: Host, folder: Path) -> Intruder:
        """Steal keys and certificate."""
        for name in ("keys/keys.json", "tls/identity.pem", "tls/roots.pem", "tls/revoked.txt"):
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(door.sudo(f"cat {DOORS / name}"))
        return cls(door, keep, folder)

    def call(self, operation: str, port: int = BRIDGE) -> str:
        """Return what :func:`call` says of one call."""
        command = (sys.executable, "-m", "tests.lab.intruder", self.folder, self.keep.address, str(port), operation)
        return self.door.from_its_place(*command)


async def call(folder: Path, address: str, port: int, operation: str) -> str:
    """Return ``<status> <code>`` of the agent's answer, or ``refused``."""
    session = SignedSession(authority=_AGENT, keys=KeyStore(folder / "keys"), clock=SystemClock)
    transport = Transport(Endpoint(address, port, _AGENT), ReloadingClientTLS(folder / "tls"), size=1)
    body = b"{}"
    if operation == RENEW.name:
        body = RenewalRequest(request=request_text(Identity(generate_key(), ()).request())).model_dump_json().encode()
    try:
        async with asyncio.timeout(_DEADLINE_S):
            answer = await session.exchange(transport, Message(operation, body, idempotency_key="intruder-0123456789"))
    except OSError as error:
        return f"refused {type(error).__name__}"
    finally:
        await transport.close()
    problem = error_from_problem(answer.body) if answer.status != 200 else None
    return f"{answer.status} {problem.code.value.code if problem else ''}".strip()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(call(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])))
