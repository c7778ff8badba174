"""The pages about accounts, from the forms in them to the store: what a person without a script does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

import pytest
from aiohttp import ClientSession

from tests.integration.agent.accounts.house import ANN, EVE, House
from tests.integration.agent.machine import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = "Another horse 2"


@dataclass
class Browser:
    """A browser without scripts: it keeps cookies, follows redirects, and sends the forms that pages hold."""

    http: ClientSession
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""
    status: int = 0
    text: str = ""

    async def open(self, path: str) -> str:
        await self._ask("GET", path)
        return self.text

    async def send(self, action: str, **typed: str) -> str:
        """Send the form of this page that goes to ``action``: its hidden fields, and what is typed."""
        form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', self.text, re.DOTALL)
        assert form is not None, self.text
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[0])
        names = set(re.findall(r'\bname="([^"]+)"', form[0]))
        assert typed.keys() <= names, f"{typed.keys() - names} is not on the page"
        await self._ask("POST", action, {name: unescape(value) for name, value in hidden} | typed)
        return self.text

    async def sign_in(self, email: str, password: str = PASSWORD) -> Browser:
        await self.open("/sign-in")
        await self.send("/auth/login", email=email, password=password)
        assert self.path == "/", self.text
        return self

    async def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> None:
        for _ in range(5):
            headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            url = f"http://localhost{path}"
            async with self.http.request(method, url, data=fields, headers=headers, allow_redirects=False) as response:
                self.status, self.text, self.path = response.status, await response.text(), path
                for name, morsel in response.cookies.items():
                    self.cookies[name] = morsel.value
                    if not morsel.value:
                        del self.cookies[name]
            if response.status != 303:
                return
            method, path, fields = "GET", response.headers["Location"], None


async def test_password_is_another_one_when_the_link_in_the_mail_was_followed(house: House) -> None:
    browser = Browser(house.http)
    await browser.open("/sign-in")
    assert 'href="/reset-password"' in browser.text
    await browser.open("/reset-password")

    assert "If the address has an account" in await browser.send("/reset-password/link", email=ANN.email)
    token = await house.link(ANN.email)
    await browser.open(f"/reset-password?token={token}")
    assert "This must" in await browser.send("/reset-password", new_password="weak", again="weak")
    assert "Your password is changed" in await browser.send("/reset-password", new_password=NEW, again=NEW)

    await browser.sign_in(ANN.email, NEW)
    await browser.open(f"/reset-password?token={token}")
    assert "no longer good" in await browser.send("/reset-password", new_password=NEW, again=NEW)


async def test_account_is_there_when_the_invitation_was_accepted(house: House) -> None:
    eve = await house.sign_in(EVE)
    await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl", "role": "technician"})
    browser = Browser(house.http)

    await browser.open(f"/accept-invitation?token={await house.link('carl@example.org')}")
    await browser.send("/accept-invitation", password=NEW, again=NEW, username="carl")

    assert "Your account is there" in browser.text
    await browser.sign_in("carl@example.org", NEW)


async def test_account_has_its_other_address_when_that_was_confirmed(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ann.post("/users/email", {"new_email": "ann@example.net", "password": PASSWORD})
    browser = Browser(house.http)
    token = await house.link("ann@example.net")

    await browser.open(f"/confirm-address?token={token}")
    assert (await ann.get("/users/profile")).body["email"] == ANN.email
    await browser.send("/confirm-address")

    assert "Your e-mail address is confirmed" in browser.text
    await browser.sign_in("ann@example.net")
