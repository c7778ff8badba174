"""The lab's cables: namespaces for the router, the Internet and the control machine, and a package proxy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.lab.shell import Background, run

WAN: Final = "lab-wan"
ADM: Final = "lab-adm"
INET: Final = "lab-inet"
NAMESPACES: Final = (WAN, ADM, INET)
BRIDGE: Final = "br-lan"

ROUTER: Final = "10.77.0.1"
CONTROL: Final = "10.77.0.10"
OUTSIDE: Final = "11.22.33.1"
"""The router's own address on the Internet: what the appliance's name resolves to.

It looks public: those for documentation (RFC 5737) are refused by routers and by our updater.
"""
INTERNET: Final = "11.22.33.10"

PROXY_PORT: Final = 3142
_PROXY_LOCAL_PORT: Final = 13142


def up() -> None:
    """Make the namespaces and join them. Whatever was left of an earlier lab is gone first."""
    down()
    for name in NAMESPACES:
        run("ip", "netns", "add", name)
        _ip(name, "link", "set", "lo", "up")
    _ip(WAN, "link", "add", BRIDGE, "type", "bridge")
    _ip(WAN, "addr", "add", f"{ROUTER}/24", "dev", BRIDGE)
    _ip(WAN, "link", "set", BRIDGE, "up")
    _ip(ADM, "link", "add", "eth0", "type", "veth", "peer", "name", "v-adm", "netns", WAN)
    _ip(WAN, "link", "set", "v-adm", "master", BRIDGE, "up")
    _ip(ADM, "addr", "add", f"{CONTROL}/24", "dev", "eth0")
    _ip(ADM, "link", "set", "eth0", "up")
    _ip(ADM, "route", "add", "default", "via", ROUTER)
    _ip(INET, "link", "add", "eth0", "type", "veth", "peer", "name", "wan0", "netns", WAN)
    _ip(WAN, "addr", "add", f"{OUTSIDE}/24", "dev", "wan0")
    _ip(WAN, "link", "set", "wan0", "up")
    _ip(INET, "addr", "add", f"{INTERNET}/24", "dev", "eth0")
    _ip(INET, "link", "set", "eth0", "up")
    _ip(WAN, "route", "add", "default", "via", INTERNET)
    inside(WAN, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.wan0.promote_secondaries=1")


def forward(door: str, ports: Sequence[int] = (80, 443)) -> None:
    """Let the router hand ports on to the door, and hide the LAN behind itself."""
    rules = f"""
        table ip nat
        delete table ip nat
        table ip nat {{
            chain in {{
                type nat hook prerouting priority dstnat
                iifname "wan0" ip daddr {OUTSIDE} tcp dport {{ {", ".join(map(str, ports))} }} dnat to {door}
            }}
            chain out {{
                type nat hook postrouting priority srcnat
                oifname "wan0" masquerade
            }}
        }}"""
    inside(WAN, "nft", "-f", "-", text=rules)


def down() -> None:
    for name in NAMESPACES:
        run("ip", "netns", "del", name, check=False)


def inside(
    namespace: str, *command: str | Path, text: str | None = None, timeout_s: float = 120, check: bool = True
) -> str:
    """Run a command in a namespace and return its output. Raises LabError where it failed."""
    return run("ip", "netns", "exec", namespace, *command, text=text, timeout_s=timeout_s, check=check)


def restore_route() -> None:
    """Give the router its way out again, which it forgot with the cable."""
    _ip(WAN, "route", "replace", "default", "via", INTERNET)


@contextmanager
def addresses(namespace: str, more: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give a namespace's ``eth0`` further addresses for a while."""
    for address in more:
        _ip(namespace, "addr", "add", f"{address}/24", "dev", "eth0")
    try:
        yield more
    finally:
        for address in more:
            _ip(namespace, "addr", "del", f"{address}/24", "dev", "eth0")


@contextmanager
def kernel_log() -> Iterator[Callable[[], list[str]]]:
    """Have the kernel log what the namespaces' firewalls tell it to; give what returns the lines since then."""
    switch = Path("/proc/sys/net/netfilter/nf_log_all_netns")
    before = switch.read_text()
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    lines: list[str] = []

    def told() -> list[str]:
        with suppress(BlockingIOError):
            while True:
                lines.append(os.read(log, 8192).decode(errors="replace"))
        return lines

    try:
        os.lseek(log, 0, os.SEEK_END)
        switch.write_text("1")
        yield told
    finally:
        switch.write_text(before)
        os.close(log)


@contextmanager
def spread(namespace: str, user: str, sources: Sequence[str]) -> Iterator[None]:
    """Have what ``user`` sends from a namespace come from ``sources`` in turn, as from somebody with many machines."""
    turns = ", ".join(f"{number} : {source}" for number, source in enumerate(sources))
    turn = f"snat to numgen inc mod {len(sources)} map {{ {turns} }}"
    chain = f"chain out {{ type nat hook postrouting priority srcnat\n meta skuid {user} {turn}\n }}\n"
    with addresses(namespace, sources):
        inside(namespace, "nft", "-f", "-", text=f"table ip lab_spread {{\n{chain}}}")
        try:
            yield
        finally:
            inside(namespace, "nft", "delete", "table", "ip", "lab_spread")


@contextmanager
def on_the_way(*, forward: Sequence[str] = (), prerouting: Sequence[str] = ()) -> Iterator[None]:
    """Have the router treat what comes from the LAN otherwise for a while: nft rules without where it came from."""

    def chain(name: str, hook: str, rules: Sequence[str]) -> str:
        lines = "".join(f'iifname "{BRIDGE}" {rule}\n' for rule in rules)
        return f"chain {name} {{ type {hook};\n{lines}}}\n"

    inside(WAN, "nft", "-f", "-", text=f"table ip lab_cut {{ {chain('pass', 'filter hook forward priority 0', forward)}"
           f"{chain('turn', 'nat hook prerouting priority -110', prerouting)} }}")  # fmt: skip
    try:
        yield
    finally:
        inside(WAN, "nft", "delete", "table", "ip", "lab_cut")


@contextmanager
def without_router() -> Iterator[None]:
    """Take the router's address on the LAN away for a while: nobody answers there."""
    _ip(WAN, "addr", "del", f"{ROUTER}/24", "dev", BRIDGE)
    try:
        yield
    finally:
        _ip(WAN, "addr", "add", f"{ROUTER}/24", "dev", BRIDGE)


@contextmanager
def readdressed(address: str) -> Iterator[None]:
    """Give the router another address on the Internet for a while, as a provider does overnight."""
    _ip(WAN, "addr", "add", f"{address}/24", "dev", "wan0")
    _ip(WAN, "addr", "del", f"{OUTSIDE}/24", "dev", "wan0")
    try:
        restore_route()
        yield
    finally:
        _ip(WAN, "addr", "add", f"{OUTSIDE}/24", "dev", "wan0")
        _ip(WAN, "addr", "del", f"{address}/24", "dev", "wan0")
        restore_route()


@contextmanager
def without_forwarding(door: str) -> Iterator[None]:
    """Take back what :func:`forward` set up by hand at the router, for a while."""
    inside(WAN, "nft", "flush", "chain", "ip", "nat", "in")
    try:
        yield
    finally:
        forward(door)


@contextmanager
def unplugged(interface: str) -> Iterator[None]:
    """Pull the cable of one of the router's ports for a while."""
    set_cable(interface, connected=False)
    try:
        yield
    finally:
        set_cable(interface, connected=True)


@contextmanager
def route(namespace: str, network: str, *, via: str) -> Iterator[None]:
    """Let a namespace know a way to a network for a while."""
    _ip(namespace, "route", "add", network, "via", via)
    try:
        yield
    finally:
        _ip(namespace, "route", "del", network, "via", via)


def set_cable(interface: str, *, connected: bool) -> None:
    """Plug the cable of one of the router's ports in or out."""
    _ip(WAN, "link", "set", interface, "up" if connected else "down")


def start_proxy(background: Background, folder: Path, cache: Path) -> None:
    """Serve Debian's packages to the hosts, which have no way out: from a cache that outlives the lab."""
    settings = folder / "acng"
    settings.mkdir(exist_ok=True)
    (settings / "acng.conf").write_text(
        f"CacheDir: {cache}\nLogDir: {folder}\nPort: {_PROXY_LOCAL_PORT}\nBindAddress: 127.0.0.1\nForeGround: 1\n"
    )
    cache.mkdir(parents=True, exist_ok=True)
    socket = folder / "proxy.sock"
    background.start("proxy", "apt-cacher-ng", "-c", settings)
    background.start(
        "proxy-out", "socat", f"UNIX-LISTEN:{socket},fork,unlink-early", f"TCP:127.0.0.1:{_PROXY_LOCAL_PORT}"
    )
    background.start(
        "proxy-in", "ip", "netns", "exec", WAN,
        "socat", f"TCP-LISTEN:{PROXY_PORT},bind={ROUTER},fork,reuseaddr", f"UNIX-CONNECT:{socket}",
    )  # fmt: skip


def stop_proxy(background: Background) -> None:
    for name in ("proxy-in", "proxy-out", "proxy"):
        background.stop(name)


def _ip(namespace: str, *arguments: str) -> None:
    run("ip", "-n", namespace, *arguments)
