"""What attackers' tools send, played from one address.

``recorded/`` is what the tools themselves sent to this gateway on loopback, with its protection off: Debian's sqlmap
1.7.2 (``--batch --ignore-code=401``) and ffuf 1.1.0 (40 at a time, with our list of words). A line is the seconds since
the first request, the method, the target, perhaps a form. Of sqlmap's long runs the beginning is whole, and then every
second or fourth request is kept. The other lists are our own, in the manner of the tool, at a pace that is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from yarl import URL

from gateway.settings import GatewaySettings, Protection, Web
from gateway.web.inputs import FORM
from tests.clocks import HurriedClock
from tests.gateway_door import Door, open_door

_FOLDER: Final = Path(__file__).parent
_ADDRESS: Final = "203.0.113.66"
RECORDED: Final = "as recorded"
_TELLING_POINTS: Final = 5
"""From a rule that says something of who asks: a 401 or 400 alone says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """``at_s``: when it is sent, counted from the first. ``body`` is a form's."""

    at_s: float
    method: str
    target: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Attack:
    """``pace``: where the times of the requests are from."""

    name: str
    what: str
    pace: str
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Caught:
    """``recognised``: how many requests count for more than their status, each from an address of its own.

    ``answered``: how many the gateway answered before it banned the client that sent them all, and ``banned_after_s``
    what its clock said then, counted from the first; None where it never did.
    """

    attack: Attack
    recognised: int
    answered: int | None
    banned_after_s: float | None

    @property
    def recognised_share(self) -> float:
        return self.recognised / len(self.attack.requests)

    @property
    def refused_share(self) -> float:
        total = len(self.attack.requests)
        return 0.0 if self.answered is None else (total - self.answered) / total


def _recorded(name: str) -> tuple[Request, ...]:
    lines = (_FOLDER / "recorded" / f"{name}.txt").read_text("ascii").splitlines()
    fields = (line.split(" ") for line in lines)
    return tuple(Request(float(at_s), method, target, *body) for at_s, method, target, *body in fields)


def _listed(name: str, per_s: float) -> tuple[Request, ...]:
    lines = (_FOLDER / f"{name}.txt").read_text("ascii").splitlines()
    return tuple(Request(number / per_s, *line.split(" ")) for number, line in enumerate(lines))


def _guesses(count: int, per_s: float) -> tuple[Request, ...]:
    return tuple(
        Request(number / per_s, "POST", "/auth/login", f"email=ann%40example.org&password=Summer-{number}")
        for number in range(count)
    )


ATTACKS: Final = (
    Attack("sqlmap, an API", "each of eight parameters of a list", RECORDED, _recorded("sqlmap-list")),
    Attack("sqlmap, a page", "the parameter of the sign-in page", RECORDED, _recorded("sqlmap-page")),
    Attack("sqlmap, a form", "e-mail and password of the sign-in form", RECORDED, _recorded("sqlmap-sign-in")),
    Attack("ffuf", "a list of common words as paths", RECORDED, _recorded("ffuf")),
    Attack("like nikto", "files and pages of other products, and some injections", "20 a second", _listed("nikto", 20)),
    Attack("like hydra", "one account's password, guessed", "2 a second", _guesses(120, 2)),
)
INJECTING: Final = tuple(attack for attack in ATTACKS if attack.name.startswith(("sqlmap", "like nikto")))


def settings(**protection: object) -> GatewaySettings:
    """Return the defaults behind a proxy on this machine, as nginx is one."""
    return GatewaySettings(
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)), protection=Protection.model_validate(protection)
    )


async def play(attack: Attack) -> Caught:
    """Play a list, each request at its time, by the clock that the gateway goes by, from the first to the end."""
    recognised = await _recognised(attack)
    clock = HurriedClock()
    began, banned_after_s = clock.monotonic(), None
    async with open_door(settings(), clock) as door:
        for number, request in enumerate(attack.requests):
            clock.advance(began + request.at_s - clock.monotonic())
            if await _is_refused(door, request, _ADDRESS):
                return Caught(attack, recognised, number, banned_after_s)
            if banned_after_s is None and door.guard.bans:
                banned_after_s = clock.monotonic() - began
    return Caught(attack, recognised, None, None)


async def _recognised(attack: Attack) -> int:
    async with open_door(settings(threshold=1_000_000)) as door:
        for number, request in enumerate(attack.requests):
            await _is_refused(door, request, f"2001:db8:0:{number:x}::1")
        return sum(account.points >= _TELLING_POINTS for account in door.guard._scores._accounts.values())


async def _is_refused(door: Door, request: Request, address: str) -> bool:
    """Send a request, byte for byte as the tool would, and say whether it was refused because of a ban."""
    url = URL(f"http://{door.client.host}:{door.client.port}{request.target}", encoded=True)
    headers = {"X-Forwarded-For": address} | ({"Content-Type": FORM} if request.body else {})
    async with door.client.session.request(
        request.method, url, headers=headers, data=request.body or None, allow_redirects=False
    ) as response:
        return response.status == 403 and b'"banned"' in await response.read()
