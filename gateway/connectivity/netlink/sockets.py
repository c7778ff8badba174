"""Asking the kernel, and being told by it. It answers at once: nothing here waits, except for :class:`Changes`."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
from collections.abc import Iterator
from typing import Final, Self

from gateway.connectivity.netlink import messages as wire
from gateway.connectivity.netlink.messages import Malformed, Message, Neighbour, Network, Route

_READ_BYTES: Final = 1 << 16  # the kernel fills at most 32 KiB at a time
_READS_MAX: Final = 256
_DUMPS_MAX: Final = 5
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, and of IPv4 and IPv6 the addresses and the routes."""

_sequences: Final = itertools.count(1)


class NetlinkFailed(OSError):
    """The kernel did not say what it was asked."""


def dump_network() -> Network:
    """Return every link, address and default route. Raises :class:`NetlinkFailed`."""
    try:
        with _open() as sock:
            links = [wire.link(each.body) for each in _dump(sock, wire.GET_LINK, wire.NEW_LINK)]
            addresses = [wire.address(each.body) for each in _dump(sock, wire.GET_ADDRESS, wire.NEW_ADDRESS)]
            routes = [wire.default_routes(each.body) for each in _dump(sock, wire.GET_ROUTE, wire.NEW_ROUTE)]
    except Malformed as error:
        raise NetlinkFailed(errno.EBADMSG, str(error)) from error
    return Network(
        tuple(sorted(links)),
        tuple(sorted(each for each in addresses if each)),
        tuple(sorted((each for found in routes for each in found), key=_preference)),
    )


def find_neighbour(index: int, value: str) -> Neighbour | None:
    """Return what the kernel knows of ``value`` at the interface ``index``, or None. Raises :class:`NetlinkFailed`."""
    with _open() as sock:
        sequence = next(_sequences)
        body = wire.neighbour_body(index, value)
        _send(sock, wire.request(wire.GET_NEIGHBOUR, sequence=sequence, body=body, dump=False))
        for message in _read(sock):
            if message.sequence != sequence:
                continue
            if message.kind == wire.NEW_NEIGHBOUR:
                return _neighbour(message.body)
            if message.kind == wire.ERROR:
                if wire.error_number(message) in {0, errno.ENOENT, errno.ENODEV, errno.EINVAL}:
                    return None
                raise NetlinkFailed(wire.error_number(message), os.strerror(wire.error_number(message)))
    return None


class Changes:
    """Sets ``happened`` when links, addresses or routes change, within milliseconds. Use it as a context manager.

    What exactly changed is not read from the events: a full receive buffer loses some (ENOBUFS), and a dump cannot.
    """

    def __init__(self) -> None:
        self.happened: Final = asyncio.Event()
        self._sock: socket.socket | None = None

    def __enter__(self) -> Self:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            sock.bind((0, _GROUPS))
            asyncio.get_running_loop().add_reader(sock, self._drain, sock)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        return self

    def __exit__(self, *_: object) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()

    def _drain(self, sock: socket.socket) -> None:
        self.happened.set()
        for _ in range(_READS_MAX):  # and the rest in the loop's next round
            try:
                sock.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise


def _neighbour(body: bytes) -> Neighbour | None:
    try:
        return wire.neighbour(body)
    except Malformed as error:
        raise NetlinkFailed(errno.EBADMSG, str(error)) from error


def _preference(route: Route) -> tuple[bool, int, int, str]:
    return route.is_ipv6, route.metric, route.index, route.gateway or ""


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        sock.bind((0, 0))
    except OSError:
        sock.close()
        raise
    return sock


def _dump(sock: socket.socket, asked: int, expected: int) -> list[Message]:
    for _ in range(_DUMPS_MAX):
        sequence = next(_sequences)
        _send(sock, wire.request(asked, sequence=sequence, body=wire.dump_body(asked), dump=True))
        found: list[Message] = []
        was_interrupted = False
        for message in _read(sock):
            if message.sequence != sequence:
                continue
            was_interrupted = was_interrupted or bool(message.flags & wire.DUMP_INTERRUPTED)
            if message.kind == wire.DONE:
                break
            if message.kind == wire.ERROR:
                raise NetlinkFailed(wire.error_number(message), os.strerror(wire.error_number(message)))
            if message.kind == expected:
                found.append(message)
        if not was_interrupted:
            return found
    raise NetlinkFailed(errno.EAGAIN, "the kernel's tables changed under every dump")


def _send(sock: socket.socket, datagram: bytes) -> None:
    try:
        sock.send(datagram)  # not connected, a netlink socket sends to the kernel
    except OSError as error:
        raise NetlinkFailed(error.errno, error.strerror) from error


def _read(sock: socket.socket) -> Iterator[Message]:
    for _ in range(_READS_MAX):
        try:
            yield from wire.messages(sock.recv(_READ_BYTES))
        except OSError as error:
            raise NetlinkFailed(error.errno, error.strerror) from error
        except Malformed as error:
            raise NetlinkFailed(errno.EBADMSG, str(error)) from error
    raise NetlinkFailed(errno.EMSGSIZE, "the answer has no end")
