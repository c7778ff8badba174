"""What Docker asks each container: not whether a port is open, but whether the work that it is there for gets done.

- ``gateway``: ``/health/ready`` on its socket, which asks the agent over the bridge for itself and its databases;
- ``agent``: a signed call over mutual TLS to its own listener, and a statement in each of its databases
  (``demo/compose/agent_check.py``);
- ``nginx``: a request over TLS that a gateway has to answer;
- ``postgresql``: a statement.

It restarts nothing: an agent whose database is away is unhealthy, and a restart would not bring the database back. Only
where process 1 itself is stopped, and cannot look after the service any more, is it woken up to end.

Standard library alone: it runs every few seconds on a small machine.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from demo.compose import probes

_GATEWAY_SOCKET: Final = Path("/run/drawbridge/gateway-1.sock")
_AGENT: Final = ("python3", "-m", "demo.compose.agent_check")
_PSQL: Final = (
    *("--no-psqlrc", "--quiet", "--tuples-only", "--dbname=postgres", "--command"),
    "SELECT count(*) FROM pg_catalog.pg_class",
)
_COMMAND_S: Final = 6.0


def gateway() -> bool:
    return probes.http(_GATEWAY_SOCKET, "/health/ready")


def agent() -> bool:
    return _succeeds(_AGENT)


def postgresql() -> bool:
    psql = max(Path("/usr/lib/postgresql").glob("*/bin/psql"))  # Debian's own on PATH is a wrapper that looks around
    return _succeeds((str(psql), *_PSQL))


def nginx(server_name: str, port: str) -> bool:
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE  # the question is whether it serves, and nothing secret is sent
    with (
        closing(socket.create_connection(("127.0.0.1", int(port)), probes.TIMEOUT_S)) as plain,
        closing(trust.wrap_socket(plain, server_hostname=server_name)) as channel,
    ):
        channel.sendall(f"GET /health HTTP/1.0\r\nHost: {server_name}\r\n\r\n".encode())
        return channel.recv(12)[9:12] == b"200"


def wake_up_to_end(pid: int = 1) -> bool:
    """Return whether process ``pid`` was stopped (SIGSTOP); then it has been asked to end, and been woken up for it."""
    state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    if state != "T":
        return False
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)  # reaches process 1 even from inside, as SIGKILL would not (kill(2))
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    service, *options = sys.argv[1:] if arguments is None else arguments
    if wake_up_to_end():
        print("process 1 was stopped: it was asked to end")
        return 1
    checks: dict[str, Callable[..., bool]] = {
        "gateway": gateway,
        "agent": agent,
        "nginx": nginx,
        "postgresql": postgresql,
    }
    try:
        is_healthy = checks[service](*options)
    except OSError as error:
        print(error)
        return 1
    return 0 if is_healthy else 1


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_COMMAND_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(main())
