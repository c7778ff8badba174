"""Our reader and pyroute2, asked in the same namespace."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from tests.namespaces import namespace

ROOT: Final = Path(__file__).parents[4]
SETUP: Final = """\
link set lo up
link add eth0 type veth peer name eth1
link add point0 type veth peer name point1
link set eth0 up
link set point0 up
link set point1 up
address add 10.1.0.2/24 dev eth0
address add 10.1.0.3/24 dev eth0
address add fd00:1::2/64 dev eth0 nodad
address add 192.0.2.9 peer 192.0.2.10/32 dev point0
link set eth1 up
route add default via 10.1.0.1 metric 50
route add default via 10.1.0.254 metric 10
route add default via 192.0.2.10 dev point0 metric 10 table 77
route add 10.9.0.0/16 via 10.1.0.1
route add ::/0 via fd00:1::1
neighbour add 10.1.0.1 lladdr 02:00:00:00:00:01 dev eth0
"""
OURS: Final = """\
import json
from gateway.connectivity.netlink import dump_network, find_neighbour
network = dump_network()
names = {link.index: link.name for link in network.links}
eth0 = next(link.index for link in network.links if link.name == "eth0")
neighbour = find_neighbour(eth0, "10.1.0.1")
print(json.dumps({
    "links": sorted([link.name, link.is_up, link.has_carrier] for link in network.links),
    "addresses": sorted([names[each.index], each.value, each.prefix, each.is_global] for each in network.addresses),
    "routes": sorted([names[each.index], each.gateway, each.metric] for each in network.default_routes),
    "neighbour": [neighbour.hardware, neighbour.state],
    "stranger": find_neighbour(eth0, "10.1.0.77"),
}))
"""
THEIRS: Final = """\
import json
from pyroute2 import IPRoute
with IPRoute() as ip:
    names = {each["index"]: each.get_attr("IFLA_IFNAME") for each in ip.get_links()}
    routes = [each for each in ip.get_routes() if each["dst_len"] == 0 and each.get_attr("RTA_TABLE") == 254]
    routes = [each for each in routes if each["type"] == 1]
    [neighbour] = [each for each in ip.get_neighbours() if each.get_attr("NDA_DST") == "10.1.0.1"]
    print(json.dumps({
        "links": sorted([each.get_attr("IFLA_IFNAME"), bool(each["flags"] & 1), each["flags"] & 0x10001 == 0x10001]
                        for each in ip.get_links()),
        "addresses": sorted([names[each["index"]], each.get_attr("IFA_LOCAL") or each.get_attr("IFA_ADDRESS"),
                             each["prefixlen"], each["scope"] == 0] for each in ip.get_addr()),
        "routes": sorted([names[each.get_attr("RTA_OIF")], each.get_attr("RTA_GATEWAY"), each.get_attr("RTA_PRIORITY")]
                         for each in routes),
        "neighbour": [neighbour.get_attr("NDA_LLADDR"), {0x80: "permanent"}[neighbour["state"]]],
        "stranger": None,
    }))
"""
EVENTS: Final = """\
import asyncio, subprocess
from gateway.connectivity.netlink import Changes, dump_network
async def main():
    with Changes() as changes:
        for command in ("link set eth1 down", "link set eth1 up", "address del 10.1.0.3/24 dev eth0",
                        "address del fd00:1::2/64 dev eth0", "route del default metric 50"):
            before = dump_network()
            subprocess.run(["ip", *command.split()], check=True)
            async with asyncio.timeout(1):
                while dump_network() == before:
                    await changes.happened.wait()
                    changes.happened.clear()
        subprocess.run("for n in $(seq 3000); do echo link set eth1 down; echo link set eth1 up; done | ip -batch -",
                       shell=True, check=True)  # more than a receive buffer holds
        async with asyncio.timeout(1):
            await changes.happened.wait()
        await asyncio.sleep(0)
        changes.happened.clear()
        subprocess.run(["ip", "link", "set", "point0", "down"], check=True)
        async with asyncio.timeout(1):
            await changes.happened.wait()
asyncio.run(main())
print("all were told")
"""


def test_reader_says_what_pyroute2_says_when_both_are_asked() -> None:
    with namespace() as (box, _):
        box.run("ip", "-batch", "-", given=SETUP)
        ours, theirs = (
            json.loads(box.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", code)) for code in (OURS, THEIRS)
        )
    assert ours == theirs
    assert len(ours["routes"]) == 3


def test_reader_is_told_within_a_second_when_the_network_changes() -> None:
    with namespace() as (box, _):
        box.run("ip", "-batch", "-", given=SETUP)
        assert box.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", EVENTS) == "all were told\n"
