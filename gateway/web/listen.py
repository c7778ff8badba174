"""The sockets that browsers or nginx connect to: a Unix socket, TCP, or what systemd hands over."""

from __future__ import annotations

import errno
import socket
import stat
from pathlib import Path

from bridge.process.notify import listen_sockets
from gateway.settings import Listen


class CannotListen(OSError):
    """There is no socket to be had; the message says why."""


def open_sockets(listen: Listen) -> list[socket.socket]:
    """Return the listening sockets, not blocking. Raises CannotListen."""
    if listen.kind == "systemd":
        sockets = listen_sockets()
        if not sockets:
            msg = "listen.kind is systemd, but systemd passed no socket"
            raise CannotListen(msg)
    elif listen.kind == "unix":
        sockets = [_unix_socket(listen.path, listen.path_mode, listen.backlog)]
    else:
        sockets = [_tcp_socket(listen.host, listen.port, listen.backlog)]
    for each in sockets:
        each.settimeout(0)
    return sockets


def _tcp_socket(host: str, port: int, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        msg = f"{host}:{port}: {error.strerror or error}"
        raise CannotListen(msg) from error


def _unix_socket(path: Path, mode: int, backlog: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            _refuse_if_served(path)
            path.unlink()  # left behind by a process that was killed
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        msg = f"{path}: {error.strerror or error}"
        raise CannotListen(msg) from error
    return listener


def _refuse_if_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise OSError(errno.EADDRINUSE, "another process serves it")
