"""Somebody who asks the appliance something, from outside or from the house: curl, in a namespace of the lab."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab import network
from tests.lab.internet import DOMAIN

_MARK: Final = "\n%{http_code} %{http_version} %{time_total}"
_TIMEOUT_S: Final = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: nobody answered. ``headers`` are in order, their names lower-case."""

    status: int
    http_version: str
    time_s: float
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def json(self) -> Any:  # noqa: ANN401 - whatever the answer holds
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Visitor:
    """``trust`` is a PEM file with the roots; ``address`` is where ``name`` is looked for."""

    namespace: str
    trust: Path
    name: str = DOMAIN
    address: str = network.OUTSIDE
    source: str = ""

    def ask(self, path: str, *options: str, token: str = "", content: object = None, scheme: str = "https") -> Answer:
        """Ask for a path, and return what came; options are curl's."""
        command = [
            "curl", "--silent", "--show-error", "--include", "--max-time", str(_TIMEOUT_S),
            "--cacert", str(self.trust), "--write-out", _MARK,
            "--resolve", f"{self.name}:443:{self.address}", "--resolve", f"{self.name}:80:{self.address}",
        ]  # fmt: skip
        if self.source:
            command += ["--interface", self.source]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        if content is not None:
            command += ["--header", "Content-Type: application/json", "--data", json.dumps(content)]
        output = network.inside(
            self.namespace, *command, *options, f"{scheme}://{self.name}{path}", timeout_s=_TIMEOUT_S + 5, check=False
        )
        text, _, mark = output.rpartition("\n")
        status, http_version, time_s = mark.split()
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        headers = tuple(
            (key.strip().lower(), value.strip())
            for key, _, value in (line.partition(":") for line in head.split("\n")[1:])
        )
        return Answer(int(status), http_version, float(time_s), headers, body)

    def sign_in(self, email: str, password: str) -> str:
        """Return an access token."""
        answer = self.ask("/api/v1/auth/login", content={"email": email, "password": password})
        assert answer.status == 200, answer
        return str(answer.json()["access_token"])
