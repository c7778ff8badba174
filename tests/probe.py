"""What a test does inside a network namespace: look at ports, hold connections. Runs by itself, standard library alone.

``scan``: a JSON object with source, to, ports and protocol on standard input; by port, open, closed or filtered on
standard output. ``listen``: ports as arguments; echoes whatever comes. ``hold``: connects and echoes a byte a line.
"""

# ruff: noqa: T201 - answers are lines

from __future__ import annotations

import errno
import json
import select
import selectors
import socket
import sys
import time
from collections.abc import Iterable

SILENCE_S = 0.25
"""How long nothing has to come back before a port is called filtered. Answers over a veth take microseconds."""

BATCH = 900

_STATES = {0: "open", errno.ECONNREFUSED: "closed"}


def scan(source: str, to: str, ports: list[int], protocol: str) -> dict[int, str]:
    states: dict[int, str] = {}
    for start in range(0, len(ports), BATCH):
        states |= _scan_batch(source, to, ports[start : start + BATCH], protocol)
    return states


def _scan_batch(source: str, to: str, ports: Iterable[int], protocol: str) -> dict[int, str]:
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    waiting: dict[socket.socket, int] = {}
    states: dict[int, str] = {}
    poller = selectors.DefaultSelector()
    for port in ports:
        sock = socket.socket(family, kind)
        sock.bind((source, 0))
        sock.settimeout(0)
        waiting[sock] = port
        sock.connect_ex((to, port))
        if protocol == "udp":
            sock.send(b"?")
        poller.register(sock, selectors.EVENT_READ if protocol == "udp" else selectors.EVENT_WRITE)
    deadline = time.monotonic() + SILENCE_S
    while waiting and (left := deadline - time.monotonic()) > 0:
        for key, _ in poller.select(left):
            answered = key.fileobj
            assert isinstance(answered, socket.socket)
            error = answered.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            states[waiting.pop(answered)] = _STATES.get(error) or errno.errorcode[error]
            poller.unregister(answered)
            answered.close()
    for sock, port in waiting.items():
        states[port] = "filtered"
        sock.close()
    return states


def listen(ports: list[int]) -> None:
    selector = selectors.DefaultSelector()
    for port in ports:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        selector.register(listener, selectors.EVENT_READ, "listener")
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if key.data == "listener":
                selector.register(sock.accept()[0], selectors.EVENT_READ, "connection")
            elif data := sock.recv(64):
                sock.send(data)
            else:
                selector.unregister(sock)
                sock.close()


def hold(source: str, to: str, port: int, count: int) -> None:
    """Open ``count`` connections; print how many there are; for each line: whether the first still echoes."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    held: list[socket.socket] = []
    for _ in range(count):
        sock = socket.socket(family)
        sock.settimeout(SILENCE_S)
        sock.bind((source, 0))
        if sock.connect_ex((to, port)) == 0:
            held.append(sock)
    print(len(held), flush=True)
    for _ in sys.stdin:
        held[0].send(b".")
        readable, _, _ = select.select([held[0]], [], [], SILENCE_S)
        try:
            print("echo" if readable and held[0].recv(1) else "silence", flush=True)
        except ConnectionResetError:
            print("reset", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["scan"]:
            print(json.dumps(scan(**json.load(sys.stdin))))
        case ["listen", *ports]:
            listen([int(port) for port in ports])
        case ["hold", source, to, port, count]:
            hold(source, to, int(port), int(count))
