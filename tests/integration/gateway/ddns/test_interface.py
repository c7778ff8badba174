"""The kernel's addresses and the news of them, in a network namespace of the test's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.namespaces import HOST, HOST_IPV6, Edge, edge

ROOT = Path(__file__).parents[4]

_READ = """
import asyncio, dataclasses, json, sys
from gateway.ddns.addresses.interface import read_interfaces
found = asyncio.run(read_interfaces(*sys.argv[1:]))
print(json.dumps({
    "names": [found.ipv4_name, found.ipv6_name],
    "ipv4": [str(a.address) for a in found.ipv4],
    "ipv6": [[str(a.address), a.temporary, a.deprecated, a.unusable] for a in found.ipv6],
}))
"""
_WATCH = """
import asyncio
from gateway.ddns.addresses.interface import watch_interfaces
asyncio.run(watch_interfaces(lambda: print("changed", flush=True)))
"""


@pytest.fixture
def world() -> Iterator[Edge]:
    with edge() as made:
        yield made


def read(world: Edge, *arguments: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = json.loads(
        world.host.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", _READ, *arguments)
    )
    return found


def test_addresses_are_those_of_the_default_route_when_no_interface_is_named(world: Edge) -> None:
    found = read(world)

    assert found["names"] == ["eth0", "eth0"]
    assert found["ipv4"] == [HOST]
    assert [HOST_IPV6, False, False, False] in found["ipv6"]


def test_addresses_are_those_of_the_interface_when_one_is_named(world: Edge) -> None:
    assert read(world, "lo")["ipv4"] == ["127.0.0.1"]


def test_there_are_no_addresses_when_the_named_interface_is_not_there(world: Edge) -> None:
    assert read(world, "wlan9") == {"names": ["wlan9", "wlan9"], "ipv4": [], "ipv6": []}


def test_flags_are_the_kernels_when_an_address_is_not_to_last(world: Edge) -> None:
    world.host.run("ip", "address", "add", "2a00:1::d/64", "dev", "eth0", "nodad", "preferred_lft", "0")
    # tentative as long as duplicates are looked for: a hundred questions, one a second
    world.host.run("sh", "-c", "echo 100 > /proc/sys/net/ipv6/conf/eth0/dad_transmits")
    world.host.run("ip", "address", "add", "2a00:1::7/64", "dev", "eth0")

    flags = {str(entry[0]): entry[1:] for entry in read(world)["ipv6"] if isinstance(entry, list)}

    assert flags["2a00:1::d"] == [False, True, False]
    assert flags["2a00:1::7"] == [False, False, True]


@pytest.mark.parametrize(
    "change",
    [
        "address add 9.9.9.9/32 dev eth0",
        "address del 9.9.9.9/32 dev eth0",
        "address add 2a00:2::1/64 dev eth0 nodad",
        "route add 192.88.98.0/24 dev eth0",
        "link set eth0 mtu 1400",
    ],
)
def test_change_is_told_when_the_kernel_tells_it(world: Edge, change: str) -> None:
    if "del" in change:
        world.host.run("ip", *change.replace("del", "replace").split())
    with world.host.start(
        "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", _WATCH, stdout=-1
    ) as watching:  # -1: a pipe
        try:
            assert watching.stdout is not None
            with closing(watching.stdout):
                assert watching.stdout.readline() == "changed\n"  # it has begun
                world.host.run("ip", *change.split())
                assert watching.stdout.readline() == "changed\n"
        finally:
            watching.kill()
