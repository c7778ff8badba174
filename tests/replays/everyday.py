"""What people, their browsers and their programs ask in a day, mistakes included. Nobody of them is an attacker."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.clocks import HurriedClock
from tests.gateway_door import PASSWORD, Door, open_door
from tests.replays.attacks import settings

LIST: Final = "/api/v1/health/symptoms"
PAGE: Final = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
EMAIL: Final = "ann@example.org"
_ODD: Final = (
    "don't sleep or eat", "pain <3 days", "50% better; worse at night", "select foods and union meetings",
    "1=1 tablet or 2=2 tablets", "' or so she said", "<b>bad</b>", "drop in pressure", "(a or b) and c",
)  # fmt: skip


@dataclass
class Somebody:
    """One client at ``address``; :attr:`banned` is set when it was ever refused by a ban."""

    door: Door
    clock: HurriedClock
    address: str
    asked: int = 0
    banned: bool = False

    async def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        then_s: float = 1.0,
        address: str = "",
        **more: Any,  # noqa: ANN401 - what aiohttp takes
    ) -> tuple[int, str]:
        sent = {"X-Forwarded-For": address or self.address, **(headers or {})}
        async with self.door.client.request(method, path, headers=sent, allow_redirects=False, **more) as response:
            text = await response.text()
            self.banned = self.banned or (response.status == 403 and ("banned" in text or "blocked" in text))
        self.asked += 1
        self.clock.advance(then_s)
        return response.status, text

    async def sign_in(self, password: str, *, then_s: float = 8.0) -> int:
        form, headers = {"email": EMAIL, "password": password}, PAGE | {"Sec-Fetch-Site": "same-origin"}
        status, _ = await self.ask("/auth/login", headers, method="POST", data=form, then_s=then_s)
        return status

    async def load(self, path: str, headers: Mapping[str, str] | None = None) -> None:
        """Open a page as a browser does, with all that belongs to it and what browsers look for besides."""
        _, html = await self.ask(path, {**PAGE, **(headers or {})}, then_s=0.1)
        for asset in {*re.findall(r'(?:href|src)="(/static/[^"]+)"', html)}:
            await self.ask(asset, {"Sec-Fetch-Site": "same-origin"}, then_s=0.01)
        self.clock.advance(3)


async def first_visit(somebody: Somebody) -> None:
    await somebody.load("/")
    await somebody.load("/sign-in?next=/")
    for path in ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png",
                 "/apple-touch-icon-120x120.png", "/manifest.webmanifest", "/browserconfig.xml", "/sw.js"):  # fmt: skip
        await somebody.ask(path, {"Sec-Fetch-Site": "same-origin"}, then_s=0.05)
    assert await somebody.sign_in(PASSWORD) == 303
    await somebody.load("/", somebody.door.cookie())


async def forgotten_password(somebody: Somebody) -> None:
    await somebody.load("/sign-in")
    for number in range(8):
        await somebody.sign_in(f"Was-it-this-{number}")
    somebody.clock.advance(60)
    assert await somebody.sign_in(PASSWORD) == 303


async def mistyped_addresses(somebody: Somebody) -> None:
    for path in (
        "/login",
        "/Status",
        "/chat/",
        "/symptoms",
        "/help",
        "/hilfe",
        "/health/",
        "/heatlh",
        "/admin",
        "/home",
    ):
        await somebody.ask(path, PAGE, then_s=6)


async def tab_left_open(somebody: Somebody) -> None:
    """Its session ends, and its script asks on."""
    expired = somebody.door.bearer(lives_s=-3600)
    for _ in range(120):
        await somebody.ask(LIST, {**expired, "Sec-Fetch-Site": "same-origin"}, then_s=10)


async def program_without_its_token(somebody: Somebody) -> None:
    for _ in range(120):
        await somebody.ask(f"{LIST}?limit=200", then_s=5)


async def program_with_a_mistake(somebody: Somebody) -> None:
    for number in range(60):
        await somebody.ask(f"{LIST}?limit={1000 + number}&sort=worst", somebody.door.bearer(), then_s=1)


async def watchdog(somebody: Somebody) -> None:
    for number in range(60):
        await somebody.ask(
            "/health/ready" if number % 2 else "/health", method="HEAD" if number % 3 else "GET", then_s=5
        )


async def crawler(somebody: Somebody) -> None:
    for path in ("/robots.txt", "/sitemap.xml", "/", "/sign-in", "/about", "/impressum", "/contact", "/blog", "/feed"):
        await somebody.ask(path, {"User-Agent": "Bot (+https://bot.example)"}, then_s=10)


async def helpers_of_browsers(somebody: Somebody) -> None:
    """Password manager, link preview, traffic advice, and a phone that makes itself at home."""
    for path in ("/.well-known/change-password", "/.well-known/security.txt", "/.well-known/traffic-advice",
                 "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json", "/robots.txt"):  # fmt: skip
        await somebody.ask(path, then_s=0.2)
    await somebody.ask("/", method="HEAD")
    await somebody.ask("/apple-app-site-association")


async def odd_questions(somebody: Somebody) -> None:
    for text in _ODD:
        await somebody.ask(LIST, somebody.door.bearer(), params={"text": text})
        message = {"message": text}
        await somebody.ask("/api/v1/chat", somebody.door.bearer(), method="POST", json=message)


async def reloading(somebody: Somebody) -> None:
    for _ in range(80):
        await somebody.ask("/sign-in", PAGE, then_s=0.7)


async def hostile_page(somebody: Somebody) -> None:
    """Another site has its visitor's browser ask for what would ban it."""
    for number in range(40):
        elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        await somebody.ask(f"/wp-login.php?{number}=<script>", elsewhere, then_s=0.05)


async def clinic(somebody: Somebody) -> None:
    """Twelve people behind one address: some mistype, one forgot the password, one brings a scanner in."""
    for number in range(12):
        who = somebody.door.bearer(sub=f"11111111-1111-4111-8111-{number:012}")
        await somebody.ask(LIST, who, then_s=0.2)
    for number in range(6):
        await somebody.sign_in(f"Forgot-{number}", then_s=4)
    for path in ("/.env", "/wp-login.php", "/.git/config", "/backup.zip", "/phpmyadmin/", "/config.php"):
        await somebody.ask(path, then_s=0.5)
    assert (await somebody.ask(LIST, somebody.door.bearer()))[0] == 200


async def phone(somebody: Somebody) -> None:
    """Its address changes within its network, as phones' do."""
    for number in range(20):
        await somebody.ask("/sign-in", PAGE, address=f"2001:db8:77:1:{number:x}::1", then_s=2)


EVERYBODY: Final[tuple[Callable[[Somebody], Awaitable[None]], ...]] = (
    first_visit, forgotten_password, mistyped_addresses, tab_left_open, program_without_its_token,
    program_with_a_mistake, watchdog, crawler, helpers_of_browsers, odd_questions, reloading, hostile_page, clinic,
    phone,
)  # fmt: skip


@dataclass
class Day:
    """What came of it: ``banned`` names who was refused."""

    people: int = 0
    asked: int = 0
    banned: list[str] = field(default_factory=list)


async def live() -> Day:
    """Play everybody, each at an address of their own, one after the other."""
    day = Day()
    clock = HurriedClock()
    async with open_door(settings(), clock) as door:
        for number, person in enumerate(EVERYBODY):
            somebody = Somebody(door, clock, f"198.51.100.{number + 1}")
            await person(somebody)
            day.people += 1
            day.asked += somebody.asked
            if somebody.banned:
                day.banned.append(getattr(person, "__name__", str(number)))
            clock.advance(30)
    return day
