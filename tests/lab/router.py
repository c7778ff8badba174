"""The router's UPnP, NAT-PMP and PCP: a real miniupnpd in the namespace ``lab-wan``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final

from tests.lab import network
from tests.lab.network import BRIDGE, WAN
from tests.lab.shell import Background, wait_until

_CHAINS: Final = ("mapped", "translated", "translated_back")
_RULES: Final = """
table inet miniupnpd {
    chain mapped {}
    chain prerouting { type nat hook prerouting priority -90; fib daddr type local jump translated; }
    chain translated {}
    chain postrouting { type nat hook postrouting priority 110; jump translated_back; }
    chain translated_back {}
}
"""
_SETTINGS: Final = f"""\
ext_ifname=wan0
listening_ip={BRIDGE}
enable_natpmp=yes
enable_upnp=yes
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=mapped
upnp_nat_chain=translated
upnp_nat_postrouting_chain=translated_back
secure_mode=yes
uuid=00000000-0000-0000-0000-000000000001
allow 1-65535 10.77.0.0/24 1-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


class Router:
    def __init__(self, background: Background, folder: Path) -> None:
        self._background = background
        self._settings = folder / "miniupnpd.conf"

    def start(self) -> None:
        self._settings.write_text(_SETTINGS)
        network.inside(WAN, "nft", "-f", "-", text=_RULES)
        self._run()

    def stop(self) -> None:
        self._background.stop("router", signal.SIGKILL)

    def restart(self) -> None:
        """Cut its power and give it back: it says no farewell, and has forgotten what it mapped."""
        self.cut()
        self._run()

    def cut(self) -> None:
        """Leave it without what it mapped, and without anybody to ask; :meth:`restart` brings it back."""
        self.stop()
        for chain in _CHAINS:
            network.inside(WAN, "nft", "flush", "chain", "inet", "miniupnpd", chain)

    def mapped(self) -> set[int]:
        """Return the TCP ports that lead to the door by what it was asked for."""
        rules = network.inside(WAN, "nft", "list", "chain", "inet", "miniupnpd", "translated").splitlines()
        words = [rule.split() for rule in rules if "dnat" in rule]
        return {int(rule[rule.index("dport") + 1]) for rule in words}

    def _run(self) -> None:
        self._settings.with_suffix(".pid").unlink(missing_ok=True)  # left by one that was killed
        self._background.start(
            "router", "ip", "netns", "exec", WAN, "miniupnpd", "-d", "-f", self._settings,
            "-P", self._settings.with_suffix(".pid"),
        )  # fmt: skip
        wait_until(
            lambda: bool(network.inside(WAN, "ss", "-Hlun", "sport = :5351")),
            timeout_s=20,
            what="the router's miniupnpd",
        )
