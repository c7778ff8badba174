"""Lists of attackers' tools, played from one address at the pace of the tool."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from yarl import URL

from gateway.settings import GatewaySettings, Protection, Web
from tests.clocks import HurriedClock
from tests.gateway_door import Door, open_door

_FOLDER: Final = Path(__file__).parent
_ADDRESS: Final = "203.0.113.66"
_TELLING_POINTS: Final = 5
"""From a rule that says something of who asks: a 401 or 400 alone says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attack:
    """``per_s``: how many requests a second the tool sends, as a rule; those that wait for an answer send fewer."""

    name: str
    what: str
    per_s: float
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Caught:
    """``recognised``: how many requests count for more than their status, each from an address of its own.

    ``answered``: how many the gateway answered before it banned the client that sent them all; None where it never did.
    """

    attack: Attack
    recognised: int
    answered: int | None

    @property
    def recognised_share(self) -> float:
        return self.recognised / len(self.attack.requests)

    @property
    def refused_share(self) -> float:
        total = len(self.attack.requests)
        return 0.0 if self.answered is None else (total - self.answered) / total

    @property
    def ban_after_s(self) -> float | None:
        return None if self.answered is None else (self.answered - 1) / self.attack.per_s


def _listed(name: str) -> tuple[Request, ...]:
    lines = (_FOLDER / f"{name}.txt").read_text("ascii").splitlines()
    return tuple(Request(method, target) for method, _, target in (line.partition(" ") for line in lines))


def _guesses(count: int) -> tuple[Request, ...]:
    return tuple(
        Request("POST", "/auth/login", (("email", "ann@example.org"), ("password", f"Summer-{number}")))
        for number in range(count)
    )


ATTACKS: Final = (
    Attack("sqlmap", "SQL in each parameter: boolean, error, union, stacked and time based", 10.0, _listed("sqlmap")),
    Attack("nikto", "files and pages of other products, and some injections", 20.0, _listed("nikto")),
    Attack("ffuf", "a list of common words as paths", 100.0, _listed("ffuf")),
    Attack("hydra", "one account's password, guessed", 2.0, _guesses(120)),
)


def settings(**protection: object) -> GatewaySettings:
    """Return the defaults behind a proxy on this machine, as nginx is one."""
    return GatewaySettings(
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)), protection=Protection.model_validate(protection)
    )


async def play(attack: Attack) -> Caught:
    """Play a list, from its first request to the end."""
    recognised = await _recognised(attack)
    clock = HurriedClock()
    async with open_door(settings(), clock) as door:
        for number, request in enumerate(attack.requests):
            if await _is_refused(door, request, _ADDRESS):
                return Caught(attack, recognised, number)
            clock.advance(1 / attack.per_s)
    return Caught(attack, recognised, None)


async def _recognised(attack: Attack) -> int:
    async with open_door(settings(threshold=1_000_000)) as door:
        for number, request in enumerate(attack.requests):
            await _is_refused(door, request, f"2001:db8:0:{number:x}::1")
        return sum(account.points >= _TELLING_POINTS for account in door.guard._scores._accounts.values())


async def _is_refused(door: Door, request: Request, address: str) -> bool:
    """Send a request, byte for byte as the tool would, and say whether it was refused because of a ban."""
    url = URL(f"http://{door.client.host}:{door.client.port}{request.target}", encoded=True)
    headers = {"X-Forwarded-For": address}
    async with door.client.session.request(
        request.method, url, headers=headers, data=dict(request.form) or None, allow_redirects=False
    ) as response:
        return response.status == 403 and b'"banned"' in await response.read()
