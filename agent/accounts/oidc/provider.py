"""The provider, as it describes itself: where people sign in, where their codes are exchanged, which keys are its own.

What it says is believed as far as it is needed and no further: another issuer than ours is none, and the keep goes to
no server that the settings do not name. https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from pydantic_core import from_json

from agent.accounts.oidc.flow import Flow
from agent.accounts.oidc.https import Away, Request, send
from agent.accounts.oidc.id_tokens import Expected, Flaw, Identity, IDTokenRefused, verify
from agent.accounts.oidc.keys import KeySet, KeysRefused
from agent.settings import Oidc, Relay
from bridge.process.clock import Clock
from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)

CALLBACK: Final = "/auth/oidc/callback"
KEPT_S: Final = 3600.0
"""How long a description is believed."""
AGAIN_S: Final = 5.0
"""A provider that was away is left alone for so long."""
KEYS_AGAIN_S: Final = 60.0
"""Keys are looked for once in so long, however many tokens name one that is not known."""

_SCOPE: Final = "openid email profile"
_URL: Final = re.compile(r"https://[A-Za-z0-9.:-]{1,260}(?:[/?][!-\"$-~]{0,2000})?")
"""Without user, password and fragment."""
_ERROR_CODE: Final = re.compile(r"[a-z_]{1,40}")
_OK: Final = 200
_NOT_OURS: Final = range(500, 600)


class CodeRefused(Exception):
    """The provider does not know the code, or no more; ``reason`` is its word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Described:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    fetched_at: float


class Provider:
    """The provider of the settings. Each method raises :class:`~agent.accounts.oidc.https.Away`."""

    def __init__(self, settings: Oidc, relay: Relay, clock: Clock) -> None:
        self._settings = settings
        self._relay = relay
        self._clock = clock
        self._servers = frozenset(map(_with_port, (urlsplit(settings.issuer).netloc, *settings.servers)))
        self._expected = Expected(
            settings.issuer, settings.client_id, frozenset(settings.algorithms), settings.leeway_s
        )
        self._asking = asyncio.Lock()
        self._described: _Described | None = None
        self._keys = KeySet()
        self._keys_at = 0.0
        self._away: tuple[float, str] | None = None  # since when, why

    async def authorization_url(self, flow: Flow, *, deadline: float) -> str:
        """Return where somebody signs in. ``deadline`` is the event loop's, here and below."""
        endpoint = (await self._describe(deadline)).authorization_endpoint
        asked = {
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": self._redirect_uri,
            "scope": _SCOPE, "state": flow.state, "nonce": flow.nonce, "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def identify(self, code: str, flow: Flow, *, deadline: float) -> Identity:
        """Return whose code it is. Raises :class:`CodeRefused`, and IDTokenRefused for a token that is not good."""
        described = await self._describe(deadline)
        token = await self._exchange(described.token_endpoint, code, flow, deadline)
        try:
            return self._verify(token, flow)
        except IDTokenRefused as refused:
            if refused.flaw is not Flaw.UNKNOWN_KEY or not await self._look_for_keys(described, deadline):
                raise
            return self._verify(token, flow)

    def _verify(self, token: str, flow: Flow) -> Identity:
        return verify(token, self._keys, self._expected, nonce=flow.nonce, now=self._clock.time())

    @property
    def _redirect_uri(self) -> str:
        return f"{self._settings.site}{CALLBACK}"

    async def _describe(self, deadline: float) -> _Described:
        """Return the description, which is fetched with the keys, by one caller for all who wait for it."""
        async with self._alone(deadline):
            now = self._clock.monotonic()
            if self._described is not None and now < self._described.fetched_at + KEPT_S:
                return self._described
            if self._away is not None and now < self._away[0] + AGAIN_S:
                raise Away(self._away[1])
            return await self._fetch_description(now, deadline)

    @asynccontextmanager
    async def _alone(self, deadline: float) -> AsyncIterator[None]:
        """Let one caller at a time ask."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._asking.acquire()
        except TimeoutError:
            msg = "it did not answer others in time"
            raise Away(msg) from None
        try:
            yield
        finally:
            self._asking.release()

    async def _fetch_description(self, now: float, deadline: float) -> _Described:
        issuer = self._settings.issuer
        try:
            answer = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", deadline)
            described = self._read_description(answer, now)
            await self._fetch_keys(described, deadline)
        except Away as away:
            if self._away is None:
                log(_log, "oidc_provider_lost", level=logging.WARNING, reason=str(away))
            self._away = (self._clock.monotonic(), str(away))
            raise
        if self._away is not None:
            log(_log, "oidc_provider_found")
        self._away, self._described = None, described
        return described

    def _read_description(self, content: bytes, now: float) -> _Described:
        said = _object(content)
        if said.get("issuer") != self._settings.issuer:
            msg = "it describes itself as another issuer"
            raise Away(msg)
        authorization, token, keys = (
            _url(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        for url in (token, keys):
            if (server := _with_port(urlsplit(url).netloc)) not in self._servers:
                msg = f"it leads to {server}, which oidc.servers does not name"
                raise Away(msg)
        return _Described(authorization, token, keys, now)

    async def _look_for_keys(self, described: _Described, deadline: float) -> bool:
        """Fetch the keys again, unless that was done a moment ago; return whether it was done now."""
        async with self._alone(deadline):
            if self._clock.monotonic() < self._keys_at + KEYS_AGAIN_S:
                return False
            await self._fetch_keys(described, deadline)
        return True

    async def _fetch_keys(self, described: _Described, deadline: float) -> None:
        self._keys_at = self._clock.monotonic()
        try:
            self._keys = KeySet.parse(await self._get(described.jwks_uri, deadline))
        except KeysRefused:
            msg = "its keys cannot be read"
            raise Away(msg) from None

    async def _get(self, url: str, deadline: float) -> bytes:
        answer = await send(Request(url), self._relay, ca_file=self._settings.ca_file, within_s=_left_s(deadline))
        if answer.status != _OK:
            msg = f"it answers {answer.status}"
            raise Away(msg)
        return answer.body

    async def _exchange(self, url: str, code: str, flow: Flow, deadline: float) -> str:
        """Return the ID token that the code is good for (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": flow.verifier,
        }  # fmt: skip
        headers: dict[str, str] = {}
        client_id, secret = self._settings.client_id, self._settings.client_secret
        if secret is None or self._settings.client_authentication == "post":
            form |= {"client_id": client_id}
        if secret is not None and self._settings.client_authentication == "post":
            form |= {"client_secret": secret.get_secret_value()}
        elif secret is not None:  # RFC 6749, 2.3.1: both as in a form
            both = f"{quote_plus(client_id)}:{quote_plus(secret.get_secret_value())}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        request = Request(url, urlencode(form).encode(), headers)
        answer = await send(request, self._relay, ca_file=self._settings.ca_file, within_s=_left_s(deadline))
        if answer.status != _OK:
            self._refuse(answer.status, answer.body)
        token = _object(answer.body).get("id_token")
        if not isinstance(token, str):
            raise CodeRefused("no_id_token")  # noqa: EM101 - its word for the log
        return token

    @staticmethod
    def _refuse(status: int, body: bytes) -> None:
        """Tell a code that is not good from a provider that is not well, or does not know us."""
        error = ""
        if status not in _NOT_OURS:
            error = str(_object(body).get("error", ""))
        if error == "invalid_grant":
            raise CodeRefused(error)
        msg = f"it answers {status} {error if _ERROR_CODE.fullmatch(error) else ''}".rstrip()
        raise Away(msg)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        said = from_json(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        msg = "its answer is no JSON object"
        raise Away(msg)
    return said


def _url(said: Mapping[str, Any], name: str) -> str:
    url = said.get(name)
    if not isinstance(url, str) or not _URL.fullmatch(url):
        msg = f"its {name} is no https address"
        raise Away(msg)
    return url


def _with_port(server: str) -> str:
    return server if ":" in server else f"{server}:443"


def _left_s(deadline: float) -> float:
    """Return how long the provider may still take. Raises :class:`Away` where that is over."""
    left_s = deadline - asyncio.get_running_loop().time()
    if left_s <= 0:
        msg = "it did not answer in time"
        raise Away(msg)
    return left_s
