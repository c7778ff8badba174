"""An example of a program that uses the API, in Python's standard library alone: copy it, and change what you need.

    python docs/client.py https://home.example.org ann@example.org "How often did I have a headache this month?"

It asks for the password, signs in, lists records page by page, asks the chat, and signs out. The access token lasts a
day; whoever runs longer lets :meth:`Client.ask` renew it, once, when an answer says that it has ended.
"""

from __future__ import annotations

import getpass
import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

_TIMEOUT_S: Final = 10.0
_UNAUTHENTICATED: Final = 401


class Refused(Exception):
    """The API's own refusal. ``code`` never changes its meaning; ``request_id`` names the request in the logs."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.request_id: str = problem.get("request_id", "")


class Client:
    """One account's session. ``ca_file`` is for an appliance whose certificate its owner signed."""

    def __init__(self, url: str, ca_file: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._context = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else None
        self._tokens: dict[str, Any] = {}

    def sign_in(self, email: str, password: str) -> None:
        """Begin a session. Raises Refused (``bad_credentials``)."""
        self._tokens = self._send("POST", "/api/v1/auth/login", {"email": email, "password": password})

    def refresh(self) -> None:
        """Renew both tokens: a refresh token is good once, so the new one is kept. Raises Refused."""
        body = {"refresh_token": self._tokens["refresh_token"]}
        self._tokens = self._send("POST", "/api/v1/auth/refresh", body)

    def sign_out(self) -> None:
        self.ask("POST", "/api/v1/auth/logout")
        self._tokens = {}

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Return the answer's JSON, None where it has none; renew the session where it has ended. Raises Refused."""
        try:
            return self._send(method, path, body)
        except Refused as refused:
            if refused.status != _UNAUTHENTICATED or not self._tokens:
                raise
        self.refresh()
        return self._send(method, path, body)

    def records(self, **filters: str | int) -> Iterator[dict[str, Any]]:
        """Yield every record that fits, the newest first, page by page."""
        while True:
            page = self.ask("GET", f"/api/v1/health/symptoms?{urllib.parse.urlencode(filters)}")
            yield from page["items"]
            if page["next"] is None:
                return
            filters["cursor"] = page["next"]

    def chat(self, question: str, conversation: str | None = None) -> dict[str, Any]:
        """Return the chat's answer; its ``conversation`` goes with the next question that follows it up."""
        answer: dict[str, Any] = self.ask(
            "POST", "/api/v1/chat", {"message": question, "conversation": conversation, "time_zone": "UTC"}
        )
        return answer

    def _send(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens['access_token']}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - the owner's own
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._context) as response:  # noqa: S310
                content = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(json.load(error)) from None
        return json.loads(content) if content else None


def main(url: str, email: str, question: str) -> None:
    client = Client(url)
    client.sign_in(email, getpass.getpass())
    for record in client.records(limit=20):
        sys.stdout.write(f"{record['recorded_at']}  {record['symptom']}\n")
    sys.stdout.write(client.chat(question)["answer"] + "\n")
    client.sign_out()


if __name__ == "__main__":
    main(*sys.argv[1:4])
