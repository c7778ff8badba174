"""A box, its router with the keep on the same LAN, and an Internet of a DNS server, two targets and a mirror."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final

import trustme

from gateway.connectivity.verbs import SECTIONS
from gateway.settings import GatewaySettings
from gateway.settings.plain import as_json
from tests import peers
from tests.namespaces import PROBE, Namespace, namespace

ROOT: Final = Path(__file__).parents[4]
NAMED: Final = "/usr/sbin/named"

BOX: Final = "10.77.0.4"
ROUTER: Final = "10.77.0.1"
KEEP: Final = "10.77.0.3"
NEIGHBOURS: Final = ROOT / "ansible" / "roles" / "monitor" / "files" / "60-drawbridge-neighbours.conf"
RESOLVER: Final = "203.0.113.53"
TARGETS: Final = {"acme-v02.api.letsencrypt.org": "203.0.113.80", "deb.debian.org": "203.0.113.81"}
MIRROR: Final = "203.0.113.90"
RESOLVER_IPV6: Final = "2001:db8:53::53"
TARGETS_IPV6: Final = {"acme-v02.api.letsencrypt.org": "2001:db8:53::80", "deb.debian.org": "2001:db8:53::81"}
NAME: Final = "box.example.org"
PUBLIC: Final = "198.51.100.7"
PUBLIC_IPV6: Final = "2001:db8:77::4"
ROUTER_IPV6: Final = "fe80::1"
"""As routers of houses name themselves: of the link alone."""

_BOX_SETUP: Final = f"""\
link set lo up
link add eth0 type veth peer name lan0 netns {{router_pid}}
address add {BOX}/24 dev eth0
link set eth0 up
route add default via {ROUTER}
"""
_ROUTER_SETUP: Final = f"""\
link set lo up
link add wan0 type veth peer name eth0 netns {{internet_pid}}
address add {ROUTER}/24 dev lan0
address add {KEEP}/32 dev lan0
address add 192.0.2.1/24 dev wan0
link set lan0 up
link set wan0 up
route add 203.0.113.0/24 via 192.0.2.2
address add {ROUTER_IPV6}/64 dev lan0 nodad
address add 2001:db8:77::1/64 dev lan0 nodad
address add 2001:db8:1::1/64 dev wan0 nodad
route add 2001:db8:53::/64 via 2001:db8:1::2
"""
_INTERNET_SETUP: Final = "".join(
    [
        "link set lo up\nlink set eth0 up\naddress add 192.0.2.2/24 dev eth0\nroute add 10.77.0.0/24 via 192.0.2.1\n",
        *(f"address add {address}/32 dev eth0\n" for address in (RESOLVER, MIRROR, *TARGETS.values())),
        "address add 2001:db8:1::2/64 dev eth0 nodad\nroute add 2001:db8:77::/64 via 2001:db8:1::1\n",
        *(f"address add {address}/128 dev eth0 nodad\n" for address in (RESOLVER_IPV6, *TARGETS_IPV6.values())),
    ]
)
_NAMED_CONF: Final = """\
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on {{ {address}; }}; listen-on-v6 {{ {ipv6}; }}; recursion no; allow-query {{ any; }}; dnssec-validation no;
}};
controls {{ }};
zone "." {{ type master; file "root.zone"; }};
zone "example.org" {{ type master; file "example.zone"; }};
"""
_SOA: Final = "$TTL 60\n@ SOA ns.example.org. root.example.org. 1 3600 600 86400 60\n@ NS ns.example.org.\n"


@dataclass
class World:
    """Everything; the monitor is the real process, in the box's namespace."""

    box: Namespace
    router: Namespace
    internet: Namespace
    folder: Path
    stack: ExitStack
    authority: trustme.CA
    """Whom the monitor trusts."""

    def play(self, where: Namespace, *arguments: str) -> Popen[str]:
        """Run a peer until the test ends, once it says that it is ready."""
        return self.stack.enter_context(playing(where, sys.executable, "-I", peers.__file__, *arguments))

    @property
    def snapshot(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / "status.json").read_text("utf-8")))
        except FileNotFoundError:
            return {"state": "unknown", "diagnosis": None, "rungs": []}

    @property
    def code(self) -> str | None:
        diagnosis = self.snapshot["diagnosis"]
        return str(diagnosis["code"]) if diagnosis else None

    def publish(self, address: str | None = PUBLIC, *, name: str = NAME, ipv6: str | None = None) -> None:
        """Say what the DDNS updater would: that these are our addresses."""
        ours = {family: value for family, value in (("ipv4", address), ("ipv6", ipv6)) if value is not None}
        status = {
            "at": time.time(),
            "addresses": {
                family: {"value": ours.get(family), "state": "public" if family in ours else "unknown"}
                for family in ("ipv4", "ipv6")
            },
            "names": [{"name": name, "family": family, "state": "current"} for family in ours],
        }
        (self.folder / "ddns.json").write_text(json.dumps(status), "utf-8")

    def told(self) -> Counter[tuple[str, str]]:
        """Return how often each cause was raised and cleared, as the journal says."""
        entries: dict[tuple[str, float], bool] = {}
        for line in (self.folder / "outages.jsonl").read_text("utf-8").splitlines():
            entry = json.loads(line)
            if entry["kind"] == "told":
                entries[entry["name"], entry["began"]] = entry["ended"] is not None
        counts: Counter[tuple[str, str]] = Counter()
        for (cause, _), is_over in entries.items():
            counts[cause, "raised"] += 1
            counts[cause, "cleared"] += is_over
        return counts


@contextmanager
def playing(where: Namespace, *command: str, **options: int) -> Iterator[Popen[str]]:
    with where.start(*command, stdout=PIPE, **options) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def resolving(world_folder: Path, internet: Namespace) -> Iterator[Popen[str]]:
    """Run BIND as the Internet's only DNS server, with authority for everything."""
    folder = world_folder / "named"
    folder.mkdir(exist_ok=True)
    (folder / "named.conf").write_text(_NAMED_CONF.format(folder=folder, address=RESOLVER, ipv6=RESOLVER_IPV6), "utf-8")
    hosts = "".join(f"{name}. A {address}\n{name}. AAAA {TARGETS_IPV6[name]}\n" for name, address in TARGETS.items())
    (folder / "root.zone").write_text(
        f"{_SOA}{hosts}example.org. NS ns.example.org.\nns.example.org. A {RESOLVER}\n"
        f"ns.example.org. AAAA {RESOLVER_IPV6}\n",
        "utf-8",
    )
    own = f"ns A {RESOLVER}\nns AAAA {RESOLVER_IPV6}\nmirror A {MIRROR}\nbox A {PUBLIC}\nbox AAAA {PUBLIC_IPV6}\n"
    (folder / "example.zone").write_text(f"{_SOA}{own}", "utf-8")
    with internet.start(NAMED, "-g", "-n", "1", "-c", str(folder / "named.conf"), stderr=PIPE) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.rstrip().endswith(" running"):
                    break
            yield process
        finally:
            process.kill()


@contextmanager
def monitoring(
    world_folder: Path,
    box: Namespace,
    *,
    command: Sequence[str] = (sys.executable,),
    email: Mapping[str, object] | None = None,
    **changed: object,
) -> Iterator[Popen[str]]:
    """Run the monitor, looking as often as a test has patience for; ``command`` is the interpreter."""
    given = {
        "resolv_conf": world_folder / "resolv.conf", "ca_file": world_folder / "ca.pem", "every_s": 0.4,
        "https_every_s": 0.4, "name_every_s": 0.4, "mirror_every_s": 0.4, "confirm_every_s": 0.2, "broken_every_s": 0.3,
        "ddns_status": world_folder / "ddns.json", "mirror": "https://mirror.example.org/",
        "gateway_sockets": (world_folder / "gateway-1.sock",), "status": world_folder / "status.json",
        "journal": world_folder / "outages.jsonl", **changed,
    }  # fmt: skip
    inbox = world_folder / "inbox"
    inbox.mkdir(exist_ok=True)
    settings = GatewaySettings.model_validate({
        "connectivity": given, "bridge": {"host": KEEP, "port": 8443},
        "alerts": {"inbox": inbox, "book": world_folder / "alerts.json", "email": email or {}},
        "watches": {"sockets": given["gateway_sockets"], "bans_socket": world_folder / "bans.sock",
                    "ddns_status": given["ddns_status"], "taken": world_folder / "taken.json"},
    })  # fmt: skip
    descriptor = os.memfd_create("settings")
    os.write(descriptor, as_json(settings, SECTIONS))
    os.lseek(descriptor, 0, os.SEEK_SET)
    with (world_folder / "monitor.log").open("a") as log:
        process = box.start(
            *command, "-m", "gateway.monitor", str(descriptor), stderr=log, cwd=ROOT, pass_fds=(descriptor,)
        )
    os.close(descriptor)
    with process:
        try:
            yield process
        finally:
            if process.poll() != -signal.SIGKILL:  # a test may have done that
                process.terminate()
                assert process.wait(5) == 0, (world_folder / "monitor.log").read_text()


def _files(folder: Path, name: str) -> tuple[str, str]:
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


def _mirror() -> str:
    """Return the example of the docs; it says when it is ready, as the other peers do."""
    found = re.search(r"```python\n(.+?)```", (ROOT / "docs" / "mirror.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1].replace("server.serve", "print('ready', flush=True)\nserver.serve")


def _set_patience(box: Namespace) -> None:
    """Set the kernel's patience with neighbours as the playbook does, which only root may by way of ``/proc/sys``."""
    found = dict(re.findall(r"^net\.ipv4\.neigh\.\*\.(\w+) = (\d+)$", NEIGHBOURS.read_text("utf-8"), re.MULTILINE))
    believed_ms, asked_s = found["base_reachable_time_ms"], found["delay_first_probe_time"]
    given = ("base_reachable", believed_ms, "delay_probe", f"{asked_s}000")
    box.run("ip", "ntable", "change", "name", "arp_cache", "dev", "eth0", *given)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Make all of it; the monitor has not looked yet."""
    with ExitStack() as stack:
        box, _ = stack.enter_context(namespace())
        inside = box.enter if os.geteuid() != 0 else ()
        router, router_pid = stack.enter_context(namespace(*inside))
        internet, internet_pid = stack.enter_context(namespace(*inside))
        box.run("ip", "-batch", "-", given=_BOX_SETUP.format(router_pid=router_pid))
        _set_patience(box)
        router.run("ip", "-batch", "-", given=_ROUTER_SETUP.format(internet_pid=internet_pid))
        internet.run("ip", "-batch", "-", given=_INTERNET_SETUP)
        router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        for file, names in (("targets", tuple(TARGETS)), ("mirror", ("mirror.example.org",))):
            issued = authority.issue_cert(*names)
            issued.private_key_pem.write_to_path(folder / f"{file}.key")
            for number, pem in enumerate(issued.cert_chain_pems):
                pem.write_to_path(folder / f"{file}.pem", append=number > 0)
        foreign = trustme.CA().issue_cert("portal.lan")
        foreign.private_key_and_cert_chain_pem.write_to_path(folder / "portal.pem")
        (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n", "utf-8")
        (folder / "mirror.py").write_text(_mirror(), "utf-8")
        stack.enter_context(resolving(folder, internet))
        peer = (sys.executable, "-I", peers.__file__)
        mirror = (sys.executable, "-I", str(folder / "mirror.py"))
        listener = (sys.executable, "-I", "-S", str(PROBE), "listen")
        commands: tuple[tuple[Namespace, tuple[str, ...]], ...] = (
            (internet, (*peer, "targets", *_files(folder, "targets"), *TARGETS.values(), *TARGETS_IPV6.values())),
            (internet, (*mirror, MIRROR, "443", *_files(folder, "mirror"))),
            (box, (*peer, "door", str(folder / "gateway-1.sock"), KEEP, "8443")),
            (box, (*listener, "443")),
        )
        for where, command in commands:
            stack.enter_context(playing(where, *command, stderr=subprocess.DEVNULL))
        made = World(box, router, internet, folder, stack, authority)
        made.publish()
        yield made
