"""What the keeper decides, with routers that a test plays; tests/integration has the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from bridge.process.clock import SystemClock
from gateway.ddns.mapping import keeper as keepers
from gateway.ddns.mapping.keeper import Keeper
from gateway.ddns.mapping.method import Failed, Gateway, Refused, Unanswered
from gateway.settings.ddns import Mapping
from tests.unit.gateway.ddns.mapping.routers import ELSEWHERE, HOME, OUTER, PlayedMethod
from tests.waiting import until


class House:
    """A keeper, the router it is told of, and the announcements it listens for."""

    def __init__(self, *methods: PlayedMethod, **settings: object) -> None:
        self.gateway: Gateway | None = HOME
        self.heard: list[Callable[[], None]] = []
        self.listening_fails = False
        self.keeper = Keeper(
            Mapping.model_validate({"check_every_s": 0.01, "nonce_file": Path("/nonexistent")} | settings),
            clock=SystemClock(), route=self._route, methods=lambda _: methods, listen=self._listen, quiet_s=0.0,
        )  # fmt: skip

    async def _route(self) -> Gateway | None:
        return self.gateway

    async def _listen(self, gateway: Gateway, heard: Callable[[], None]) -> None:
        self.heard.append(heard)
        if self.listening_fails:
            raise OSError(98, "Address already in use")
        await asyncio.Event().wait()

    def states(self) -> list[tuple[str, str]]:
        return [(status.state, status.method) for status in self.keeper.statuses()]

    def reason(self) -> str:
        return self.keeper.statuses()[0].reason

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.keeper.run())
            yield
            task.cancel()


MAPPED = ("mapped", "pcp")
FAILED = ("failed", "none")


async def test_keeper_learns_the_outer_address_when_the_method_gives_it_with_a_look() -> None:
    house = House(PlayedMethod("pcp"))
    await house.keeper.once()
    assert house.states() == [MAPPED, MAPPED]
    assert (house.keeper.router.external_ipv4(), house.keeper.router.method) == (OUTER, "pcp")


async def test_keeper_asks_the_next_method_when_one_refuses_a_port() -> None:
    house = House(PlayedMethod("pcp", map_80=Refused("not allowed")), PlayedMethod("upnp"))
    await house.keeper.once()
    assert house.states() == [MAPPED, ("mapped", "upnp")]


async def test_keeper_gives_every_reason_when_all_refuse() -> None:
    house = House(PlayedMethod("pcp", map_443=Refused("not allowed")), PlayedMethod("upnp", map_443=Refused("taken")))
    await house.keeper.once()
    assert house.states()[0] == FAILED
    assert house.reason() == "pcp: not allowed; upnp: taken"


@pytest.mark.parametrize(
    ("outer", "why"), [("100.64.1.2", "the provider shares one address"), ("10.0.0.2", "another router stands before")]
)
async def test_keeper_gives_the_cause_before_the_refusal_when_the_router_names_an_address_nobody_reaches(
    outer: str, why: str
) -> None:
    upnp = PlayedMethod("upnp", map_443=Refused("no room"))
    upnp.outer = IPv4Address(outer)
    house = House(upnp)
    await house.keeper.once()
    assert house.states()[0] == FAILED
    assert house.reason().startswith(why)
    assert house.reason().endswith(f"nobody outside reaches {outer}; upnp: no room")


async def test_keeper_says_not_asked_yet_when_it_has_just_found_its_first_router() -> None:
    house = House(PlayedMethod("pcp"))
    await house.keeper._find_router()
    assert (house.reason(), house.keeper.router.reason) == ("the router has not been asked yet",) * 2


async def test_keeper_knows_the_outer_address_when_all_ports_are_refused() -> None:
    refuses: dict[str, Failed | None] = {"map_443": Refused("no"), "map_80": Refused("no")}
    house = House(PlayedMethod("pcp", **refuses))
    for _ in range(2):
        await house.keeper.once()
    assert house.states() == [FAILED, FAILED]
    assert house.keeper.router.external_ipv4() == OUTER


async def test_keeper_makes_only_what_is_due_when_it_looks_again() -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    for _ in range(3):
        await house.keeper.once()
    assert [call for call in pcp.calls if call != "look"] == ["probe", "map_443", "map_80"]


@pytest.mark.parametrize("how", ["forgot", "refused"])
async def test_keeper_maps_again_when_the_router_has_forgotten(how: str) -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    await house.keeper.once()
    pcp.kept = False
    if how == "refused":
        pcp.fails["look"] = Refused("no such mapping")
    await house.keeper.once()
    assert pcp.calls.count("map_443") == pcp.calls.count("map_80") == 2
    assert house.states() == [MAPPED, MAPPED]


async def test_keeper_discovers_again_when_the_router_no_longer_answers() -> None:
    pcp, upnp = PlayedMethod("pcp"), PlayedMethod("upnp")
    house = House(pcp, upnp)
    await house.keeper.once()
    pcp.fails |= {"look": Unanswered("gone"), "probe": Unanswered("gone")}
    await house.keeper.once()
    assert house.states() == [("mapped", "upnp"), ("mapped", "upnp")]


async def test_keeper_counts_a_router_as_gone_when_a_look_lasts_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    await house.keeper.once()
    pcp.fails |= {"look": None, "probe": Unanswered("gone")}
    monkeypatch.setattr(keepers, "PATIENCE_S", 0.01)
    await house.keeper.once()
    assert house.states() == [MAPPED, MAPPED]
    assert house.keeper.router.external_ipv4() is None


async def test_keeper_says_mapped_and_why_it_worries_when_the_router_is_silent_before_the_end() -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    await house.keeper.once()
    pcp.fails |= {"look": Unanswered("gone"), "probe": Unanswered("gone")}
    await house.keeper.once()
    assert house.states() == [MAPPED, MAPPED]
    assert "by hand" in house.reason()
    assert house.keeper.router.external_ipv4() is None


async def test_keeper_forgets_what_another_router_granted_when_the_host_moves() -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    async with house.running():
        await until(lambda: house.states() == [MAPPED, MAPPED])
        house.gateway = None
        await until(lambda: house.states() == [FAILED, FAILED])
        assert "no IPv4 default route" in house.reason()
        house.gateway = ELSEWHERE
        house.keeper.poke()
        await until(lambda: house.states() == [MAPPED, MAPPED])
        assert len(house.heard) == 2  # at each router
    assert pcp.calls.count("probe") == 2


async def test_keeper_looks_at_once_when_an_announcement_is_heard() -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp, check_every_s=3600)
    async with house.running():
        await until(lambda: house.states() == [MAPPED, MAPPED])
        looks = pcp.calls.count("look")
        house.heard[0]()
        await until(lambda: pcp.calls.count("look") == looks + 1)


async def test_keeper_goes_on_when_announcements_cannot_be_heard() -> None:
    pcp = PlayedMethod("pcp")
    house = House(pcp)
    house.listening_fails = True
    async with house.running():
        await until(lambda: pcp.calls.count("look") > 2)
    assert house.states() == [MAPPED, MAPPED]


@pytest.mark.parametrize("deletes", [True, False])
async def test_keeper_deletes_when_stopped_only_if_told_so(deletes: bool) -> None:
    pcp = PlayedMethod("pcp", unmap_443=Unanswered("gone"))
    house = House(pcp, delete_at_stop=deletes)
    async with house.running():
        await until(lambda: house.states() == [MAPPED, MAPPED])
    assert [call for call in pcp.calls if "unmap" in call] == (["unmap_443", "unmap_80"] if deletes else [])


async def test_keeper_waits_longer_each_time_and_as_long_as_told_when_refused() -> None:
    pcp = PlayedMethod("pcp", map_443=Refused("no"), map_80=Refused("no"))
    house = House(pcp, check_every_s=300)
    waits = []
    for _ in range(7):
        await house.keeper.once()
        waits.append(house.keeper._wait_s())
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    pcp.fails["map_443"] = Refused("no", retry_s=1800)
    await house.keeper.once()
    assert house.keeper._wait_s() == 1800
    pcp.fails.clear()
    await house.keeper.once()
    assert house.keeper._wait_s() == 300


async def test_keeper_wakes_for_the_renewal_when_the_lease_is_shorter_than_the_check() -> None:
    pcp = PlayedMethod("pcp")
    pcp.lifetime_s = 200
    house = House(pcp, check_every_s=300)
    await house.keeper.once()
    assert 99 < house.keeper._wait_s() <= 100
