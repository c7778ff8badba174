"""A browser without scripts, for the pages about accounts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from aiohttp import ClientSession

from tests.integration.agent.machine import PASSWORD


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
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
        names = set(re.findall(r'\bname="([^"]+)"', form[0]))
        assert typed.keys() <= names, f"{typed.keys() - names} is not on the page"
        await self._ask("POST", action, {name: unescape(value) for name, value in hidden} | typed)
        return self.text

    async def post(self, action: str, fields: dict[str, str]) -> None:
        """Send a form that is on no page."""
        await self._ask("POST", action, fields)

    @property
    def wrong(self) -> list[str]:
        """The names of the fields beside which it says what is wrong."""
        return re.findall(r'<span class="wrong" id="(?:field|account)-(\w+)-wrong">', self.text)

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
