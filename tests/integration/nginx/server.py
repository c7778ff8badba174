"""The real nginx with the project's own configuration, on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.integration.nginx.rendering import (
    DOMAIN,
    LAN_NAME,
    Certificates,
    render_configuration,
    render_web_root,
)
from tests.waiting import until

BINARY: Final = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

_ADDRESS: Final = "127.0.0.1"
_STOP_S: Final = 3.0


def version_of(binary: str) -> str:
    """Return what the binary says of itself, such as 1.22.1."""
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/([\d.]+)", said)
    assert found is not None, said
    return found[1]


class _Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=_ADDRESS, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None: ...


@dataclass
class Nginx:
    """A running nginx. Its gateways' sockets belong into ``folder / "run"``."""

    folder: Path
    certificates: Certificates
    variables: dict[str, object]
    https_port: int
    http_port: int
    process: subprocess.Popen[bytes]

    # what it wrote

    @property
    def access_log(self) -> Path:
        return self.folder / "log" / "access.log"

    @property
    def error_log(self) -> Path:
        return self.folder / "log" / "error.log"

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.access_log.read_text("utf-8").splitlines()]

    async def logged(self, count: int = 1) -> list[dict[str, Any]]:
        """Return the access log once it has ``count`` lines: a response leaves before its line is written."""
        await until(lambda: self.access_log.read_text("utf-8").count("\n") >= count)
        return self.log()

    async def logged_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines of one request, once there is one."""
        await until(lambda: request_id in self.access_log.read_text("utf-8"))
        return [line for line in self.log() if line["request_id"] == request_id]

    # how it is configured

    def configuration(self) -> str:
        return "".join(file.read_text("utf-8") for file in sorted((self.folder / "drawbridge").rglob("*.conf")))

    def render(self, **variables: object) -> None:
        """Write the configuration anew, with some variables changed. What runs takes no notice until a reload."""
        render_configuration(self.folder, self.variables | variables)

    async def reload(self) -> None:
        """Return once workers with the present files and configuration have taken over."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        await until(lambda: len(self.workers() - before) == len(self.workers()) == len(before))

    def workers(self) -> set[int]:
        return set(
            map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split())
        )

    async def add_site(self, text: str) -> None:
        """Put a site of the test's own beside the project's."""
        (self.folder / "drawbridge" / "sites" / "test.conf").write_text(text, "utf-8")
        await self.reload()

    # how it is asked

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.certificates.trust))
        context.set_alpn_protocols(["http/1.1"])
        return context

    @asynccontextmanager
    async def client(self, *, name: str = DOMAIN, source: str = _ADDRESS) -> AsyncIterator[ClientSession]:
        """Yield a client at ``source`` that knows this server as ``name``."""
        connector = TCPConnector(ssl=self.tls(), resolver=_Loopback(), local_addr=(source, 0), limit=0)
        async with ClientSession(
            f"https://{name}:{self.https_port}",
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(8),
            skip_auto_headers={"Accept"},
        ) as client:
            yield client

    async def send(
        self, request: bytes, *, tls: ssl.SSLContext | None = None, server_name: str | None = DOMAIN, end: bytes = b""
    ) -> bytes:
        """Send ``request`` byte for byte over TLS, and return all that comes until nginx hangs up.

        Where nginx waits for the rest of a body it has refused, ``end`` says what ends the answer.
        """
        context = tls or self.tls()
        with socket.create_connection((_ADDRESS, self.https_port)) as plain:  # asyncio would insist on a server's name
            return await asyncio.to_thread(_exchange, context, plain, server_name, request, end)

    async def send_plain(self, request: bytes) -> bytes:
        """Send ``request`` to the port without TLS, and return all that comes until nginx hangs up."""
        reader, writer = await asyncio.open_connection(_ADDRESS, self.http_port)
        try:
            writer.write(request)
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.transport.abort()

    async def curl(self, *arguments: str) -> tuple[int, str]:
        """Run curl, which speaks HTTP/2, and return its exit status and output."""
        command = [
            "curl", "-sS", "--noproxy", "*", "--cacert", str(self.certificates.trust), "--max-time", "5",
            "--resolve", f"{DOMAIN}:{self.https_port}:{_ADDRESS}",
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *command, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()


def _exchange(
    context: ssl.SSLContext, plain: socket.socket, server_name: str | None, request: bytes, end: bytes
) -> bytes:
    plain.settimeout(5)
    received = b""
    with context.wrap_socket(plain, server_hostname=server_name) as secured:
        with suppress(ssl.SSLEOFError, ConnectionError):  # nginx may hang up in the middle, and has said why
            secured.sendall(request)
        with suppress(ConnectionResetError):
            while not (end and received.endswith(end)) and (more := secured.recv(65_536)):
                received += more
    return received


@contextmanager
def serve(folder: Path, **variables: object) -> Iterator[Nginx]:
    """Run nginx in ``folder``, with ``variables`` of the templates, until the end."""
    assert BINARY is not None
    certificates = Certificates.create(folder)
    for name in ("log", "run", "state"):
        (folder / name).mkdir()
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((_ADDRESS, 0))) for _ in range(2)]
        https_port, http_port = (each.getsockname()[1] for each in sockets)
        for each in sockets:
            each.setblocking(False)  # noqa: FBT003 - nginx takes them as they are, and would wait for a connection
        given: dict[str, object] = {
            "drawbridge_domain": DOMAIN,
            "nginx_lan_name": LAN_NAME,
            "nginx_version": version_of(BINARY),
            "nginx_user": getuser(),
            "nginx_pid": str(folder / "run" / "nginx.pid"),
            "nginx_workers": 2,
            "nginx_log_dir": str(folder / "log"),
            "nginx_state_dir": str(folder / "state"),
            "nginx_run_dir": str(folder / "run"),
            "nginx_web_root": str(folder / "www"),
            "nginx_web_tls_dir": str(folder / "web"),
            "nginx_lan_tls_dir": str(folder / "lan"),
            "nginx_listen": [f"{_ADDRESS}:"],
            "nginx_https_port": https_port,
            "nginx_http_port": http_port,
            **variables,
        }
        render_configuration(folder, given)
        render_web_root(folder / "www", given)
        # Handed over as in an upgrade of nginx: no other test can take the ports, and connections wait from now on.
        descriptors = [each.fileno() for each in sockets]
        process = subprocess.Popen(
            [BINARY, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log" / "error.log"),
             "-g", "daemon off;"],
            env={**os.environ, "NGINX": "".join(f"{each};" for each in descriptors)},
            pass_fds=descriptors, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    nginx = Nginx(folder, certificates, given, https_port, http_port, process)
    try:
        while process.poll() is None and len(nginx.workers()) < int(str(given["nginx_workers"])):
            time.sleep(0.002)  # a signal sent before there are workers may be lost
        assert process.poll() is None, nginx.error_log.read_text("utf-8")
        yield nginx
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def field_values(message: bytes, name: str) -> Iterator[str]:
    """Yield the values of a header field in a raw HTTP/1.1 message."""
    head = message.partition(b"\r\n\r\n")[0].decode("latin-1")
    for line in head.split("\r\n")[1:]:
        field, _, value = line.partition(":")
        if field.lower() == name.lower():
            yield value.strip()
