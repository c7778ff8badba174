"""A home: a router with a real miniupnpd, our host and another device behind it, and somebody outside.

Each is a network namespace. The keeper runs in our host's, as a process that writes down what it knows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.namespaces import PROBE, Namespace, namespace

REPOSITORY: Final = Path(__file__).parents[5]
ROUTER: Final = "10.78.0.1"
BOX: Final = "10.78.0.4"
OTHER: Final = "10.78.0.5"
OUTER: Final = "11.22.33.44"
"""miniupnpd refuses to map at a reserved address, those for documentation included."""
OUTSIDE: Final = "11.22.33.10"
_START_S: Final = 20.0
"""Long enough for a busy machine; nothing is measured by it."""

Status = dict[str, Any]

_ROUTER_SETUP: Final = f"""\
link set lo up
link add br0 type bridge
link add lan0 type veth peer name eth0 netns {{box}}
link add lan1 type veth peer name eth0 netns {{other}}
link add wan type veth peer name eth0 netns {{outside}}
link set lan0 master br0 up
link set lan1 master br0 up
address add {ROUTER}/24 dev br0
address add {OUTER}/24 dev wan
link set br0 up
link set wan up
"""
_DEVICE_SETUP: Final = """\
link set lo up
address add {address}/24 dev eth0
link set eth0 up
"""
_RULES: Final = """
table inet miniupnpd {
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname "br0" accept
        ct state established,related accept
        jump mapped
    }
    chain mapped {}
    chain prerouting { type nat hook prerouting priority -100; jump translated; }
    chain translated {}
    chain postrouting { type nat hook postrouting priority 100; oifname "wan" masquerade; jump translated_back; }
    chain translated_back {}
}
"""
_CONFIGURATION: Final = f"""\
ext_ifname=wan
listening_ip=br0
enable_natpmp={{natpmp}}
enable_upnp={{upnp}}
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=mapped
upnp_nat_chain=translated
upnp_nat_postrouting_chain=translated_back
min_lifetime=1
max_lifetime={{max_lifetime_s}}
secure_mode=yes
uuid=00000000-0000-0000-0000-000000000001
{{rules}}
allow 1-65535 {BOX}/24 1-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


def until(
    ready: Callable[[], bool],
    *,
    timeout_s: float = _START_S,
    say: Callable[[], object] = lambda: "it did not come about",
) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, say()
        time.sleep(0.01)


class Router:
    """miniupnpd in the router's namespace."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.namespace = namespace

    def start(self, *, natpmp: bool = True, upnp: bool = True, max_lifetime_s: int = 86400, rules: str = "") -> None:
        """Start it; PCP and NAT-PMP are one switch. Returns when it listens."""
        configuration = self._folder / "miniupnpd.conf"
        given = {"natpmp": _yes(natpmp), "upnp": _yes(upnp), "max_lifetime_s": max_lifetime_s, "rules": rules}
        configuration.write_text(_CONFIGURATION.format(**given))
        self.restart()

    def take_outer_address(self, address: str) -> None:
        """Have ``address`` toward the Internet instead."""
        self.namespace.run("ip", "address", "flush", "dev", "wan")
        self.namespace.run("ip", "address", "add", f"{address}/24", "dev", "wan")

    def restart(self) -> None:
        """Start it as before."""
        log = self._folder / "miniupnpd.log"
        command = ("miniupnpd", "-d", "-f", str(log.with_suffix(".conf")), "-P", str(log.with_suffix(".pid")))
        with log.open("w") as written:
            self._process = self.namespace.start(*command, stdout=written, stderr=written)
        until(lambda: "Listening for NAT-PMP" in log.read_text() or "HTTP listening" in log.read_text())

    def kill(self) -> None:
        """Cut its power: no farewell, and nothing is left of its table."""
        self.stop()
        for chain in ("mapped", "translated", "translated_back"):
            self.namespace.nft("flush", "chain", "inet", "miniupnpd", chain)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def table(self) -> dict[int, str]:
        """Return the host by mapped TCP port, as the kernel has it."""
        listed = self.namespace.nft("list", "chain", "inet", "miniupnpd", "translated")
        rules = [line.split() for line in listed.splitlines() if "dnat" in line]
        return {int(rule[rule.index("dport") + 1]): rule[rule.index("to") + 1].split(":")[0] for rule in rules}


def _yes(switch: bool) -> str:
    return "yes" if switch else "no"


@dataclass
class Keeping:
    """A keeper at work in our host's namespace, as a process."""

    process: subprocess.Popen[str]
    written: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def statuses(self) -> list[Status]:
        lines = self.lines()
        return lines[-1]["mappings"] if lines else []

    def until(self, ready: Callable[[list[Status]], bool], *, timeout_s: float = 30.0) -> list[Status]:
        """Return what the keeper knows as soon as ``ready`` says so."""
        until(lambda: bool(self.statuses()) and ready(self.statuses()), timeout_s=timeout_s, say=self.statuses)
        return self.statuses()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(8)


@dataclass
class Lan:
    router: Router
    box: Namespace
    other: Namespace
    outside: Namespace
    folder: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def keep(self, **settings: object) -> Keeping:
        """Start a keeper with these settings; it says what it knows after each round."""
        given = {"enabled": True, "nonce_file": str(self.folder / "nonce"), "check_every_s": 0.3} | settings
        written = self.folder / f"keeper-{len(self.running)}.jsonl"
        script = (sys.executable, str(Path(__file__).with_name("box.py")), json.dumps(given))
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        with written.open("w") as out:
            process = self.box.start(*script, stdout=out, env=environment)
        self.running.append(process)
        return Keeping(process, written)

    def listen(self, *ports: int) -> None:
        """Listen in our host."""
        process = self.box.start(
            sys.executable, "-I", "-S", str(PROBE), "listen", *map(str, ports), stdout=subprocess.PIPE
        )
        self.running.append(process)
        for port in ports:
            until(lambda port=port: self.box.scan("127.0.0.1", "127.0.0.1", [port])[port] == "open")  # type: ignore[misc]

    def reached(self, *ports: int) -> dict[int, str]:
        """Return open, closed or filtered by port, as somebody outside sees the router's outer address."""
        return self.outside.scan(OUTSIDE, OUTER, ports)


def lacking() -> str:
    """Return what this machine lacks for it, or nothing."""
    for command in ("miniupnpd", "upnpc", "natpmpc", "nft", "ip"):
        if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            return f"{command} is missing: run make setup-test"
    return ""


@contextmanager
def lan(folder: Path) -> Iterator[Lan]:
    """Make the namespaces and the cables. miniupnpd does not run yet."""
    with ExitStack() as stack:
        router, _ = stack.enter_context(namespace())
        inside: Sequence[str] = router.enter if os.geteuid() != 0 else ()
        pids, devices = {}, {}
        for name in ("box", "other", "outside"):
            devices[name], pids[name] = stack.enter_context(namespace(*inside))
        router.run("ip", "-batch", "-", given=_ROUTER_SETUP.format(**pids))
        router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        router.nft("-f", "-", given=_RULES)
        for name, address in (("box", BOX), ("other", OTHER), ("outside", OUTSIDE)):
            devices[name].run("ip", "-batch", "-", given=_DEVICE_SETUP.format(address=address))
        for name in ("box", "other"):
            devices[name].run("ip", "route", "add", "default", "via", ROUTER)
        made = Lan(Router(router, folder), devices["box"], devices["other"], devices["outside"], folder)
        try:
            yield made
        finally:
            for process in made.running:
                process.kill()
                process.wait(5)
                if process.stdout is not None:
                    process.stdout.close()
            made.router.stop()
