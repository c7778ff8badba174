"""The demo's own visit at its front door: the public API over HTTPS, trusting the demo's CA alone."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jwt

from bridge.process.clock import SystemClock
from demo.installation import LISTEN_HOST, SERVER_NAME
from demo.processes import DemoError

_TIMEOUT_S: Final = 10.0
_LOOK_S: Final = 0.2
_OK: Final = 200
_UNAUTHENTICATED: Final = 401
_TOKEN_LEFT_S: Final = 12 * 3600.0


def is_free(port: int) -> bool:
    """Say whether nobody listens on ``port`` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LISTEN_HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LISTEN_HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Door:
    """The gateway of a running demo."""

    port: int
    ca_file: Path

    @property
    def url(self) -> str:
        return f"https://{SERVER_NAME}:{self.port}"

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return when gateway, bridge and databases answer. Raises DemoError with what does not."""
        clock = SystemClock()
        deadline = clock.monotonic() + timeout_s
        while True:
            status, body = self.ask("GET", "/health/ready")
            if status == _OK:
                return
            if clock.monotonic() > deadline:
                msg = f"{self.url} is not ready after {timeout_s:g} s: {body.decode(errors='replace')}"
                raise DemoError(msg)
            time.sleep(_LOOK_S)

    def sign_in(self, email: str, password: str) -> str:
        """Return an access token. Raises DemoError."""
        status, body = self.ask("POST", "/api/v1/auth/login", content={"email": email, "password": password})
        if status != _OK:
            msg = f"Signing in as {email} was answered with {status}: {body.decode(errors='replace')}"
            raise DemoError(msg)
        return str(json.loads(body)["access_token"])

    def accepts(self, token: str) -> bool:
        """Say whether an access token is good now, and for half a day more."""
        try:
            expires = float(jwt.decode(token, options={"verify_signature": False})["exp"])  # the agent verifies it
        except (jwt.InvalidTokenError, KeyError):
            return False
        if expires - SystemClock().time() < _TOKEN_LEFT_S:
            return False
        status, _ = self.ask("GET", "/api/v1/health/symptoms/names", token=token)
        return status != _UNAUTHENTICATED

    def ask(
        self, method: str, path: str, *, content: Mapping[str, str] | None = None, token: str = ""
    ) -> tuple[int, bytes]:
        """Return status and body of one request, with ``content`` as JSON. Raises DemoError where nobody answers."""
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        trust = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection(SERVER_NAME, self.port, timeout=_TIMEOUT_S, context=trust)
        try:
            connection.request(method, path, None if content is None else json.dumps(content), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            msg = f"{self.url} does not answer: {error}"
            raise DemoError(msg) from error
        finally:
            connection.close()
