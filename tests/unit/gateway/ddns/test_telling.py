"""What others are told: alerts, the snapshot, and what is printed of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from gateway.ddns.addresses.choice import Found
from gateway.ddns.addresses.scope import Scope
from gateway.ddns.alerts import Alert, alerts_of, report_to_log, tell
from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Progress, Rules, decide, learned, looked
from gateway.ddns.families import Address, Family, family_of
from gateway.ddns.records import Record
from gateway.ddns.snapshot import snapshot_of
from gateway.ddns.updater import NameState
from gateway.ddns.verbs import render
from tests.clocks import TurnedClock

NOW = 1_780_000_000.0
HERE = IPv4Address("9.9.9.9")
THERE = IPv4Address("8.8.8.8")
NAME = "box.example.org"


class NoProvider:
    rules = Rules(limits=(Limit(1, 60.0),))

    async def update(self, name: str, addresses: object) -> Answer:
        raise NotImplementedError


RECORD = Record(NAME, tuple(Family), "dyndns2", NoProvider(), "print", "account")
FOUND = {
    Family.IPV4: Found(Family.IPV4, HERE, "router", Scope.PUBLIC, ""),
    Family.IPV6: Found(Family.IPV6, None, "interface", Scope.PRIVATE, "eth0 has fd00::1: a private address"),
}


def state(progress: Progress, *, now: float = NOW, family: Family = Family.IPV4) -> NameState:
    wanted = FOUND[family].wanted
    return NameState(RECORD, family, wanted, progress, decide(progress, RECORD.rules, (), wanted, now))


def answered(*kinds: Kind, address: Address = HERE) -> Progress:
    progress = Progress("print")
    for kind in kinds:
        progress = learned(progress, Answer(kind, "because"), address, NOW)
    return progress


def alerts(*states: NameState, now: float = NOW, unsaved: bool = False) -> list[tuple[str, str]]:
    told = alerts_of(states, FOUND, missing=set(Family), unsaved=unsaved, now=now)
    return [(alert.cause, alert.severity) for alert in told]


@pytest.mark.story("health/US-BE-18.5")
@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (answered(Kind.UPDATED), []),
        (answered(Kind.BAD_CREDENTIALS), [("ddns.badauth:box.example.org", "critical")]),
        (answered(Kind.UPDATED, Kind.ABUSE), [("ddns.abuse:box.example.org", "warning")]),
        (answered(Kind.NOT_YOURS), [("ddns.nohost:box.example.org", "critical")]),
        (answered(Kind.TROUBLE, Kind.TROUBLE), []),
        (answered(Kind.TROUBLE, Kind.TROUBLE, Kind.TROUBLE), [("ddns.unpublished:box.example.org", "warning")]),
        (looked(answered(Kind.UPDATED), "it says otherwise", NOW), [("ddns.unverified:box.example.org", "warning")]),
    ],
    ids=["well", "badauth", "abuse-while-right", "nohost", "trouble", "lasting-trouble", "not-taken"],
)
def test_alert_is_raised_when_something_is_wrong(progress: Progress, expected: list[tuple[str, str]]) -> None:
    later = NOW + 700

    assert alerts(state(progress, now=later), now=later) == expected


def test_one_alert_is_raised_when_both_families_have_one_cause() -> None:
    blocked = answered(Kind.ABUSE)

    assert alerts(state(blocked), state(blocked, family=Family.IPV6)) == [("ddns.abuse:box.example.org", "critical")]


def test_alert_is_raised_when_the_address_must_not_be_published() -> None:
    assert alerts(state(Progress("print"), family=Family.IPV6)) == [("ddns.address:ipv6", "warning")]


CONTRADICTED = {
    Family.IPV4: Found(Family.IPV4, None, "router", Scope.UNKNOWN, "the router says 9.9.9.9, others 8.8.8.8")
}


@pytest.mark.parametrize(
    ("progress", "missing", "causes"),
    [
        (answered(Kind.UPDATED), {Family.IPV4}, ["ddns.address:ipv4"]),
        (answered(Kind.UPDATED), {Family.IPV6}, []),
        (Progress("print"), {Family.IPV4}, []),
        (answered(Kind.UPDATED, Kind.ABUSE), {Family.IPV4}, ["ddns.abuse:box.example.org"]),
    ],
    ids=["published", "not-for-long", "never-published", "blocked"],
)
def test_alert_is_raised_when_what_was_published_may_be_stale(
    progress: Progress, missing: set[Family], causes: list[str]
) -> None:
    wanted = CONTRADICTED[Family.IPV4].wanted
    name = NameState(RECORD, Family.IPV4, wanted, progress, decide(progress, RECORD.rules, (), wanted, NOW))

    told = alerts_of([name], CONTRADICTED, missing=missing, unsaved=False, now=NOW)

    assert [alert.cause for alert in told] == causes
    if causes == ["ddns.address:ipv4"]:
        assert told[0] == Alert(
            "ddns.address:ipv4", "warning", "no IPv4 address to publish: the router says 9.9.9.9, others 8.8.8.8",
            "box.example.org still leads to 9.9.9.9, which may not be ours now.",
        )  # fmt: skip


def test_alert_is_raised_when_the_state_is_not_saved() -> None:
    assert alerts(unsaved=True) == [("ddns.state", "critical")]


class Heard:
    def __init__(self, *, listening: bool = True) -> None:
        self.listening = listening
        self.said: list[tuple[str, str]] = []

    def __call__(self, *, cause: str, state: str, severity: str, summary: str, detail: str) -> bool:
        assert severity
        assert summary
        if self.listening:
            self.said.append((cause, state))
        return self.listening


def test_alert_is_told_once_raised_and_once_cleared() -> None:
    heard, raised = Heard(), set[str]()

    for alerts_now in ([Alert("a", "warning", "text")], [Alert("a", "warning", "text")], [], []):
        tell(alerts_now, raised, heard)

    assert heard.said == [("a", "raised"), ("a", "cleared")]


def test_alert_is_told_again_when_nobody_heard_it() -> None:
    heard, raised = Heard(listening=False), set[str]()
    tell([Alert("a", "warning", "text")], raised, heard)
    heard.listening = True
    tell([Alert("a", "warning", "text")], raised, heard)
    heard.listening = False
    tell([], raised, heard)
    heard.listening = True
    tell([], raised, heard)

    assert heard.said == [("a", "raised"), ("a", "cleared")]


def test_alert_goes_to_the_journal_when_there_is_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    assert report_to_log(cause="a", state="raised", severity="warning", summary="text", detail="")
    assert [record.getMessage() for record in caplog.records] == ["alert_raised"]


MAPPING = {
    "protocol": "tcp", "internal": 443, "external": 443, "method": "pcp", "state": "failed", "external_address": None,
    "lease_ends": None, "reason": "the router refuses",
}  # fmt: skip


def snapshot(*states: NameState) -> dict[str, Any]:
    return snapshot_of(states, FOUND, [MAPPING], at=NOW, started=NOW - 60)


def test_snapshot_tells_addresses_names_and_mappings() -> None:
    published = looked(answered(Kind.UPDATED), None, NOW)

    assert snapshot(state(published), state(Progress("print"), family=Family.IPV6)) == {
        "at": NOW,
        "started": NOW - 60,
        "addresses": {
            "ipv4": {"value": "9.9.9.9", "source": "router", "state": "public", "reason": ""},
            "ipv6": {
                "value": None, "source": "interface", "state": "private",
                "reason": "eth0 has fd00::1: a private address",
            },
        },
        "names": [
            {
                "name": NAME, "family": "ipv4", "provider": "dyndns2", "wanted": "9.9.9.9", "published": "9.9.9.9",
                "state": "current", "reason": "", "changed": NOW, "verified": NOW, "next_try": NOW + 86_400,
            },
            {
                "name": NAME, "family": "ipv6", "provider": "dyndns2", "wanted": None, "published": None,
                "state": "refused", "reason": "eth0 has fd00::1: a private address", "changed": None, "verified": None,
                "next_try": None,
            },
        ],
        "mappings": [MAPPING],
    }  # fmt: skip


def test_status_is_a_table_for_a_terminal() -> None:
    clock = TurnedClock(NOW + 7200)
    shown = render(snapshot(state(looked(answered(Kind.UPDATED), None, NOW)), state(answered(Kind.ABUSE))), clock)

    assert shown.splitlines() == [
        "as of 2 h ago; gateway-ddns does not run, or hangs",
        "",
        "ipv4  9.9.9.9  public, from the router",
        "ipv6  –  private, from the interface",
        "      eth0 has fd00::1: a private address",
        "",
        "NAME             FAMILY  STATE    PUBLISHED  CHANGED  SEEN     NEXT",
        "box.example.org  ipv4    current  9.9.9.9    2 h ago  2 h ago  in 22 h",
        "box.example.org  ipv4    blocked  –          –        –        –",
        "  because",
        "port 443/tcp failed by pcp: the router refuses",
    ]


def test_status_says_so_when_there_are_no_names() -> None:
    lines = render(snapshot() | {"mappings": []}, TurnedClock(NOW)).splitlines()

    assert (lines[0], lines[-1]) == ("as of 0 s ago", "no names are configured: nothing is published")


@pytest.mark.parametrize(
    ("address", "family", "kind"),
    [(HERE, Family.IPV4, "A"), (IPv6Address("2a00::1"), Family.IPV6, "AAAA")],
    ids=["ipv4", "ipv6"],
)
def test_family_knows_its_record(address: Address, family: Family, kind: str) -> None:
    assert (family_of(address), family.record_type) == (family, kind)


def test_limits_are_counted_for_the_account_when_the_rules_say_so() -> None:
    shared = NoProvider()
    shared.rules = replace(NoProvider.rules, per_account=True)

    assert RECORD.limits_key(Family.IPV6) == "box.example.org/ipv6"
    assert replace(RECORD, provider=shared).limits_key(Family.IPV6) == "account"
