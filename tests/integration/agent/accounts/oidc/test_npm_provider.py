"""Signing in through a provider that nobody here wrote, from the link on the page to the session, through the relay."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, TCPConnector
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from bridge.process.clock import SystemClock
from gateway.relay.relay import Relay
from gateway.settings import Relay as RelaySettings
from tests.integration.agent.accounts.house import ANN, BOB, House, open_house
from tests.integration.agent.conftest import StoreDsns
from tests.oidc_provider import CLIENT, SECRET, NpmProvider, npm_provider

pytestmark = [pytest.mark.timeout(120)]  # two servers and a house start

SITE: Final = "https://home.example.org"
CALLBACK: Final = f"{SITE}/auth/oidc/callback"
PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "ann": {"email": "ann@example.org", "email_verified": True, "name": "Ann"},
    "ann-elsewhere": {"email": "ann@example.org", "email_verified": True},
    "bob": {"email": "bob@example.org", "email_verified": False},
    "cognito": {"email": "bob@example.org", "email_verified": "true", "token_use": "id", "cognito:username": "bob"},
    "stranger": {"email": "stranger@example.org", "email_verified": True},
}


@dataclass(frozen=True)
class Visit:
    """Somebody with a browser that keeps cookies, before a house whose site is ``SITE``."""

    house: House
    provider: NpmProvider
    browser: ClientSession
    cookies: dict[str, str]

    async def open(self, path: str) -> ClientResponse:
        """Ask the house, which listens on a Unix socket, as the site would be asked."""
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = URL(f"http://localhost{path}", encoded=True)
        response = await self.house.http.get(
            url, headers={"Cookie": header, "Accept": "text/html"}, allow_redirects=False
        )
        await response.read()
        for name, morsel in response.cookies.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return response

    async def leave(self, next_path: str = "/chat") -> str:
        response = await self.open(f"/auth/oidc?next={next_path}")
        assert response.status == 303, await response.text()
        return response.headers["Location"]

    async def sign_in_there(self, url: str, login: str) -> str:
        """Fill in the provider's own pages, and return where it sends the browser back to."""
        page = await self._follow(url)
        while isinstance(page, tuple):
            text, form = page
            fields = (
                {"prompt": "login", "login": login, "password": "any"}
                if 'name="login"' in text
                else {"prompt": "consent"}
            )
            page = await self._follow(form, fields)
        return page

    async def cancel_there(self, url: str) -> str:
        page = await self._follow(url)
        assert isinstance(page, tuple)
        found = re.search(r'href="([^"]+/abort)"', page[0])
        assert found is not None
        back = await self._follow(str(URL(self.provider.issuer).join(URL(unescape(found[1])))))
        assert isinstance(back, str)
        return back

    async def _follow(self, url: str, fields: dict[str, str] | None = None) -> str | tuple[str, str]:
        """Return a page with the address of its form, or where the provider sends the browser back to."""
        while not url.startswith(CALLBACK):
            ask = (
                self.browser.get(url, allow_redirects=False)
                if fields is None
                else self.browser.post(url, data=fields, allow_redirects=False)
            )
            async with ask as response:
                text = await response.text()
                assert response.status < 400, text
                if response.status == 200:
                    found = re.search(r'action="([^"]+)"', text)
                    assert found is not None, text
                    return text, str(URL(url).join(URL(unescape(found[1]))))
                url, fields = str(response.url.join(URL(response.headers["Location"], encoded=True))), None
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    async def come_back(self, login: str) -> ClientResponse:
        return await self.open(await self.sign_in_there(await self.leave(), login))

    async def address(self) -> str:
        """Return the address of the account that is signed in."""
        response = await self.open("/users/profile")
        return str(json.loads(await response.read())["email"])


@asynccontextmanager
async def visiting(
    folder: Path, store: StoreDsns, *, leads: bool = True, key: dict[str, Any] | None = None
) -> AsyncIterator[Visit]:
    """Give a visit, with the relay between the house and the provider; ``leads`` says whether it leads there."""
    keys = None if key is None else {"keys": [key]}
    algorithm = "RS256" if key is None else key["alg"]
    with npm_provider(folder, PEOPLE, callback=CALLBACK, host="127.0.0.1", keys=keys, algorithm=algorithm) as there:
        targets = (f"127.0.0.1:{there.port}",) if leads else ("192.0.2.1:443",)
        relay_settings = RelaySettings.model_validate(
            {"host": "127.0.0.1", "port": 0, "clients": ["127.0.0.1"], "allow": targets}
        )
        relay = Relay(relay_settings, SystemClock())
        oidc = {
            "issuer": there.issuer, "client_id": CLIENT, "client_secret": SECRET, "site": SITE,
            "ca_file": str(there.ca_file), "answer_s": 30.0,
        }  # fmt: skip
        async with await relay.start() as listener:
            port = listener.sockets[0].getsockname()[1]
            way_out = {"host": "127.0.0.1", "port": port}
            trust = ssl.create_default_context(cafile=there.ca_file)
            async with (
                open_house(folder, store, oidc=oidc, relay=way_out, joining={"sign_up": False}) as house,
                ClientSession(connector=TCPConnector(ssl=trust), cookie_jar=CookieJar(unsafe=True)) as browser,
            ):
                await house.people(ANN, BOB)
                yield Visit(house, there, browser, {})
            relay.cut()


async def test_person_signs_in_through_the_providers_own_pages_and_goes_on(
    tmp_path: Path, store_dsns: StoreDsns
) -> None:
    async with visiting(tmp_path, store_dsns) as visit:
        back = await visit.sign_in_there(await visit.leave(), "ann")
        used = dict(visit.cookies)

        response = await visit.open(back)

        assert (response.status, response.headers["Location"]) == (303, "/chat")
        assert visit.cookies.keys() == {"__Host-session", "__Host-name", "__Secure-refresh"}
        assert await visit.address() == ANN.email
        await visit.house.verify_trail()

        # the same answer again, in the same browser as it was, and in one that never left
        for cookies in (used, {}):
            again = Visit(visit.house, visit.provider, visit.browser, cookies)
            assert (await again.open(back)).status == 400
            assert "__Host-session" not in again.cookies


async def test_provider_takes_each_code_once(tmp_path: Path, store_dsns: StoreDsns) -> None:
    """Even where our own note of the sign-in is lost."""
    async with visiting(tmp_path, store_dsns) as visit:
        back = await visit.sign_in_there(await visit.leave(), "ann")
        used = dict(visit.cookies)
        assert (await visit.open(back)).status == 303
        await visit.house.run("DELETE FROM oidc_used")
        again = Visit(visit.house, visit.provider, visit.browser, used)
        response = await again.open(back)
        assert (response.status, "did not vouch" in await response.text()) == (403, True)
        assert "__Host-session" not in again.cookies


async def test_code_is_worth_nothing_in_another_sign_in(tmp_path: Path, store_dsns: StoreDsns) -> None:
    """What a door that fell could try: somebody's code, put into a sign-in that the door began itself."""
    async with visiting(tmp_path, store_dsns) as visit:
        back = await visit.sign_in_there(await visit.leave(), "ann")
        intruder = Visit(visit.house, visit.provider, visit.browser, {})
        own = URL(await intruder.leave(), encoded=True).query["state"]
        theirs = URL(back, encoded=True)
        crossed = theirs.update_query(state=own)
        response = await intruder.open(str(crossed))
        assert (response.status, "did not vouch" in await response.text()) == (403, True)
        assert "__Host-session" not in intruder.cookies


async def test_page_says_so_when_somebody_cancels_there(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with visiting(tmp_path, store_dsns) as visit:
        back = await visit.cancel_there(await visit.leave())
        response = await visit.open(back)
        text = await response.text()
        assert (response.status, "You came back without having signed in." in text) == (200, True)
        assert 'name="next" value="/chat"' in text
        assert visit.cookies == {}


async def test_nobody_is_let_in_when_the_account_is_not_theirs_for_certain(
    tmp_path: Path, store_dsns: StoreDsns
) -> None:
    async with visiting(tmp_path, store_dsns) as visit:
        assert (await visit.come_back("ann")).status == 303
        for login, words in (
            ("bob", "does not vouch for your e-mail address"),
            ("stranger", "There is no account here with your e-mail address"),
            ("ann-elsewhere", "linked to another person"),
        ):
            visit.browser.cookie_jar.clear()
            other = Visit(visit.house, visit.provider, visit.browser, {})
            response = await other.come_back(login)
            assert (response.status, words in await response.text()) == (403, True)
            assert "__Host-session" not in other.cookies


@pytest.mark.story("hub/IH-019.2")
async def test_person_is_let_in_when_the_token_has_cognitos_shape_and_an_elliptic_key(
    tmp_path: Path, store_dsns: StoreDsns
) -> None:
    key = jwt.get_algorithm_by_name("ES256").to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    own = {name: value for name, value in key.items() if name != "key_ops"} | {
        "use": "sig",
        "alg": "ES256",
        "kid": "e-1",
    }
    async with visiting(tmp_path, store_dsns, key=own) as visit:
        assert (await visit.come_back("cognito")).status == 303
        assert await visit.address() == BOB.email


async def test_page_says_so_when_the_relay_does_not_lead_to_the_provider(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with visiting(tmp_path, store_dsns, leads=False) as visit:
        response = await visit.open("/auth/oidc?next=/chat")
        assert (response.status, "The sign-in service is out of reach." in await response.text()) == (503, True)
