"""Asks whether the router is there, as a process without privileges can.

An echo request needs ``net.ipv4.ping_group_range``, which Debian 12 leaves closed; ARP and NDP need CAP_NET_RAW. What
anybody may do: send a datagram to a port where nobody listens, so that the kernel resolves the router's hardware
address, and the router says "port unreachable"; then read the kernel's neighbour table. Both questions are asked.

A router that has answered once and is silent now is gone. One that never answers (a strict firewall) is judged by
the neighbour table alone, which takes the kernel up to a minute: it believes a confirmed neighbour for 15 to 45 s, and
then asks for 8.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from contextlib import ExitStack
from typing import Final

from gateway.connectivity.findings import Finding, down, unknown, up
from gateway.connectivity.line import Line
from gateway.connectivity.netlink import NetlinkFailed, Route, find_neighbour

_ANSWER_S: Final = 1.0
_DISCARD: Final = 9  # RFC 863; hardly anybody serves it
_ECHO_REQUEST: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}  # RFC 792, RFC 4443
_GONE: Final = {"failed", "incomplete", "none"}

Answer = asyncio.Future[str]


async def check(line: Line) -> Finding:
    route = line.route
    if route is None or route.gateway is None:
        return up("The way out needs no router")
    began = line.clock.monotonic()
    answer = await _provoke(route, route.gateway)
    evidence = {"router": route.gateway, "answer": answer or "none"}
    if answer:
        line.answering_routers.add(route.gateway)
        took_ms = (line.clock.monotonic() - began) * 1000
        return up(f"The router {route.gateway} answers", {**evidence, "took": f"{took_ms:.1f} ms"})
    try:
        neighbour = find_neighbour(route.index, route.gateway)
    except NetlinkFailed as error:
        return unknown("The kernel does not say whether the router is there", {**evidence, "error": str(error)})
    state = neighbour.state if neighbour else "none"
    evidence |= {"neighbour": state, "hardware": neighbour.hardware if neighbour else ""}
    if state in _GONE:
        return down("router_gone", f"The router {route.gateway} is not there", evidence)
    if route.gateway in line.answering_routers:
        return down("router_gone", f"The router {route.gateway} has stopped answering", evidence)
    return up(f"The router {route.gateway} is {state} as a neighbour, and answers no probe", evidence)


async def _provoke(route: Route, gateway: str) -> str:
    """Return how the router answered, or nothing after :data:`_ANSWER_S`."""
    loop = asyncio.get_running_loop()
    answered: Answer = loop.create_future()
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    to: tuple[str, int] | tuple[str, int, int, int] = (gateway, _DISCARD)
    if family == socket.AF_INET6:
        to = (gateway, _DISCARD, 0, route.index)
    with ExitStack() as stack:
        udp = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        probes = [(udp, b"")]
        try:
            protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
            ping = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol))
            probes.append((ping, struct.pack("!BBHHH", _ECHO_REQUEST[family], 0, 0, 0, 1)))
        except PermissionError:
            pass
        for sock, packet in probes:
            loop.add_reader(sock, _hear, sock, answered)
            stack.callback(loop.remove_reader, sock)
            try:
                sock.connect(to)
                sock.send(packet)
            except ConnectionRefusedError:
                return "port unreachable"
            except OSError:
                continue
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await answered
        except TimeoutError:
            return ""


def _hear(sock: socket.socket, answered: Answer) -> None:
    try:
        sock.recv(64)
        heard = "echo" if sock.proto else "datagram"
    except BlockingIOError:
        return
    except OSError as error:
        if error.errno != errno.ECONNREFUSED:  # host unreachable is what our own kernel says when nobody is there
            return
        heard = "port unreachable"
    if not answered.done():
        answered.set_result(heard)
