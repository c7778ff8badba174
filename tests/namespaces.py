"""Network namespaces that tests make: a host of ours, and the world around it, joined by a cable.

As root or not: who is not root becomes it in a user namespace, where nft and ip work as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from rescue.bans.nft import NFT

PROBE: Final = Path(__file__).with_name("probe.py")

HOST: Final = "10.77.0.4"
HOST_IPV6: Final = "fd00:77::4"
ROUTER: Final = "10.77.0.1"
LAN: Final = "10.77.0.10"
LAN_IPV6: Final = "fd00:77::10"
PEER: Final = "10.77.0.3"
STRANGER: Final = "198.51.100.10"
OTHER_STRANGER: Final = "198.51.100.11"
STRANGER_IPV6: Final = "2001:db8:9::10"
OTHER_STRANGER_IPV6: Final = "2001:db8:a::10"
NEIGHBOUR_IPV6: Final = "2001:db8:9::11"
"""In the stranger's /64."""

_HOST_MAC: Final = "02:00:00:00:00:04"
_WORLD_MAC: Final = "02:00:00:00:00:10"

# Neighbours are given: a kernel joins an address's multicast group a moment later, and queues few packets until then.
_HOST_SETUP: Final = f"""\
link set lo up
link add eth0 address {_HOST_MAC} type veth peer name eth0 address {_WORLD_MAC} netns {{world_pid}}
address add {HOST}/24 dev eth0
address add {HOST_IPV6}/64 dev eth0 nodad
link set eth0 up
neighbour add {ROUTER} lladdr {_WORLD_MAC} dev eth0
neighbour add {LAN_IPV6} lladdr {_WORLD_MAC} dev eth0
route add default via {ROUTER}
route add ::/0 via {LAN_IPV6}
"""
_WORLD_SETUP: Final = f"""\
link set lo up
address add {ROUTER}/24 dev eth0
address add {LAN}/24 dev eth0
address add {PEER}/24 dev eth0
address add {STRANGER}/32 dev eth0
address add {OTHER_STRANGER}/32 dev eth0
address add {LAN_IPV6}/64 dev eth0 nodad
address add {STRANGER_IPV6}/128 dev eth0 nodad
address add {NEIGHBOUR_IPV6}/128 dev eth0 nodad
address add {OTHER_STRANGER_IPV6}/128 dev eth0 nodad
link set eth0 up
neighbour add {HOST} lladdr {_HOST_MAC} dev eth0
neighbour add {HOST_IPV6} lladdr {_HOST_MAC} dev eth0
"""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, alive as long as the process that holds it."""

    enter: tuple[str, ...]

    def start(self, *command: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen([*self.enter, *command], text=True, **options)  # type: ignore[call-overload, no-any-return]

    def run(self, *command: str, given: str | None = None, check: bool = True) -> str:
        """Return the standard output of ``command``; its errors are in the exception's text."""
        result = subprocess.run(
            [*self.enter, *command], input=given, capture_output=True, text=True, check=False, timeout=10
        )
        assert not check or result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout

    def nft(self, *arguments: str, given: str | None = None) -> str:
        return self.run(NFT, *arguments, given=given)

    def scan(self, source: str, to: str, ports: Sequence[int], *, protocol: str = "tcp") -> dict[int, str]:
        """Return open, closed or filtered by port of ``to``, as ``source`` in this namespace sees it."""
        asked = json.dumps({"source": source, "to": to, "ports": list(ports), "protocol": protocol})
        answer = self.run(sys.executable, "-I", "-S", str(PROBE), "scan", given=asked)
        return {int(port): state for port, state in json.loads(answer).items()}

    def counter(self, name: str) -> int:
        """Return how many packets a counter of the ruleset has seen."""
        listing = json.loads(self.nft("-j", "list", "counter", "inet", "edge", name))
        return int(next(entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry))


@dataclass(frozen=True, slots=True)
class Edge:
    """A host of ours and the world: the LAN, the router, the other host and strangers, as addresses of one machine."""

    host: Namespace
    world: Namespace

    def probe(self, source: str, ports: Sequence[int], *, protocol: str = "tcp") -> dict[int, str]:
        """Return open, closed or filtered by port of the host, as ``source`` sees it."""
        return self.world.scan(source, HOST_IPV6 if ":" in source else HOST, ports, protocol=protocol)

    def passed(self, source: str, ports: Sequence[int], *, protocol: str = "tcp") -> set[int]:
        """Return the ports to which the firewall lets ``source`` through."""
        states = self.probe(source, ports, protocol=protocol)
        return {port for port, state in states.items() if state != "filtered"}


@contextmanager
def namespace(*prefix: str) -> Iterator[tuple[Namespace, int]]:
    # unshare says so when it is inside: cat answers then
    own_user = () if os.geteuid() == 0 or prefix else ("--user", "--map-root-user")
    command = [*prefix, "unshare", *own_user, "--net", "sh", "-c", "echo $$; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            line = holder.stdout.readline()
            if not line:
                pytest.skip("network namespaces cannot be made here: run as root, or allow user namespaces")
            user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
            yield Namespace(("nsenter", f"--target={int(line)}", *user, "--net", "--")), int(line)
        finally:
            holder.stdin.close()  # cat ends


@contextmanager
def edge() -> Iterator[Edge]:
    """Make both namespaces and the cable; no rules yet."""
    with ExitStack() as stack:
        host, _ = stack.enter_context(namespace())
        inside = host.enter if os.geteuid() != 0 else ()
        world, world_pid = stack.enter_context(namespace(*inside))
        host.run("ip", "-batch", "-", given=_HOST_SETUP.format(world_pid=world_pid))
        world.run("ip", "-batch", "-", given=_WORLD_SETUP)
        yield Edge(host, world)
