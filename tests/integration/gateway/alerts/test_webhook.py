"""Webhooks, to servers over real TLS that give each receiver's documented answers.

- ntfy: https://docs.ntfy.sh/publish/ and its ``server/errors.go``
- Matrix: https://spec.matrix.org/v1.11/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
- Slack: https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trustme
from aiohttp import web

from gateway.alerts.channels import NotSent, Refused
from gateway.alerts.channels.webhook import Webhook
from gateway.alerts.settings import Webhook as WebhookSettings
from gateway.alerts.wording import Words
from tests.listener import listening

TOKEN = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
SLACK = "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
ROOM = "!abc/def:example.org"
SHAPES: dict[str, tuple[str, str]] = {"ntfy": ("alerts", TOKEN), "matrix": (ROOM, TOKEN), "slack": ("", SLACK),
                                      "json": ("", TOKEN)}  # fmt: skip
TAKEN: dict[str, object] = {
    "ntfy": {"id": "sPs71M8A2T", "time": 1643935928, "event": "message", "topic": "alerts", "message": "…"},
    "matrix": {"event_id": "$YUwRidLecu:example.com"},
    "slack": "ok",
    "json": "",
}


@dataclass
class Receiver:
    """A server that answers each request with ``status`` and ``answer``, and keeps what it was sent."""

    port: int
    tls: ssl.SSLContext
    status: int = 200
    answer: object = ""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    async def send(self, shape: str, words: Words, *, path: str = "", try_s: float = 5.0) -> str:
        target, token = SHAPES[shape]
        settings = WebhookSettings(shape, f"https://localhost:{self.port}{path}", target, token)
        return await asyncio.to_thread(Webhook(settings, tls=self.tls, try_s=try_s).send, words)


@asynccontextmanager
async def receiving(authority: trustme.CA, *, name: str = "localhost") -> AsyncIterator[Receiver]:
    server_tls, client_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(name).configure_cert(server_tls)
    authority.configure_trust(client_tls)
    receiver = Receiver(0, client_tls)

    async def handle(request: web.BaseRequest) -> web.Response:
        body = await request.json()
        receiver.asked.append((request.method, request.raw_path, dict(request.headers), body))
        text = receiver.answer if isinstance(receiver.answer, str) else json.dumps(receiver.answer)
        return web.Response(status=receiver.status, text=text, headers=receiver.headers)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_tls)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver(authority: trustme.CA) -> AsyncIterator[Receiver]:
    async with receiving(authority) as one:
        yield one


async def test_ntfy_gets_title_text_and_priority(receiver: Receiver, words: Words) -> None:
    receiver.answer = TAKEN["ntfy"]

    assert (await receiver.send("ntfy", words)).startswith("200 ")

    ((method, path, headers, body),) = receiver.asked
    assert (method, path) == ("POST", "/")
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert body == {"topic": "alerts", "title": words.subject, "message": words.text, "priority": 5}


async def test_ntfy_gets_no_more_than_it_shows_as_text(receiver: Receiver, words: Words) -> None:
    receiver.answer = TAKEN["ntfy"]

    await receiver.send("ntfy", replace(words, text="ü" * 9000))

    assert len(receiver.asked[0][3]["message"].encode()) == 3800


async def test_matrix_gets_the_same_transaction_when_it_is_sent_again(receiver: Receiver, words: Words) -> None:
    receiver.answer = TAKEN["matrix"]

    for _ in range(2):
        await receiver.send("matrix", words)

    (first, second) = receiver.asked
    assert first[:2] == second[:2]
    room = "%21abc%2Fdef%3Aexample.org"
    assert first[:2] == ("PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/abc-1")
    assert first[2]["Authorization"] == f"Bearer {TOKEN}"
    assert first[3] == {"msgtype": "m.text", "body": f"{words.subject}\n\n{words.text}"}


async def test_slack_gets_text_that_means_nothing_to_it(receiver: Receiver, words: Words) -> None:
    receiver.answer = TAKEN["slack"]

    await receiver.send("slack", words, path="/services")

    ((method, path, headers, body),) = receiver.asked
    assert (method, path) == ("POST", f"/services/{SLACK}")
    assert "Authorization" not in headers
    assert "&lt;&amp;&gt; Zürich" in body["text"]


async def test_json_gets_every_field(receiver: Receiver, words: Words) -> None:
    receiver.status = 204

    await receiver.send("json", words, path="/hook?x=1")

    ((method, path, headers, body),) = receiver.asked
    assert (method, path) == ("POST", "/hook?x=1")
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert body == {
        "id": "abc-1", "severity": "critical", "title": words.subject, "text": words.text, "at": 1_780_000_000.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "status", "answer", "advice"),
    [
        ("ntfy", 401, {"code": 40101, "http": 401, "error": "unauthorized"}, "the credential alerts.webhook.token"),
        ("ntfy", 403, {"code": 40301, "http": 403, "error": "forbidden"}, "may write to alerts.webhook.target"),
        ("ntfy", 400, {"code": 40009, "http": 400, "error": "invalid request: topic invalid"}, ""),
        ("matrix", 401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token"}, "alerts.webhook.token"),
        ("matrix", 403, {"errcode": "M_FORBIDDEN", "error": "User not in room"}, "alerts.webhook.target"),
        ("matrix", 404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}, "check alerts.webhook.url"),
        ("slack", 400, "invalid_payload", ""),
        ("slack", 403, "action_prohibited", "alerts.webhook.token"),
        ("slack", 404, "channel_not_found", "check alerts.webhook.url"),
        ("slack", 410, "channel_is_archived", "make a new one"),
        ("json", 413, "too large", ""),
        ("ntfy", 200, "<html>Welcome</html>", "alerts.webhook.shape"),
        ("matrix", 200, {"versions": []}, "alerts.webhook.shape"),
        ("slack", 200, "hello", "alerts.webhook.shape"),
    ],
)
async def test_refusal_is_lasting_and_says_what_to_do(
    receiver: Receiver, words: Words, shape: str, status: int, answer: object, advice: str
) -> None:
    receiver.status, receiver.answer = status, answer

    with pytest.raises(Refused, match=str(status)) as raised:
        await receiver.send(shape, words)

    assert advice in raised.value.advice


@pytest.mark.parametrize(
    ("shape", "status", "answer", "headers", "wait_s"),
    [
        ("ntfy", 429, {"code": 42901, "http": 429, "error": "limit reached: too many requests"}, {}, None),
        ("ntfy", 500, {"code": 50001, "http": 500, "error": "internal server error"}, {}, None),
        ("matrix", 429, {"errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 2000}, {}, 2.0),
        ("matrix", 429, {"errcode": "M_LIMIT_EXCEEDED", "error": ""}, {"Retry-After": "7"}, 7.0),
        ("slack", 429, "rate_limited", {"Retry-After": "30"}, 30.0),
        ("slack", 500, "rollup_error", {}, None),
        ("json", 503, "", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
    ids=["ntfy limit", "ntfy error", "matrix body", "matrix header", "slack limit", "slack error", "date"],
)
async def test_message_is_tried_again_when_the_receiver_is_busy(
    receiver: Receiver, words: Words, shape: str, status: int, answer: object, headers: dict[str, str], wait_s: float
) -> None:
    receiver.status, receiver.answer, receiver.headers = status, answer, headers

    with pytest.raises(NotSent, match=str(status)) as raised:
        await receiver.send(shape, words)

    assert not isinstance(raised.value, Refused)
    assert raised.value.wait_s == wait_s


@pytest.mark.parametrize("shape", SHAPES)
async def test_redirect_is_not_followed(receiver: Receiver, words: Words, shape: str) -> None:
    receiver.status, receiver.headers = 307, {"Location": f"https://localhost:{receiver.port}/elsewhere"}

    with pytest.raises(Refused, match="redirects"):
        await receiver.send(shape, words)

    assert len(receiver.asked) == 1


@pytest.mark.parametrize("fault", ["stranger", "name"])
async def test_nothing_is_sent_to_a_server_whose_certificate_is_not_good(
    authority: trustme.CA, words: Words, fault: str
) -> None:
    signer, name = (trustme.CA(), "localhost") if fault == "stranger" else (authority, "ntfy.example.org")
    async with receiving(signer, name=name) as receiver:
        receiver.tls = ssl.create_default_context()
        authority.configure_trust(receiver.tls)
        with pytest.raises(NotSent, match="the certificate of localhost is not good"):
            await receiver.send("ntfy", words)

    assert receiver.asked == []


async def test_try_ends_when_the_server_says_nothing(authority: trustme.CA, words: Words) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    async with listening(silent) as port:
        with pytest.raises(NotSent):
            await Receiver(port, ssl.create_default_context()).send("json", words, try_s=0.3)


@pytest.mark.parametrize("shape", SHAPES)
async def test_token_is_shown_nowhere_when_the_receiver_quotes_it(
    receiver: Receiver, words: Words, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target, token = SHAPES[shape]
    receiver.status, receiver.answer = 400, f"{token} is no token"

    with pytest.raises(Refused, match="is no token") as raised:
        await receiver.send(shape, words)

    settings = WebhookSettings(shape, "https://localhost", target, token)
    assert token not in f"{raised.value!r} {raised.value.__cause__!r} {settings!r}"
    assert token not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
