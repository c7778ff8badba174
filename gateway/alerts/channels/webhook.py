"""By HTTPS, in the shape that the receiver understands. Redirects are not followed: a token goes where it was meant to.

====== ==================================================================================================
ntfy   ``POST /`` with topic, title, message, priority   https://docs.ntfy.sh/publish/#publish-as-json
matrix ``PUT …/rooms/{room}/send/m.room.message/{id}``   https://spec.matrix.org/v1.11/client-server-api/
slack  ``POST`` of ``{"text": …}``, answered ``ok``      https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
json   ``POST`` of id, severity, title, text, at         whatever is below 300 is well
====== ==================================================================================================
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from gateway.alerts.channels import TRY_S, NotSent, Refused, without
from gateway.alerts.channels.connection import connection
from gateway.alerts.settings import Webhook as WebhookSettings
from gateway.alerts.wording import Words

_ANSWER_MAX_BYTES: Final = 8 * 1024
_NTFY_TEXT_MAX_BYTES: Final = 3800  # from 4096 on it becomes an attachment
_NTFY_PRIORITIES: Final = {"critical": 5, "warning": 4, "info": 3}
_PASSING: Final = frozenset({408, 425, 429})
_ADVICE: Final = {
    401: "check the credential alerts.webhook.token",
    403: "check the credential alerts.webhook.token, and that it may write to alerts.webhook.target",
    404: "check alerts.webhook.url and alerts.webhook.target",
    410: "the receiver has closed this address: make a new one",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and what tells that its answer is the receiver's own."""

    method: str
    path: str
    body: Mapping[str, Any]
    is_answer: Callable[[bytes], bool]
    bearer: str = ""


class Webhook:
    """Give ``tls`` for other authorities than the system's."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, *, tls: ssl.SSLContext | None = None, try_s: float = TRY_S) -> None:
        self._settings = settings
        self._tls = tls
        self._try_s = try_s

    def send(self, words: Words) -> str:
        parts = urlsplit(self._settings.url)
        host, port = parts.hostname or "", parts.port or http.client.HTTPS_PORT
        call = _SHAPES[self._settings.shape](words, self._settings)
        tls = self._tls or ssl.create_default_context()  # made for each try: the authorities weigh megabytes
        try:
            with connection(host, port, within_s=self._try_s) as plain:
                client = http.client.HTTPSConnection(host, port, context=tls)
                client.sock = tls.wrap_socket(plain, server_hostname=host)
                try:
                    return self._exchange(client, call)
                finally:
                    client.close()
        except ssl.SSLCertVerificationError as error:
            msg = f"the certificate of {host} is not good: {error.verify_message}"
            raise NotSent(msg) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            msg = f"{host}: {getattr(error, 'strerror', None) or type(error).__name__}"
            raise NotSent(msg) from None

    def _exchange(self, client: http.client.HTTPSConnection, call: Call) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": "drawbridge", "Connection": "close"}
        if call.bearer:
            headers["Authorization"] = f"Bearer {call.bearer}"
        client.request(call.method, call.path, json.dumps(call.body).encode(), headers)
        answer = client.getresponse()
        content = answer.read(_ANSWER_MAX_BYTES)
        said = f"{answer.status} {content[:200].decode('utf-8', 'replace')}"
        reason = without(self._settings.token, said)
        match answer.status // 100:
            case 2 if call.is_answer(content):
                return reason
            case 2:
                msg = f"{answer.status}, but this is no answer of {self._settings.shape}"
                raise Refused(msg, "check alerts.webhook.url and alerts.webhook.shape")
            case 3:
                msg = f"{answer.status}: it redirects, which is not followed"
                raise Refused(msg, "set alerts.webhook.url to the final address")
            case 4 if answer.status not in _PASSING:
                raise Refused(reason, _ADVICE.get(answer.status, ""))
            case _:
                raise NotSent(reason, wait_s=_wait_s(answer.headers.get("Retry-After"), content))


def _wait_s(header: str | None, content: bytes) -> float | None:
    """Return how long we are asked to wait: Retry-After in seconds, or Matrix's ``retry_after_ms``."""
    if header and header.isascii() and header.isdigit():
        return float(header[:9])
    value = _field(content, "retry_after_ms")
    return value / 1000 if isinstance(value, int) else None


def _field(content: bytes, name: str) -> object:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer.get(name) if isinstance(answer, dict) else None


def _base(settings: WebhookSettings) -> str:
    parts = urlsplit(settings.url)
    return parts.path.rstrip("/")


def _ntfy(words: Words, settings: WebhookSettings) -> Call:
    text = words.text.encode()[:_NTFY_TEXT_MAX_BYTES].decode("utf-8", "ignore")
    body = {
        "topic": settings.target, "title": words.subject, "message": text,
        "priority": _NTFY_PRIORITIES[words.severity],
    }  # fmt: skip
    return Call("POST", f"{_base(settings)}/", body, lambda content: bool(_field(content, "id")), settings.token)


def _matrix(words: Words, settings: WebhookSettings) -> Call:
    # a transaction's id makes a second try of the same message no second message
    room, transaction = quote(settings.target, safe=""), quote(words.id, safe="")
    path = f"{_base(settings)}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
    body = {"msgtype": "m.text", "body": f"{words.subject}\n\n{words.text}"}
    return Call("PUT", path, body, lambda content: bool(_field(content, "event_id")), settings.token)


def _slack(words: Words, settings: WebhookSettings) -> Call:
    text = f"{words.subject}\n\n{words.text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    path = f"{_base(settings)}/{quote(settings.token, safe='/')}"
    return Call("POST", path, {"text": text}, lambda content: content.strip() == b"ok")


def _json(words: Words, settings: WebhookSettings) -> Call:
    parts = urlsplit(settings.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = {
        "id": words.id, "severity": words.severity, "title": words.subject, "text": words.text, "at": words.at,
    }  # fmt: skip
    return Call("POST", path, body, lambda _: True, settings.token)


_SHAPES: Final[Mapping[str, Callable[[Words, WebhookSettings], Call]]] = {
    "ntfy": _ntfy,
    "matrix": _matrix,
    "slack": _slack,
    "json": _json,
}
