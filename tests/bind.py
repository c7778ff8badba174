"""A real BIND on a high port of loopback: one zone, and keys that may change one name each."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query
import pytest

NAMED: Final = shutil.which("named") or shutil.which("named", path="/usr/sbin:/usr/local/sbin")
ZONE: Final = "example.org"
NAME: Final = "box.example.org"
KEY_NAME: Final = "box-key"
OTHER_KEY_NAME: Final = "other-key"
SECRET: Final = base64.b64encode(b"box" * 11).decode()
OTHER_SECRET: Final = base64.b64encode(b"other" * 7).decode()

_CONFIG: Final = """\
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ {ipv4}; }};
  listen-on-v6 port {port} {{ {ipv6}; }};
  recursion no;
  dnssec-validation no;
  allow-transfer {{ none; }};
  notify no;
}};
controls {{ }};
key "{key_name}" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "{other_key_name}" {{ algorithm hmac-sha256; secret "{other_secret}"; }};
zone "example.org" {{
  type primary;
  file "example.org.zone";
  update-policy {{
    grant {key_name} name box.example.org. A AAAA;
    grant {other_key_name} name other.example.org. A AAAA;
  }};
}};
"""
_ZONE: Final = """\
$TTL 60
@ IN SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 60
@ IN NS ns.example.org.
ns IN A {ipv4}
{aaaa}
fixed IN A 192.88.98.7
"""


@dataclass(frozen=True, slots=True)
class Bind:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """As settings name it."""
        return f"127.0.0.1:{self.port}"

    def look_up(self, name: str, kind: str = "A", *, timeout_s: float = 2.0) -> set[str]:
        reply = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=timeout_s)
        return {str(entry) for rrset in reply.answer for entry in rrset}


def _free_port() -> int:
    """Return a port that is free for UDP and TCP."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


@contextmanager
def bind(
    folder: Path, *, enter: Sequence[str] = (), at: tuple[str, str] = ("127.0.0.1", ""), port: int | None = None
) -> Iterator[Bind]:
    """Run BIND in ``folder`` as the user that runs the tests, in the namespace that the command ``enter`` goes into.

    ``at``: its IPv4 and its IPv6 address, if any; ``port``: one that is free, unless it is given.
    """
    if NAMED is None:
        pytest.skip("BIND is missing: apt-get install bind9")
    port = port or _free_port()
    ipv4, ipv6 = at
    (folder / "example.org.zone").write_text(_ZONE.format(ipv4=ipv4, aaaa=f"ns IN AAAA {ipv6}" if ipv6 else ""))
    config = folder / "named.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder, port=port, key_name=KEY_NAME, secret=SECRET, other_key_name=OTHER_KEY_NAME,
            other_secret=OTHER_SECRET, ipv4=ipv4, ipv6=ipv6 or "none",
        )
    )  # fmt: skip
    with (folder / "named.log").open("wb") as log:
        process = subprocess.Popen(
            [*enter, NAMED, "-g", "-n", "1", "-c", str(config)],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=dict(os.environ),
        )
    serving = Bind(port, process)
    try:
        _wait(serving, folder, enter)
        yield serving
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _wait(serving: Bind, folder: Path, enter: Sequence[str]) -> None:
    end = time.monotonic() + 8
    while not (_answers(serving) if not enter else "running" in (folder / "named.log").read_text()):
        assert serving.process.poll() is None, (folder / "named.log").read_text()
        assert time.monotonic() < end, (folder / "named.log").read_text()
        time.sleep(0.02)


def _answers(serving: Bind) -> bool:
    try:
        return bool(serving.look_up(f"ns.{ZONE}", timeout_s=0.1))
    except (OSError, dns.exception.DNSException):
        return False
