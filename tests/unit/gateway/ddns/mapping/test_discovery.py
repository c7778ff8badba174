from __future__ import annotations

from gateway.ddns.mapping.discovery import discover
from gateway.ddns.mapping.method import Unanswered
from tests.unit.gateway.ddns.mapping.routers import PlayedMethod

CLOSED = Unanswered("closed")


async def test_discovery_gives_all_that_answer_in_the_order_given() -> None:
    pcp, natpmp, upnp = PlayedMethod("pcp"), PlayedMethod("nat-pmp", probe=CLOSED), PlayedMethod("upnp")
    found = await discover([pcp, natpmp, upnp], grace_s=5)
    assert found.methods == (pcp, upnp)
    assert found.reasons == ("nat-pmp: closed",)


async def test_discovery_takes_who_has_answered_when_the_grace_is_over() -> None:
    pcp, upnp = PlayedMethod("pcp", probe=None), PlayedMethod("upnp")
    found = await discover([pcp, upnp], grace_s=0.01, patience_s=60)
    assert found.methods == (upnp,)
    assert found.reasons == ("pcp: no answer",)


async def test_discovery_takes_the_first_that_answers_when_none_has_within_the_grace() -> None:
    pcp, natpmp, upnp = PlayedMethod("pcp", probe=None), PlayedMethod("nat-pmp", probe=CLOSED), PlayedMethod("upnp")
    found = await discover([pcp, natpmp, upnp], grace_s=0, patience_s=60)
    assert found.methods == (upnp,)


async def test_discovery_gives_up_when_nobody_answers() -> None:
    found = await discover(
        [PlayedMethod("pcp", probe=None), PlayedMethod("upnp", probe=CLOSED)], grace_s=0, patience_s=0
    )
    assert found.methods == ()
    assert set(found.reasons) == {"pcp: no answer", "upnp: closed"}


async def test_discovery_finds_nothing_when_given_nothing() -> None:
    assert (await discover([])).methods == ()
