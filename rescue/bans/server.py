"""The ban helper's socket: who may ask, how much and how long, and the loop that watches over the bans."""

from __future__ import annotations

import asyncio
import grp
import json
import logging
import os
import pwd
import signal
import socket
import stat
import struct
from pathlib import Path
from typing import Final

from rescue.bans import systemd
from rescue.bans.helper import BanHelper, Peer
from rescue.bans.log import log
from rescue.bans.requests import LINE_MAX_BYTES, ErrorCode, Refused, parse

REQUEST_TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 32
BEAT_S: Final = 10.0

_SOCKET_MODE: Final = 0o660
_SO_PEERGROUPS: Final = 59  # asm-generic/socket.h; Python has no name for it
_GROUPS_MAX: Final = 256  # more than fit into Python's buffer
_CREDENTIALS: Final = struct.Struct("3i")

_log: Final = logging.getLogger(__name__)


def bound_socket(path: Path, *, group: str) -> socket.socket:
    """Return a listening socket at ``path``, root's and ``group``'s, for when systemd did not make it.

    Raises OSError, and KeyError for a group that is not there. What a killed helper left behind is replaced.
    """
    gid = grp.getgrnam(group).gr_gid
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o777)  # nobody gets in before it has its owner
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    os.chown(path, -1, gid)
    path.chmod(_SOCKET_MODE)
    listener.listen()
    return listener


def peer_of(connection: socket.socket, *, gid: int) -> Peer:
    """Return who is at the other end. Raises :class:`Refused` for who is neither root nor in the group ``gid``."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, peer_uid, peer_gid = _CREDENTIALS.unpack(credentials)
    groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _GROUPS_MAX)
    if peer_uid != 0 and gid not in {peer_gid, *memoryview(groups).cast("I")}:
        raise Refused(ErrorCode.DENIED, "you are not in the group that may ask")
    try:
        name = pwd.getpwuid(peer_uid).pw_name
    except KeyError:
        name = str(peer_uid)
    return Peer(name, is_root=peer_uid == 0)


class Server:
    """Serves one listening socket until SIGTERM.

    Requests are carried out one after the other, in this thread: each is some 10 ms of nft, and nothing else waits.
    """

    def __init__(self, helper: BanHelper, *, gid: int) -> None:
        self._helper = helper
        self._gid = gid
        self._connections = 0

    async def run(self, listener: socket.socket) -> None:
        """Restore the bans, answer, and return after SIGTERM or SIGINT with everything written."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        self._helper.restore()
        # not start_unix_server: from Python 3.13 on, it removes the socket at the end, which may be systemd's
        server = await asyncio.start_server(self._connected, sock=listener, limit=LINE_MAX_BYTES)
        systemd.notify("READY=1")
        interval_s = min(systemd.watchdog_interval_s() or BEAT_S, BEAT_S)
        try:
            while not stopping.is_set():
                self._helper.beat()
                systemd.notify("WATCHDOG=1")
                try:
                    async with asyncio.timeout(interval_s):
                        await stopping.wait()
                except TimeoutError:
                    continue
        finally:
            systemd.notify("STOPPING=1")
            server.close()
            self._helper.save()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):
                answer = await self._answer(reader, writer)
                writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError):
            return  # whoever asked is gone
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, object]:
        try:
            self._refuse_when_busy()
            line = await _line(reader)  # first: a connection closed on unread data is reset, and its answer lost
            peer = peer_of(writer.get_extra_info("socket"), gid=self._gid)
            return {"ok": True, **self._helper.answer(parse(line), peer)}
        except Refused as refused:
            log(_log, "request_refused", error_code=refused.code, cause=str(refused))
            return {"ok": False, "error": refused.code, "message": str(refused)}
        except Exception:  # noqa: BLE001 - what is wrong with one request must not end the helper
            _log.exception("request_failed")
            return {"ok": False, "error": ErrorCode.FAILED, "message": "the helper could not do it; its log says why"}

    def _refuse_when_busy(self) -> None:
        if self._connections > CONNECTIONS_MAX:
            raise Refused(ErrorCode.BUSY, f"{CONNECTIONS_MAX} ask already")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            return await reader.readuntil(b"\n")
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError, TimeoutError) as error:
        message = f"a request is one line of at most {LINE_MAX_BYTES} bytes, within {REQUEST_TIMEOUT_S:g} s"
        raise Refused(ErrorCode.MALFORMED, message) from error
