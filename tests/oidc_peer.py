"""A provider whose every word is the test's: over TLS on loopback, with what a good one says to begin with."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import trustme

from agent.settings import Oidc
from tests.oidc_tokens import CLIENT, Key, claims, jwks

DISCOVERY: Final = "/pool/.well-known/openid-configuration"
KEYS: Final = "/pool/keys"
TOKEN: Final = "/pool/token"
SECRET: Final = "s3cret/+&"

Said = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(content: object, status: int = 200, **headers: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status} Word\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n".encode() + body


@dataclass(frozen=True)
class Heard:
    head: str
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body))

    @property
    def headers(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line)


@dataclass
class Peer:
    """``says`` maps paths to whole answers, or to something that writes one; a test changes what it likes."""

    ca_file: Path
    key: Key = field(default_factory=lambda: Key("k-1"))
    port: int = 0
    says: dict[str, Said] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}/pool"

    @property
    def asked(self) -> list[str]:
        return [each.head.split(" ")[1] for each in self.heard]

    @property
    def description(self) -> dict[str, Any]:
        root = self.issuer.removesuffix("/pool")
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{root}/pool/authorize",
            "token_endpoint": root + TOKEN, "jwks_uri": root + KEYS,
        }  # fmt: skip

    def describe(self, **others: object) -> None:
        self.says[DISCOVERY] = answer(self.description | others)

    def give(self, token: object) -> None:
        """Have every code be good for ``token``."""
        self.says[TOKEN] = answer({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    def token(self, **others: object) -> str:
        return self.key.sign(claims(**({"iss": self.issuer} | others)))

    def settings(self, **others: object) -> Oidc:
        usual: dict[str, object] = {
            "issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET, "site": "https://home.example.org",
            "ca_file": str(self.ca_file),
        }  # fmt: skip
        return Oidc.model_validate(usual | others)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            heard = Heard(head, "")
            size = int(heard.headers.get("Content-Length", "0"))
            heard = Heard(head, (await reader.readexactly(size)).decode())
            self.heard.append(heard)
            said = self.says.get(urlsplit(head.split(" ")[1]).path, answer({"error": "not_found"}, 404))
            if isinstance(said, bytes):
                writer.write(said)
                await writer.drain()
            else:
                await said(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def peer(folder: Path, *, name: str = "localhost") -> AsyncIterator[Peer]:
    """Give a provider that listens, with a certificate for ``name``."""
    authority = trustme.CA()
    ca_file = folder / "provider-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    made = Peer(ca_file)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await made._serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        made.port = server.sockets[0].getsockname()[1]
        made.describe()
        made.says[KEYS] = answer(jwks(made.key))
        made.give(made.token())
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=5)
