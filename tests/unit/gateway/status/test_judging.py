"""What is said of how things are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.limits import Limits
from gateway.alerts.watches import Settings, backup, certificates, disk, http_errors, temperature
from gateway.alerts.watches.facts import Facts, GatewayFacts, KeepFacts, Traffic
from gateway.alerts.watches.watching import snapshot
from gateway.status.judging import Section, alerts_first, findings, headline, states, unit_state
from gateway.status.model import Model, State, Unit
from gateway.status.snapshots import read
from tests import status_snapshots, watch_facts
from tests.status_snapshots import DAY_S, write

NOW = 1_780_000_000.0

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def model_with(tmp_path: Path) -> Callable[..., Model]:
    def make(change: Change = lambda _: None, change_ddns: Change = lambda _: None) -> Model:
        monitor, ddns = status_snapshots.monitor(NOW), status_snapshots.ddns(NOW)
        change(monitor)
        change_ddns(ddns)
        return read(write(tmp_path, monitor, ddns), NOW)

    return make


def said(model: Model) -> tuple[State, str]:
    line = headline(model, findings(model))
    return line.state, line.text


def down(rung: str, summary: str = "It is so.") -> Change:
    return lambda it: it.update(state="down", rung=rung, diagnosis={"code": "x", "summary": summary, "evidence": {}})


def test_all_is_well_when_nothing_wants_a_look(model_with: Callable[..., Model]) -> None:
    model = model_with()

    assert said(model) == (State.GOOD, "All is well")
    assert findings(model) == ()
    assert set(states(model, ()).values()) == {State.GOOD}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (down("router"), "The line is down: It is so"),
        (down("https"), "The line is down: It is so"),
        (down("name"), "Nobody outside reaches us: It is so"),
        (down("port"), "Nobody outside reaches us: It is so"),
        (down("bridge"), "The keep is out of reach: It is so"),
        (down("database"), "The database does not answer: It is so"),
        (lambda it: it.update(state="down", rung="link"), "The line is down: Cable does not work"),
        (lambda it: it["backup"].update(last_ok=False), "The last backup failed"),
        (lambda it: it["backup"].update(last=NOW - 27 * 3600), "The last backup is 1 day old"),
        (lambda it: it["backup"].update(drill_ok=False), "The last restore drill failed"),
        (lambda it: it["certificates"][0].update(ends=NOW - 1), "The web certificate has ended"),
        (lambda it: it["certificates"][0].update(ends=NOW + 1.5 * DAY_S), "The web certificate ends in 1 day"),
        (lambda it: it["certificates"][4].update(ends=NOW + 19.5 * DAY_S), "The root certificate ends in 19 days"),
        (lambda it: it["keep"].update(disk_free_share=0.02), "The keep: 2 % of the disk is free"),
        (lambda it: it["keep"]["units"][0].update(active="failed"), "The keep: agent.service failed"),
        (lambda it: it["door"].update(temperature_c=86), "The door: 86 °C hot"),
        (
            lambda it: it["gateways"][0]["breakers"].update(data="open"),
            "gateway@1 leaves the keep alone for now (data)",
        ),
        (lambda it: [each.update(state="down") for each in it["gateways"]], "gateway@1 and gateway@2 are down"),
        (
            lambda it: it["alerts"][1].update(state="raised", severity="critical"),
            "The rescue console was used: restart agent",
        ),
    ],
    ids=[
        "router",
        "https",
        "name",
        "port",
        "bridge",
        "database",
        "no diagnosis",
        "backup failed",
        "backup old",
        "drill",
        "ended",
        "ends",
        "root ends",
        "disk",
        "unit",
        "hot",
        "breaker",
        "gateways",
        "alert",
    ],
)
def test_headline_names_the_trouble_when_there_is_one(
    model_with: Callable[..., Model], change: Change, text: str
) -> None:
    assert said(model_with(change)) == (State.BAD, text)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda it: it["backup"].update(drill=None), "No restore has been tried yet"),
        (lambda it: it["backup"].update(last=None), "There is no backup yet"),
        (lambda it: it["backup"].update(drill=NOW - 9 * DAY_S), "The last restore drill is 9 days old"),
        (lambda it: it["certificates"][4].update(ends=NOW + 30.5 * DAY_S), "The root certificate ends in 30 days"),
        (lambda it: it["certificates"][1].update(ends=NOW + 13.5 * DAY_S), "The gateway certificate ends in 13 days"),
        (lambda it: it["door"].update(clock_synchronized=False), "The door: its clock is not synchronized"),
        (lambda it: it["door"].update(under_voltage=True), "The door: the power supply is too weak"),
        (lambda it: it["gateways"][1].update(state="down"), "gateway@2 is down"),
        (lambda it: it["gateways"][1].update(requests=100, errors_5xx=30), "30 requests of 314 met an error"),
        (
            lambda it: it["keep"].update(at=NOW - 1000),
            "The keep: it has said nothing of itself for more than 15 min",
        ),
    ],
    ids=[
        "no drill",
        "no backup",
        "drill late",
        "root",
        "gateway certificate",
        "clock",
        "voltage",
        "one gateway",
        "errors",
        "old report",
    ],
)
def test_headline_says_that_all_works_when_something_only_wants_a_look(
    model_with: Callable[..., Model], change: Change, text: str
) -> None:
    assert said(model_with(change)) == (State.WARNING, f"All works. Worth a look: {text}")


@pytest.mark.parametrize(
    ("change", "state", "text"),
    [
        (
            lambda it: it["names"][0].update(state="refused", reason="badauth"),
            State.BAD,
            "box.example.org is refused: badauth",
        ),
        (lambda it: it["names"][0].update(state="waiting"), State.WARNING, "box.example.org is waiting"),
        (lambda it: it["mappings"][0].update(state="failed"), State.WARNING, "Port 443 is not forwarded"),
        (
            lambda it: it["addresses"]["ipv4"].update(state="cgnat", reason="100.64.0.1 is shared."),
            State.WARNING,
            "No IPv4 from outside: 100.64.0.1 is shared",
        ),
    ],
    ids=["refused", "waiting", "port", "cgnat"],
)
def test_finding_is_of_the_updater_when_names_or_ports_have_trouble(
    model_with: Callable[..., Model], change: Change, state: State, text: str
) -> None:
    [finding] = findings(model_with(change_ddns=change))

    assert (finding.state, finding.text) == (state, text)


def test_headline_begins_with_the_worst_and_counts_the_rest_when_there_is_much(tmp_path: Path) -> None:
    model = read(write(tmp_path, status_snapshots.in_an_outage(NOW), status_snapshots.refused_ddns(NOW)), NOW)
    found = findings(model)

    assert said(model) == (
        State.BAD,
        f"The line is down: The router at 192.168.1.1 does not answer, and {len(found) - 1} more",
    )
    gravities = [each.state for each in found]
    assert gravities == sorted(gravities, key=[State.BAD, State.WARNING].index)
    assert "The line is down" not in {each.text for each in found if each.section is Section.ALERTS}


def test_all_is_well_when_the_house_has_no_ipv6_and_the_name_does_without(tmp_path: Path) -> None:
    model = read(write(tmp_path, status_snapshots.monitor(NOW), status_snapshots.without_ipv6(NOW)), NOW)

    assert said(model) == (State.GOOD, "All is well")


@pytest.mark.parametrize(
    ("monitor", "text"),
    [
        (None, "The monitor does not run"),
        (b"{", "What the monitor wrote cannot be read"),
        (status_snapshots.in_an_outage(NOW - 300), "The monitor has fallen silent"),
        (status_snapshots.monitor(NOW) | {"state": "unknown"}, "The line has not been looked at yet"),
    ],
    ids=["missing", "damaged", "stale", "just started"],
)
def test_headline_says_that_it_cannot_be_told_when_the_monitor_does_not_tell(
    tmp_path: Path, monitor: object, text: str
) -> None:
    model = read(write(tmp_path, monitor, status_snapshots.ddns(NOW)), NOW)

    assert said(model) == (State.UNKNOWN, text)


def test_sections_are_unknown_when_the_monitor_has_fallen_silent(tmp_path: Path) -> None:
    model = read(write(tmp_path, status_snapshots.monitor(NOW - 300), status_snapshots.ddns(NOW)), NOW)

    told = states(model, ())

    assert told.pop(Section.NAMES) is told.pop(Section.PORTS) is State.GOOD
    assert set(told.values()) == {State.UNKNOWN}


def test_names_and_ports_are_off_when_none_is_set_up(model_with: Callable[..., Model]) -> None:
    model = model_with(change_ddns=lambda it: it.update(names=[], mappings=[]))

    told = states(model, findings(model))

    assert told[Section.NAMES] is told[Section.PORTS] is State.OFF
    assert said(model)[0] is State.GOOD


def test_availability_below_its_goal_is_no_trouble_of_now(model_with: Callable[..., Model]) -> None:
    model = model_with(lambda it: it["availability"].update(share=0.99))

    assert states(model, ())[Section.HISTORY] is State.WARNING
    assert said(model)[0] is State.GOOD


@pytest.mark.parametrize(
    ("active", "result", "state"),
    [
        ("active", "success", State.GOOD),
        ("inactive", "success", State.OFF),
        ("inactive", "timeout", State.BAD),
        ("failed", "exit-code", State.BAD),
        ("activating", "success", State.WARNING),
        ("", "", State.OFF),
    ],
)
def test_unit_is_judged_by_its_state_and_its_last_result(active: str, result: str, state: State) -> None:
    assert unit_state(Unit("x.service", active, "", None, 0, result)) is state


def _old_drill(it: dict[str, Any]) -> None:
    it["backup"].update(last=NOW - 30 * 3600, drill=NOW - 9 * DAY_S)


def test_findings_are_by_the_machines_own_limits_when_its_monitor_says_them(model_with: Callable[..., Model]) -> None:
    limits = asdict(Limits(backup_age_max_s=2 * DAY_S, drill_age_max_s=10 * DAY_S))

    def change(it: dict[str, Any]) -> None:
        _old_drill(it)
        it["limits"] = limits

    assert {each.section for each in findings(model_with(_old_drill))} == {Section.BACKUP}
    assert findings(model_with(change)) == ()


def test_backup_is_trouble_when_there_should_be_one_by_now(model_with: Callable[..., Model]) -> None:
    def change(it: dict[str, Any]) -> None:
        it["backup"].update(last=None)
        it["alerts"][0].update(cause="backup.none", state="raised", severity="critical")

    assert said(model_with(change)) == (State.BAD, "There is no backup yet")


def _severities(seen: Facts, limits: Settings) -> list[str]:
    watches = (backup, certificates, disk, http_errors, temperature)
    return sorted(each.severity for one in watches for each in one.WATCH.look(seen, limits))


@pytest.mark.parametrize("limits", [Settings(), Settings(backup_age_max_s=DAY_S, disk_warn_share=0.3, web_warn_days=9)])
@pytest.mark.parametrize(
    "seen",
    [
        *(watch_facts.keep(backup=watch_facts.backup(last=NOW - hours * 3600)) for hours in (1, 25, 27, 200)),
        *(watch_facts.keep(backup=watch_facts.backup(drill=NOW - days * DAY_S)) for days in (7, 9, 20)),
        watch_facts.keep(backup=watch_facts.backup(last_ok=False, drill_ok=False)),
        *(watch_facts.keep(watch_facts.host("keep", disk_free_share=share)) for share in (0.02, 0.04, 0.12, 0.2)),
        *(watch_facts.keep(watch_facts.host("keep", temperature_c=degrees)) for degrees in (72, 80, 81, 86)),
        *(watch_facts.gateway(traffic=Traffic(100, {"failed": errors})) for errors in (9, 12, 90, 100)),
        *({"box.example.org": NOW + days * DAY_S} for days in (2.5, 3.5, 10, 13.5, 14.5)),
        *(watch_facts.keep(certificates={"root": NOW + days * DAY_S}) for days in (15, 25, 65)),
        *(watch_facts.keep(certificates={"agent": NOW + days * DAY_S}) for days in (4, 6, 14.5, 16)),
    ],
)
def test_page_finds_trouble_where_the_alerts_do(tmp_path: Path, seen: object, limits: Settings) -> None:
    """What the watches say of the same facts, and no more, with the machine's own limits as well."""
    facts = watch_facts.facts(gateways=(watch_facts.gateway(certificates={}),), keep=watch_facts.keep(certificates={}))
    if isinstance(seen, KeepFacts):
        facts = replace(facts, keep=seen)
    elif isinstance(seen, GatewayFacts):
        facts = replace(facts, gateways=(replace(seen, certificates={}),))
    else:
        facts = replace(facts, web_ends=seen)  # type: ignore[arg-type] # the only other kind
    written = status_snapshots.monitor(NOW) | snapshot(facts, limits) | {"alerts": []}
    shown = findings(read(write(tmp_path, written, status_snapshots.ddns(NOW)), NOW))
    severity = {State.BAD: "critical", State.WARNING: "warning"}

    assert sorted(severity[each.state] for each in shown) == _severities(facts, limits)


def test_alerts_that_last_come_first_however_many_are_newer(model_with: Callable[..., Model]) -> None:
    def change(it: dict[str, Any]) -> None:
        over = it["alerts"][0]
        lasting = over | {"cause": "disk.low:keep", "state": "raised", "cleared": None}
        it["alerts"] = [*[over | {"cause": f"rescue.used:{number}"} for number in range(12)], lasting, over]

    alerts = model_with(change).monitor.alerts
    shown = alerts_first(alerts, 10)

    assert [each.cause for each in shown] == ["disk.low:keep", *(f"rescue.used:{number}" for number in range(9))]
    assert [each.cause for each in alerts_first(alerts, 0)] == ["disk.low:keep"]
