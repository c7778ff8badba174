"""Asks whether the router is there, as a process without privileges can.

An echo request needs ``net.ipv4.ping_group_range``, which Debian 12 leaves closed; ARP and NDP need CAP_NET_RAW.
What anybody may do: connect to a port where nobody listens, which the router's kernel refuses; send a datagram there,
to be told "port unreachable"; and read the kernel's neighbour table, whose entry both of them bring about.

A router that has refused a connection or echoed before, and is silent now, is gone. "Port unreachable" proves that it
is there, but its absence nothing: kernels send one a second (``icmp_ratelimit``). A router that never answers (a strict
firewall) is judged by the neighbour table alone. How soon that tells is the kernel's settings: as the playbook has them
(``60-drawbridge-neighbours.conf``) it believes a confirmed neighbour for 4.5 s at most, and asks a second later; by
itself it takes up to 50.
"""

from __future__ import annotations

import asyncio
import contextlib
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
_REFUSED: Final = "connection refused"
_UNREACHABLE: Final = "port unreachable"
_GONE: Final = {"failed", "incomplete", "none"}
_ASKED: Final = "probe"
_ASKED_S: Final = 0.3
"""The kernel asks a neighbour whether it is there; one that is answers within a few milliseconds."""

Answer = asyncio.Future[str]


async def check(line: Line) -> Finding:
    route = line.route
    if route is None or route.gateway is None:
        return up("The way out needs no router")
    began = line.clock.monotonic()
    answer = await _provoke(route, route.gateway)
    evidence = {"router": route.gateway, "answer": answer or "none"}
    if answer:
        if answer != _UNREACHABLE:
            line.answering_routers.add(route.gateway)
        took_ms = (line.clock.monotonic() - began) * 1000
        return up(f"The router {route.gateway} answers", {**evidence, "took": f"{took_ms:.1f} ms"})
    try:
        neighbour = find_neighbour(route.index, route.gateway)
        is_asked = neighbour is not None and neighbour.state == _ASKED
        if is_asked:
            await asyncio.sleep(_ASKED_S)
            neighbour = find_neighbour(route.index, route.gateway)
    except NetlinkFailed as error:
        return unknown("The kernel does not say whether the router is there", {**evidence, "error": str(error)})
    state = neighbour.state if neighbour else "none"
    evidence |= {"neighbour": state, "hardware": neighbour.hardware if neighbour else ""}
    if state in _GONE or (is_asked and state == _ASKED):
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
        for kind, protocol, packet in _probes(family):
            try:
                sock = stack.enter_context(socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol))
            except PermissionError:  # of echo requests
                continue
            error = sock.connect_ex(to)
            if error == errno.ECONNREFUSED:
                return _REFUSED
            if kind == socket.SOCK_STREAM:
                loop.add_writer(sock, _hear_connection, sock, answered)
                stack.callback(loop.remove_writer, sock)
            elif not error:
                loop.add_reader(sock, _hear_datagram, sock, answered)
                stack.callback(loop.remove_reader, sock)
                with contextlib.suppress(OSError):
                    sock.send(packet)
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await answered
        except TimeoutError:
            return ""


def _probes(family: socket.AddressFamily) -> tuple[tuple[int, int, bytes], ...]:
    """Return the kind of socket, its protocol and what is sent on it."""
    echo = struct.pack("!BBHHH", _ECHO_REQUEST[family], 0, 0, 0, 1)  # the kernel adds number and checksum
    icmp = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    return (socket.SOCK_STREAM, 0, b""), (socket.SOCK_DGRAM, icmp, echo), (socket.SOCK_DGRAM, 0, b"")


def _hear_connection(sock: socket.socket, answered: Answer) -> None:
    asyncio.get_running_loop().remove_writer(sock)
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error in {0, errno.ECONNREFUSED}:  # others are our own kernel's: nobody is there
        _set(answered, _REFUSED if error else "connection")


def _hear_datagram(sock: socket.socket, answered: Answer) -> None:
    try:
        sock.recv(64)
    except ConnectionRefusedError:
        _set(answered, _UNREACHABLE)
    except OSError:
        return
    else:
        _set(answered, "echo")


def _set(answered: Answer, text: str) -> None:
    if not answered.done():
        answered.set_result(text)
