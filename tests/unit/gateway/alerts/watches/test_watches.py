"""Every watch, on both sides of its thresholds: a function of facts."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from bridge.process.host_report import HostReport
from gateway.alerts.watches import (
    backup,
    bans,
    breaker,
    certificates,
    clock,
    ddns,
    disk,
    gateways,
    http_errors,
    keep,
    latency,
    renewal,
    temperature,
    under_voltage,
    units,
)
from gateway.alerts.watches import mail as mails
from gateway.alerts.watches.condition import Watch
from gateway.alerts.watches.facts import BanFacts, DdnsFacts, Facts, MailFacts, Traffic
from gateway.alerts.watches.sources import keep_facts
from gateway.alerts.watches.watching import WATCHES
from tests import watch_facts as well
from tests.watch_facts import DAY_S, NOW, SETTINGS, causes, facts, gateway, host, look, unit

INFINITE = float("inf")


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.causes[0])
def test_nothing_is_wrong_when_all_is_well(watch: Watch) -> None:
    assert look(watch, facts()) == []


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.causes[0])
def test_nothing_breaks_when_nothing_is_known(watch: Watch) -> None:
    assert look(watch, Facts(NOW)) == []


def test_no_two_watches_say_the_same_cause() -> None:
    said = [cause for watch in WATCHES for cause in watch.causes]
    assert len(said) == len(set(said))


# gateways


def errors(count: int, *, of: int, second: int = 0) -> Facts:
    first = gateway(traffic=Traffic(of, {"failed": count} if count else {}))
    return facts(gateways=(first, gateway("gateway@2", traffic=Traffic(0, {"timeout": second} if second else {}))))


@pytest.mark.story("hub/IH-026.4", "hub/AC-065")
@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (errors(9, of=9), []),
        (errors(10, of=200), []),
        (errors(11, of=200), [("gateway.errors", "warning")]),
        (errors(6, of=100, second=6), [("gateway.errors", "warning")]),
        (errors(50, of=100), [("gateway.errors", "critical")]),
        (errors(0, of=0), []),
    ],
    ids=["few", "at the share", "over it", "of both gateways", "half", "no visitors"],
)
def test_errors_are_told_when_their_share_is_large(seen: Facts, said: list[tuple[str, str]]) -> None:
    assert causes(http_errors.WATCH, seen) == said


def test_errors_are_told_by_outcome() -> None:
    seen = facts(gateways=(gateway(traffic=Traffic(100, {"failed": 10, "timeout": 20})),))

    [condition] = look(http_errors.WATCH, seen)

    assert condition.summary == "30% of the answers of the last 5 minutes were errors"
    assert condition.detail == "100 requests\ntimeout: 20\nfailed: 10"


def slow(count: int, *, timed: int) -> Facts:
    return facts(gateways=(gateway(traffic=Traffic(timed, {}, timed, {1.0: timed - count, 2.5: timed})),))


@pytest.mark.parametrize(
    ("seen", "said"),
    [(slow(5, timed=100), []), (slow(6, timed=100), [("gateway.slow", "warning")]), (slow(19, timed=19), [])],
    ids=["one in 20", "more", "few visitors"],
)
def test_waiting_is_told_when_one_in_twenty_waits_too_long(seen: Facts, said: list[tuple[str, str]]) -> None:
    assert causes(latency.WATCH, seen) == said


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("closed", "closed"), []),
        (("open", "closed"), [("breaker.open:data", "warning")]),
        (("half_open", "open"), [("breaker.open:data", "warning")]),
    ],
    ids=["closed", "one", "both"],
)
def test_breaker_is_told_when_it_is_not_closed(states: tuple[str, str], said: list[tuple[str, str]]) -> None:
    seen = facts(gateways=tuple(gateway(f"gateway@{n}", breakers={"data": state}) for n, state in enumerate(states)))

    assert causes(breaker.WATCH, seen) == said
    assert all(condition.after_s == 60 for condition in look(breaker.WATCH, seen))


def test_gateway_is_told_when_it_is_silent() -> None:
    silent, other = gateway(refusal="Connection refused"), gateway("gateway@2")

    assert causes(gateways.SILENT, facts(gateways=(silent, other))) == [("gateway.silent:gateway@1", "warning")]
    assert causes(gateways.SILENT, facts(gateways=(silent,))) == [("gateway.silent:gateway@1", "critical")]


def test_figures_are_unknown_when_no_gateway_tells() -> None:
    silent = facts(gateways=(gateway(refusal="away"),))

    for watch in (http_errors.WATCH, latency.WATCH, breaker.WATCH):
        assert not watch.knows(silent, watch.causes[0])
        assert watch.knows(facts(), watch.causes[0])


# certificates


def ending(name: str, days: float) -> Facts:
    return facts(
        keep=well.keep(certificates={name: NOW + days * DAY_S}) if name != "gateway" else None,
        gateways=(gateway(certificates={"gateway": NOW + (days if name == "gateway" else 99) * DAY_S}),),
    )


@pytest.mark.parametrize(
    ("name", "days", "severity"),
    [
        ("gateway", 15.1, None), ("gateway", 14.9, "warning"), ("gateway", 4.9, "critical"),
        ("agent", 15.1, None), ("agent", 14.9, "warning"), ("agent", -1, "critical"),
        ("intermediate", 60.1, None), ("intermediate", 59.9, "warning"), ("intermediate", 19.9, "critical"),
        ("root", 60.1, None), ("root", 59.9, "warning"), ("root", 19.9, "critical"),
    ],
)  # fmt: skip
def test_certificate_is_told_when_it_ends(name: str, days: float, severity: str | None) -> None:
    expected = [] if severity is None else [(f"certificate.ending:{name}", severity)]
    assert causes(certificates.WATCH, ending(name, days)) == expected


@pytest.mark.parametrize(
    ("days", "severity"), [(14.1, None), (13.9, "warning"), (3.1, "warning"), (2.9, "critical"), (-1, "critical")]
)
def test_web_certificate_is_told_when_it_ends(days: float, severity: str | None) -> None:
    expected = [] if severity is None else [("certificate.web:box.example.org", severity)]
    assert causes(certificates.WATCH, facts(web_ends={"box.example.org": NOW + days * DAY_S})) == expected


def test_certificate_is_told_and_its_end_unknown_when_nobody_gets_to_see_it() -> None:
    seen = facts(web_ends={"box.example.org": "Connection refused"})

    [condition] = look(certificates.WATCH, seen)

    assert (condition.cause, condition.after_s) == ("certificate.unread:box.example.org", 3600)
    assert not certificates.WATCH.knows(seen, "certificate.web:box.example.org")
    assert certificates.WATCH.knows(seen, "certificate.unread:box.example.org")


def test_agents_certificate_is_unknown_when_the_keep_is_silent() -> None:
    silent = facts(keep=None)

    assert not certificates.WATCH.knows(silent, "certificate.ending:agent")
    assert certificates.WATCH.knows(silent, "certificate.ending:intermediate")


# the keep, its backups


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"last": None}, [("backup.none", "critical")]),
        ({"last_ok": False, "detail": "no room"}, [("backup.failed", "critical")]),
        ({"last": NOW - 25.9 * 3600}, []),
        ({"last": NOW - 26.1 * 3600}, [("backup.old", "critical")]),
        ({"drill": None}, [("backup.undrilled", "warning")]),
        ({"drill_ok": False}, [("backup.drill_failed", "critical")]),
        ({"drill": NOW - 7.9 * DAY_S}, []),
        ({"drill": NOW - 8.1 * DAY_S}, [("backup.drill_old", "warning")]),
    ],
    ids=["none", "failed", "of today", "old", "no drill", "drill failed", "drill of the week", "old drill"],
)
def test_backup_is_told_when_it_is_not_there(changes: dict[str, object], said: list[tuple[str, str]]) -> None:
    assert causes(backup.WATCH, facts(keep=well.keep(backup=well.backup(**changes)))) == said


def test_backup_is_told_at_once_when_the_first_one_failed() -> None:
    def after_s(detail: str) -> float:
        none = well.backup(last=None, last_ok=False, detail=detail)
        return look(backup.WATCH, facts(keep=well.keep(backup=none)))[0].after_s

    assert (after_s("backup: no room"), after_s("")) == (0.0, 26 * 3600)


def test_backup_is_nobodys_business_when_there_are_none() -> None:
    assert look(backup.WATCH, facts(keep=well.keep(backup=None))) == []


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        (MailFacts(2, NOW - 1800, 0), []),
        (MailFacts(0, None, 1), [("mail.parked", "A mail could not be sent")]),
        (MailFacts(0, None, 3), [("mail.parked", "3 mails could not be sent")]),
        (MailFacts(1, NOW - 1860, 0), [("mail.waiting", "A mail has been waiting for 31 min")]),
        (MailFacts(7, NOW - 7200, 0), [("mail.waiting", "7 mails have been waiting for 120 min")]),
    ],
    ids=["young", "parked", "several parked", "late", "several late"],
)
def test_mail_is_told_when_it_was_given_up_or_waits_for_long(mail: MailFacts, said: list[tuple[str, str]]) -> None:
    seen = look(mails.WATCH, facts(keep=well.keep(mail=mail)))
    assert [(each.cause, each.summary) for each in seen] == said


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({}, None),  # an older keep
        ({"mail": None}, None),
        ({"mail": {"waiting": 1, "oldest": 5, "parked": 2}}, MailFacts(1, 5.0, 2)),
        ({"mail": {"waiting": 0, "oldest": None, "parked": 0}}, MailFacts(0, None, 0)),
    ],
    ids=["old", "off", "some", "none"],
)
def test_mail_is_read_when_the_keep_tells_of_it(said: dict[str, object], read: MailFacts | None) -> None:
    report: dict[str, object] = {"host": asdict(host("keep")), "backup": None, "certificates": [], "events": []}
    assert keep_facts(report | said, NOW).mail == read


def test_mail_is_unknown_when_the_keep_says_nothing_of_it() -> None:
    assert look(mails.WATCH, facts(keep=well.keep(mail=None))) == []
    assert not mails.WATCH.knows(facts(keep=well.keep(mail=None)), "mail.parked")
    assert not mails.WATCH.knows(facts(keep=None), "mail.parked")


def test_backup_is_unknown_when_the_keep_is_silent() -> None:
    assert not backup.WATCH.knows(facts(keep=None), "backup.old")


def test_keep_is_told_when_it_is_silent() -> None:
    [condition] = look(keep.WATCH, facts(keep=None, keep_refusal="The records are out of reach"))

    assert (condition.cause, condition.after_s, condition.host) == ("keep.silent", 900, "keep")


# the hosts


@pytest.mark.parametrize(
    ("share", "severity"), [(0.101, None), (0.099, "warning"), (0.031, "warning"), (0.029, "critical")]
)
def test_disk_is_told_when_it_fills(share: float, severity: str | None) -> None:
    expected = [] if severity is None else [("disk.low:keep", severity)]
    assert causes(disk.WATCH, facts(keep=well.keep(host("keep", disk_free_share=share)))) == expected


@pytest.mark.parametrize(
    ("celsius", "severity"), [(None, None), (80.0, None), (80.5, "warning"), (85.0, "warning"), (85.5, "critical")]
)
def test_temperature_is_told_when_it_is_high(celsius: float | None, severity: str | None) -> None:
    expected = [] if severity is None else [("temperature.high:door", severity)]
    assert causes(temperature.WATCH, facts(door=host(temperature_c=celsius))) == expected


@pytest.mark.parametrize(("is_low", "count"), [(None, 0), (False, 0), (True, 1)], ids=["unknown", "no", "yes"])
def test_power_is_told_when_it_is_low(is_low: bool | None, count: int) -> None:
    assert (
        causes(under_voltage.WATCH, facts(door=host(under_voltage=is_low))) == [("power.low:door", "warning")] * count
    )


@pytest.mark.parametrize(("is_set", "count"), [(None, 0), (True, 0), (False, 1)], ids=["unknown", "set", "not set"])
def test_clock_is_told_when_nobody_sets_it(is_set: bool | None, count: int) -> None:
    said = look(clock.WATCH, facts(keep=well.keep(host("keep", clock_synchronized=is_set))))

    assert [(condition.cause, condition.after_s) for condition in said] == [("clock.unsynchronized:keep", 3600)] * count


@pytest.mark.parametrize(("offset_s", "count"), [(59, 0), (-59, 0), (61, 1), (-61, 1)])
def test_clocks_are_told_when_they_are_apart(offset_s: float, count: int) -> None:
    seen = facts(keep=well.keep(host("keep", at=NOW + offset_s)))

    assert causes(clock.WATCH, seen) == [("clock.apart:keep", "warning")] * count


@pytest.mark.parametrize(
    ("broken", "restarted", "said"),
    [
        (unit("agent.service", active="failed", result="signal"), 0, [("units.failed:keep/agent.service", "critical")]),
        (unit("backup.service", active="failed"), 0, [("units.failed:keep/backup.service", "warning")]),
        (unit("agent.service", active="inactive"), 0, []),
        (unit("agent.service"), 2, []),
        (unit("agent.service"), 3, [("units.restarting:keep/agent.service", "critical")]),
    ],
    ids=["failed", "failed at times", "stopped by hand", "restarted twice", "restarted often"],
)
def test_unit_is_told_when_it_does_not_run(broken: object, restarted: int, said: list[tuple[str, str]]) -> None:
    name = getattr(broken, "name", "")
    seen = facts(keep=well.keep(host("keep", units=(broken,))), restarted={("keep", name): restarted})

    assert causes(units.WATCH, seen) == said


def test_unit_follows_from_what_is_told_already_when_it_is_the_backups() -> None:
    failed = (unit("backup.service", active="failed"), unit("backup-drill.service", active="failed"))

    said = look(units.WATCH, facts(keep=well.keep(host("keep", units=failed))))

    assert [condition.because_of for condition in said] == ["backup.failed", "backup.drill_failed"]


WAITING = {"active": "activating", "sub": "auto-restart", "result": "exit-code"}


@pytest.mark.parametrize(
    ("how", "fails"),
    [
        ({"active": "inactive", "sub": "dead"}, False),
        ({"active": "inactive", "sub": "dead", "restarts": 3}, False),
        ({"active": "activating", "sub": "start"}, False),
        (WAITING, True),
        ({"active": "activating", "sub": "start", "restarts": 1}, True),
        ({"active": "failed", "sub": "failed", "result": "exit-code"}, True),
    ],
    ids=["done", "done at last", "first try", "waiting for the next try", "next try", "given up"],
)
def test_renewal_is_told_when_its_tries_fail(how: dict[str, object], fails: bool) -> None:
    seen = facts(door=host(units=(unit("certificate.service", **how),)))

    said = [(condition.cause, condition.severity, condition.after_s) for condition in look(renewal.WATCH, seen)]

    assert said == [("certificate.renewal:web", "warning", 7200)] * fails
    assert causes(units.WATCH, seen) == []


@pytest.mark.parametrize("door", [None, host(units=())], ids=["no report", "systemd does not tell"])
def test_renewal_is_unknown_when_nobody_tells_of_its_unit(door: HostReport | None) -> None:
    assert not renewal.WATCH.knows(facts(door=door), "certificate.renewal:web")


def test_units_are_told_when_systemd_does_not_tell() -> None:
    assert causes(units.WATCH, facts(door=host(units=()))) == [("units.untold:door", "warning")]


@pytest.mark.parametrize("watch", [disk.WATCH, temperature.WATCH, under_voltage.WATCH, clock.WATCH, units.WATCH])
def test_keep_is_unknown_and_the_door_known_when_the_keep_is_silent(watch: Watch) -> None:
    silent = facts(keep=None)

    assert not watch.knows(silent, f"{watch.causes[0]}:keep")
    assert watch.knows(silent, f"{watch.causes[0]}:door")


# bans, DDNS


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, []),
        (BanFacts(refusal="Connection refused"), [("bans.silent", "warning")]),
        (BanFacts(in_force=False), [("bans.powerless", "critical")]),
    ],
    ids=["unknown", "silent", "no firewall"],
)
def test_bans_are_told_when_nobody_can_be_banned(seen: BanFacts | None, said: list[tuple[str, str]]) -> None:
    assert causes(bans.WATCH, facts(bans=seen)) == said


def test_bans_are_unknown_when_their_helper_is_silent() -> None:
    silent = facts(bans=BanFacts(refusal="away"))

    assert not bans.WATCH.knows(silent, "bans.powerless")
    assert bans.WATCH.knows(silent, "bans.silent")


@pytest.mark.parametrize(
    ("at", "unit_name", "after_s"),
    [
        (NOW - 899, ddns.UNIT, None),
        (NOW - 901, ddns.UNIT, 0.0),
        (None, ddns.UNIT, 900.0),
        (None, "nginx.service", None),
    ],
    ids=["alive", "dead", "never heard", "not installed"],
)
def test_updater_is_told_when_it_is_silent(at: float | None, unit_name: str, after_s: float | None) -> None:
    said = look(ddns.WATCH, facts(ddns=DdnsFacts(at), door=host(units=(unit(unit_name),))), SETTINGS)

    assert [condition.after_s for condition in said] == ([] if after_s is None else [after_s])
