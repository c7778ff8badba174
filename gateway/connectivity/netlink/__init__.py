"""Links, addresses, routes and neighbours as the kernel tells them: rtnetlink(7), by the standard library alone.

pyroute2 does the same and much more, and costs 20 MB of memory; it is the oracle in the tests.
"""

from gateway.connectivity.netlink.messages import Address, Link, Malformed, Neighbour, Network, Route
from gateway.connectivity.netlink.sockets import Changes, NetlinkFailed, dump_network, find_neighbour

__all__ = [
    "Address",
    "Changes",
    "Link",
    "Malformed",
    "Neighbour",
    "NetlinkFailed",
    "Network",
    "Route",
    "dump_network",
    "find_neighbour",
]
