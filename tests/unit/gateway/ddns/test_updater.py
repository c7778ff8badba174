"""Decisions carried out: what one request carries, what names share, and what a record's fingerprint tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr

from bridge.process.settings import SettingsError
from gateway.ddns.addresses.choice import Found
from gateway.ddns.addresses.scope import Scope
from gateway.ddns.alerts import alerts_of
from gateway.ddns.answers import Answer, Kind
from gateway.ddns.authority import Authority, Shown
from gateway.ddns.decisions import Rules, State
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient
from gateway.ddns.providers import cloudflare, desec, duckdns, dyndns2, rfc2136
from gateway.ddns.records import Record, make_records
from gateway.ddns.state import Memory, load_memory
from gateway.ddns.updater import Updater
from gateway.settings.ddns import Ddns
from tests.clocks import TurnedClock

V4 = IPv4Address("9.9.9.9")
V6 = IPv6Address("2a00::1")
FOUND = {
    Family.IPV4: Found(Family.IPV4, V4, "interface", Scope.PUBLIC, ""),
    Family.IPV6: Found(Family.IPV6, V6, "interface", Scope.PUBLIC, ""),
}


class Answering:
    """Answers everything alike, and keeps what it was sent."""

    def __init__(self, rules: Rules, kind: Kind = Kind.UPDATED) -> None:
        self.rules = rules
        self.kind = kind
        self.sent: list[tuple[str, list[str]]] = []

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        await asyncio.sleep(0)
        self.sent.append((name, [family.value for family in addresses]))
        return Answer(self.kind, "because")


class Showing(Authority):
    """Authoritative servers that show what they are told to, or do not answer."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.asked = 0

    async def ask(self, name: str, family: Family) -> Shown:
        self.asked += 1
        return self.shown


def record(provider: Answering, name: str = "box.example.org") -> Record:
    return Record(name, tuple(Family), "any", provider, "print", "account")


def updater(folder: Path, *records: Record, clock: TurnedClock | None = None, shown: Shown | None = None) -> Updater:
    authority = Showing(shown or Shown({}))
    return Updater(records, load_memory(folder), folder=folder, authority=authority, clock=clock or TurnedClock())


async def test_both_families_go_in_one_request_when_the_provider_takes_them_together(tmp_path: Path) -> None:
    provider = Answering(desec.RULES)

    states = await updater(tmp_path, record(provider)).step(FOUND)

    assert provider.sent == [("box.example.org", ["ipv4", "ipv6"])]
    assert [state.decision.state for state in states] == [State.UPDATING, State.UPDATING]


async def test_each_family_goes_alone_when_the_provider_takes_one(tmp_path: Path) -> None:
    provider = Answering(dyndns2.RULES)

    await updater(tmp_path, record(provider)).step(FOUND)

    assert provider.sent == [("box.example.org", ["ipv4"]), ("box.example.org", ["ipv6"])]


async def test_second_name_waits_when_the_account_shares_the_limit(tmp_path: Path) -> None:
    provider, clock = Answering(desec.RULES), TurnedClock()
    both = updater(tmp_path, record(provider), record(provider, "b.example.org"), clock=clock)

    states = await both.step(FOUND)

    assert len(provider.sent) == 1
    assert [state.decision.state for state in states[2:]] == [State.WAITING, State.WAITING]
    clock.advance(61)
    await both.step(FOUND)
    assert [name for name, _ in provider.sent] == ["box.example.org", "b.example.org"]


async def test_family_goes_alone_when_the_other_one_did_not_change(tmp_path: Path) -> None:
    provider, clock = Answering(desec.RULES), TurnedClock()
    one = updater(tmp_path, record(provider), clock=clock)
    await one.step(FOUND)
    clock.advance(61)

    await one.step(FOUND | {Family.IPV6: replace(FOUND[Family.IPV6], value=IPv6Address("2a00::2"))})

    assert provider.sent[1:] == [("box.example.org", ["ipv6"])]


NO_IPV6 = replace(FOUND[Family.IPV6], value=None, state=Scope.UNKNOWN, reason="eth0 has no global IPv6 address")
LOCAL_IPV6 = replace(NO_IPV6, state=Scope.PRIVATE, reason="eth0 has fd00::1: a private (unique local) address")
BEHIND_CGNAT = replace(FOUND[Family.IPV4], value=None, state=Scope.CGNAT, reason="behind CGNAT")
NOT_SEEN = replace(FOUND[Family.IPV4], value=None, state=Scope.UNKNOWN, reason="none of them answered")


@pytest.mark.parametrize("ipv4", [FOUND[Family.IPV4], NOT_SEEN], ids=["public", "not known now"])
@pytest.mark.parametrize("ipv6", [NO_IPV6, LOCAL_IPV6], ids=["none", "local"])
async def test_ipv6_is_off_and_no_alert_when_the_house_has_none_and_nobody_named_the_families(
    tmp_path: Path, ipv4: Found, ipv6: Found
) -> None:
    found = {Family.IPV4: ipv4, Family.IPV6: ipv6}
    one = updater(tmp_path, replace(record(Answering(dyndns2.RULES)), has_chosen_families=False))

    states = await one.step(found)

    assert (states[1].decision.state, states[1].decision.reason) == (State.OFF, ipv6.reason)
    assert alerts_of(states, found, missing=set(Family), unsaved=False, now=0.0) == []


@pytest.mark.parametrize(
    ("ipv4", "families", "chosen"),
    [
        (FOUND[Family.IPV4], tuple(Family), True),
        (FOUND[Family.IPV4], (Family.IPV6,), False),
        (BEHIND_CGNAT, tuple(Family), False),
    ],
    ids=["both named", "IPv6 alone", "IPv4 leads nowhere"],
)
async def test_ipv6_is_refused_and_told_when_the_name_cannot_do_without(
    tmp_path: Path, ipv4: Found, families: tuple[Family, ...], chosen: bool
) -> None:
    found = {Family.IPV4: ipv4, Family.IPV6: LOCAL_IPV6}
    rec = replace(record(Answering(dyndns2.RULES)), families=families, has_chosen_families=chosen)

    states = await updater(tmp_path, rec).step(found)

    assert states[-1].decision.state is State.REFUSED
    causes = {each.cause for each in alerts_of(states, found, missing=(), unsaved=False, now=0.0)}
    assert "ddns.address:ipv6" in causes


async def test_ipv6_waits_and_is_told_when_it_was_published_and_is_gone(tmp_path: Path) -> None:
    one = updater(tmp_path, replace(record(Answering(dyndns2.RULES)), has_chosen_families=False))
    await one.step(FOUND)

    states = await one.step(FOUND | {Family.IPV6: NO_IPV6})

    assert states[1].decision.state is State.WAITING
    (alert,) = alerts_of(states, FOUND | {Family.IPV6: NO_IPV6}, missing={Family.IPV6}, unsaved=False, now=0.0)
    assert (alert.cause, "still leads to 2a00::1" in alert.detail) == ("ddns.address:ipv6", True)


async def test_ipv6_is_published_when_it_comes_to_a_house_that_had_none(tmp_path: Path) -> None:
    provider, clock = Answering(dyndns2.RULES), TurnedClock()
    one = updater(tmp_path, replace(record(provider), has_chosen_families=False), clock=clock)
    await one.step(FOUND | {Family.IPV6: NO_IPV6})

    await one.step(FOUND)

    assert provider.sent == [("box.example.org", ["ipv4"]), ("box.example.org", ["ipv6"])]


async def test_name_is_current_when_the_authoritative_servers_show_it(tmp_path: Path) -> None:
    clock = TurnedClock()
    rec = replace(record(Answering(dyndns2.RULES)), families=(Family.IPV4,))
    one = updater(tmp_path, rec, clock=clock, shown=Shown({"ns": frozenset({"9.9.9.9"})}))
    await one.step(FOUND)
    clock.advance(2)

    (state,) = await one.step(FOUND)

    assert state.decision.state is State.CURRENT


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (Shown({"ns": frozenset({"8.8.8.8"})}), "the authoritative server ns says 8.8.8.8"),
        (Shown({}), "the authoritative servers do not show it yet"),
    ],
    ids=["otherwise", "silent"],
)
async def test_name_is_being_updated_when_the_authoritative_servers_do_not_show_it(
    tmp_path: Path, shown: Shown, reason: str
) -> None:
    clock = TurnedClock()
    rec = replace(record(Answering(dyndns2.RULES)), families=(Family.IPV4,))
    one = updater(tmp_path, rec, clock=clock, shown=shown)
    await one.step(FOUND)
    clock.advance(2)

    (state,) = await one.step(FOUND)

    assert (state.decision.state, state.decision.reason) == (State.UPDATING, reason)


async def test_nothing_is_sent_twice_when_the_service_restarts(tmp_path: Path) -> None:
    provider, clock = Answering(dyndns2.RULES), TurnedClock()
    for _ in range(5):
        await updater(tmp_path, record(provider), clock=clock).step(FOUND)
        clock.advance(3600)

    assert len(provider.sent) == 2


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (Kind.ABUSE, ["a.example.org ipv4"]),
        (Kind.BAD_CREDENTIALS, ["a.example.org ipv4"]),
        (Kind.NOT_YOURS, ["a.example.org ipv4", "b.example.org ipv4"]),
        (Kind.REFUSED, ["a.example.org ipv4", "a.example.org ipv6", "b.example.org ipv4", "b.example.org ipv6"]),
    ],
)
async def test_final_answer_holds_for_all_that_it_speaks_of(tmp_path: Path, kind: Kind, sent: list[str]) -> None:
    provider, clock = Answering(dyndns2.RULES, kind), TurnedClock()
    both = updater(tmp_path, record(provider, "a.example.org"), record(provider, "b.example.org"), clock=clock)

    for _ in range(2):
        await both.step(FOUND)
        clock.advance(86_400)
    states = await both.step(FOUND)

    assert [f"{name} {' '.join(families)}" for name, families in provider.sent] == sent
    assert {state.decision.state for state in states} == {State.BLOCKED}


async def test_other_accounts_go_on_when_one_is_blocked(tmp_path: Path) -> None:
    blocked, well = Answering(dyndns2.RULES, Kind.ABUSE), Answering(dyndns2.RULES)

    await updater(
        tmp_path, record(blocked, "a.example.org"), replace(record(well, "b.example.org"), account="another")
    ).step(FOUND)

    assert (len(blocked.sent), len(well.sent)) == (1, 2)


def test_name_that_is_not_kept_cannot_be_forced(tmp_path: Path) -> None:
    assert not updater(tmp_path, record(Answering(dyndns2.RULES))).force("other.example.org")


def test_name_that_is_kept_no_more_is_forgotten(tmp_path: Path) -> None:
    memory = Memory()
    Updater([record(Answering(dyndns2.RULES))], memory, folder=tmp_path, authority=Authority(), clock=TurnedClock())
    assert sorted(memory.progress) == ["box.example.org/ipv4", "box.example.org/ipv6"]

    Updater([], memory, folder=tmp_path, authority=Authority(), clock=TurnedClock())

    assert memory.progress == {}


NOBODY = cast("HttpsClient", None)
KINDS: dict[str, tuple[dict[str, str], type]] = {
    "dyndns2": ({"username": "me", "server": "https://a.example"}, dyndns2.DynDns2),
    "duckdns": ({"name": "box.duckdns.org"}, duckdns.DuckDns),
    "desec": ({}, desec.Desec),
    "cloudflare": ({}, cloudflare.Cloudflare),
    "rfc2136": ({"username": "key", "server": "192.88.98.1"}, rfc2136.Rfc2136),
}
SECRET = SecretStr("c2VjcmV0")


def made(folder: Path, provider: str, secret: SecretStr = SECRET, **values: object) -> Record:
    (folder / f"ddns.{provider}").write_text(secret.get_secret_value())
    given = {"name": "box.example.org", "provider": provider} | KINDS[provider][0] | values
    (record_made,) = make_records(
        Ddns.model_validate({"records": [given]}), NOBODY, {"CREDENTIALS_DIRECTORY": str(folder)}
    )
    return record_made


@pytest.mark.parametrize("provider", sorted(KINDS))
def test_record_has_its_provider_and_families(tmp_path: Path, provider: str) -> None:
    one = made(tmp_path, provider)

    assert isinstance(one.provider, KINDS[provider][1])
    assert one.families == (Family.IPV4, Family.IPV6)
    assert "c2VjcmV0" not in repr(one)


def test_fingerprint_tells_of_every_change_and_of_no_secret(tmp_path: Path) -> None:
    prints = [
        made(tmp_path, "desec").fingerprint,
        made(tmp_path, "desec", SecretStr("another")).fingerprint,
        made(tmp_path, "desec", name="b.example.org").fingerprint,
        made(tmp_path, "desec", server="https://a.example").fingerprint,
    ]

    assert len(set(prints)) == 4
    assert made(tmp_path, "desec").fingerprint == prints[0]
    assert made(tmp_path, "desec", families=["ipv6"]).fingerprint == prints[0]


def test_every_problem_is_told_at_once_when_secrets_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "ddns.rfc2136").write_text("no base64!")
    records = [
        {"name": "a.example.org", "provider": "rfc2136", "username": "key", "server": "192.88.98.1"},
        {"name": "b.example.org", "provider": "desec"},
    ]

    with pytest.raises(SettingsError) as caught:
        make_records(Ddns.model_validate({"records": records}), NOBODY, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert str(caught.value).splitlines() == [
        "ddns.records.0 (a.example.org): ddns.rfc2136: is no TSIG key in base64",
        "ddns.records.1 (b.example.org): ddns.desec: the credential cannot be read: No such file or directory",
    ]
