"""What a connection that was not made leaves behind: nothing, however often it is tried."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import threading
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator

import pytest
import trustme

from gateway.connectivity import streams
from gateway.connectivity.streams import Failed, connected


@pytest.fixture
def stranger() -> Iterator[int]:
    """Give the port of a TLS server whose authority nobody believes; it is no part of this thread's loop."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("box.example.org").configure_cert(context)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                plain, _ = listener.accept()
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of a server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("server", "reason"), [("stranger", "certificate: "), ("silent", "silent")])
async def test_failed_handshake_leaves_no_buffers_to_the_collector(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, server: str, reason: str
) -> None:
    monkeypatch.setattr(streams, "TLS_S", 2.0 if server == "stranger" else 0.1)
    port = request.getfixturevalue(server)
    tls = ssl.create_default_context()
    gc.collect()
    gc.disable()
    try:
        for _ in range(4):
            with pytest.raises(Failed, match=reason):
                async with connected("127.0.0.1", port, tls=tls, name="box.example.org"):
                    pass
        for _ in range(3):  # the loop closes an aborted socket in its next rounds
            await asyncio.sleep(0)
        assert [each for each in gc.get_objects() if isinstance(each, SSLProtocol)] == []
    finally:
        gc.enable()
