"""A TLS listener that sees every handshake end, and says why one failed.

The event loops' own listeners drop a failed handshake without a word to anybody. Here each connection is accepted
first and its handshake awaited (``loop.connect_accepted_socket``), under asyncio and uvloop alike. Each takes the
context of that moment, so that a dropped CA is out from the next connection on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

from bridge.process.logs import log
from bridge.tls.refusals import Refusal, explain_tls_error
from bridge.tls.reload import ReloadingServerTLS, serial_of

_log: Final = logging.getLogger(__name__)

HANDSHAKES_MAX: Final = 64
HANDSHAKES_PER_ADDRESS_MAX: Final = 16
"""Below the total: one address that begins handshakes and leaves them shuts nobody else out."""

_BACKLOG: Final = 128
_ACCEPT_PAUSE_S: Final = 0.1

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
OnRefused = Callable[[str, Refusal], None]
"""Hears the peer's address and why it was refused."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an IP address. Port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


async def serve_tls(
    protocol_factory: ProtocolFactory,
    sock: socket.socket,
    *,
    tls: ReloadingServerTLS,
    on_refused: OnRefused,
    handshake_timeout_s: float = 5.0,
) -> TLSListener:
    """Accept TLS connections on ``sock``, which the listener closes, and return the listener.

    A protocol is made for a peer that may come in alone, with a transport whose ``peercert`` is verified. Every other
    connection is closed and told to ``on_refused``.
    """
    return TLSListener(protocol_factory, sock, tls, on_refused, handshake_timeout_s)


class TLSListener:
    """A running listener, as ``asyncio.Server`` is one: ``sockets``, ``close``, ``wait_closed``."""

    def __init__(
        self,
        protocol_factory: ProtocolFactory,
        sock: socket.socket,
        tls: ReloadingServerTLS,
        on_refused: OnRefused,
        handshake_timeout_s: float,
    ) -> None:
        self._protocol_factory = protocol_factory
        self._sock = sock
        self._tls = tls
        self._on_refused = on_refused
        self._handshake_timeout_s = handshake_timeout_s
        self._handshakes: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        sock.settimeout(0)
        self._accepting = self._loop.create_task(self._accept(), name="accept TLS connections")
        self._accepting.add_done_callback(lambda _task: sock.close())

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return () if self._accepting.done() else (self._sock,)

    def close(self) -> None:
        """Stop accepting, and give up handshakes under way. Connections that were made live on."""
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        """Return when the listener has ended; raises what ended it, if it was not :meth:`close`."""
        await asyncio.wait([self._accepting])
        if not self._accepting.cancelled():
            self._accepting.result()

    async def _accept(self) -> None:
        async with asyncio.TaskGroup() as handshakes:
            while True:
                try:
                    connection, address = await self._loop.sock_accept(self._sock)
                except OSError as error:  # out of file descriptors, or the peer was gone already
                    log(_log, "accept_failed", level=logging.WARNING, reason=str(error))
                    await asyncio.sleep(_ACCEPT_PAUSE_S)
                    continue
                peer = str(address[0])
                if self._handshakes.total() >= HANDSHAKES_MAX or self._handshakes[peer] >= HANDSHAKES_PER_ADDRESS_MAX:
                    connection.close()
                    self._on_refused(peer, Refusal.TOO_MANY)
                else:
                    self._handshakes[peer] += 1
                    handshakes.create_task(self._shake_hands(connection, peer))

    async def _shake_hands(self, connection: socket.socket, peer: str) -> None:
        gate = _Gate(self._protocol_factory, self._tls)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._loop.connect_accepted_socket(
                lambda: gate,
                connection,
                ssl=self._tls.context,
                ssl_handshake_timeout=self._handshake_timeout_s,
            )
        except OSError as error:
            gate.refusal = explain_tls_error(error)
        except Exception as error:  # noqa: BLE001 - a mistake in one connection's protocol must not deafen the listener
            log(_log, "connection_failed", level=logging.ERROR, exc_info=error, peer=peer)
        finally:
            self._handshakes[peer] -= 1
            self._handshakes += Counter()  # forget addresses with none under way
        if gate.refusal is not None:
            self._on_refused(peer, gate.refusal)


class _Gate(asyncio.Protocol):
    """Stands before the real protocol until the peer's name and serial number are checked: no byte passes before."""

    def __init__(self, protocol_factory: ProtocolFactory, tls: ReloadingServerTLS) -> None:
        self._protocol_factory = protocol_factory
        self._tls = tls
        self.refusal: Refusal | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's looks the same, and does not say that it is one
        certificate: dict[str, Any] = stream.get_extra_info("peercert")
        self.refusal = self._tls.check_peer(certificate)
        if self.refusal is not None:
            stream.abort()
            return
        self._tls.connections.add(serial_of(certificate), stream)
        protocol = self._protocol_factory()
        stream.set_protocol(protocol)
        protocol.connection_made(stream)
