"""Who a monitor in a network namespace meets. Runs by itself, standard library alone: ``peers.py ROLE ARGUMENT…``.

``targets CERTIFICATE KEY ADDRESS…``: TLS at port 443, and nothing said.
``portal CERTIFICATE KEY PORT TLS_PORT``: redirects at one port, and TLS at the other.
``liar PORT``: a resolver that has an address for every name. ``refuser PORT``: one that refuses every question.
``door SOCKET KEEP PORT``: a gateway's ``/health/ready``, whose bridge is up as long as the keep takes connections; a
file ``database-down`` beside the socket is its database's end, ``bridge-down`` the bridge's, and with ``hanging`` there
nobody gets an answer. ``/metrics`` and ``/health/keep`` are the files ``metrics`` and ``keep`` there, if they are.
Each says ``ready`` when it is.
"""

# ruff: noqa: T201 - it says that it is ready

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast


def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read(1)
    writer.close()


async def targets(certificate: str, key: str, *addresses: str) -> None:
    for address in addresses:
        await asyncio.start_server(_hang_up, address, 443, ssl=_context(certificate, key))


async def portal(certificate: str, key: str, port: str, tls_port: str) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://portal.lan/sign-in\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    await asyncio.start_server(redirect, "0.0.0.0", int(port))  # noqa: S104 - a namespace
    await asyncio.start_server(_hang_up, "0.0.0.0", int(tls_port), ssl=_context(certificate, key))  # noqa: S104


class _Liar(asyncio.DatagramProtocol):
    flags = b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + bytes((198, 51, 100, 66))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data[:2] + self.flags + data[12:] + self.answer, address)


class _Refuser(_Liar):
    flags = b"\x81\x85\x00\x01\x00\x00\x00\x00\x00\x00"
    answer = b""


async def liar(port: str) -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(_Liar, ("0.0.0.0", int(port)))  # noqa: S104


async def refuser(port: str) -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(_Refuser, ("0.0.0.0", int(port)))  # noqa: S104


async def door(path: str, keep: str, port: str) -> None:
    folder = Path(path).parent
    files = {b"/metrics": folder / "metrics", b"/health/keep": folder / "keep"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what = (await reader.readuntil(b"\r\n\r\n")).split()[1].partition(b"?")[0]
        while (folder / "hanging").exists():  # noqa: ASYNC110 - nobody tells of a file
            await asyncio.sleep(0.05)
        file = files.get(what)
        body = file.read_bytes() if file and file.exists() else await ready()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        with contextlib.suppress(ConnectionError):  # who asked has given up
            await writer.drain()
        writer.close()

    async def ready() -> bytes:
        try:
            async with asyncio.timeout(1):
                _, to_keep = await asyncio.open_connection(keep, int(port))
            to_keep.close()
            bridge = "down" if (folder / "bridge-down").exists() else "up"
        except OSError:
            bridge = "down"
        parts = [{"name": "bridge", "state": bridge, "since": "2026-11-21T08:00:00Z"}]
        if bridge == "up":
            store = "down" if (folder / "database-down").exists() else "up"
            parts.append({"name": "store", "state": store, "since": "2026-11-21T08:00:00Z"})
        return json.dumps({"status": "ready", "dependencies": parts}).encode()

    await asyncio.start_unix_server(answer, path)


async def _play(role: str, *arguments: str) -> None:
    roles: dict[str, Callable[..., Awaitable[None]]]
    roles = {"targets": targets, "portal": portal, "liar": liar, "refuser": refuser, "door": door}
    await roles[role](*arguments)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_play(*sys.argv[1:]))
