"""The units keep to what is written elsewhere: names, paths and owners, settings, commands; and to their own rules."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import agent.__main__
import gateway.__main__
from agent.settings import AgentSettings
from bridge.process import settings as process_settings
from bridge.process.settings import EXIT_CONFIG, Section
from gateway.settings import PREFIX, GatewaySettings
from tests.unit_files import HOSTS, ROOT, SANDBOX, UnitFile, read, units

APPLIANCE: Final = (ROOT / "docs" / "appliance.md").read_text("utf-8")
SERVICES: Final = units("service")
LASTING: Final = [service for service in SERVICES if service.one("Type") == "notify"]
SETTINGS: Final[dict[str, type[Section]]] = {"agent": AgentSettings, "gateway": GatewaySettings}
PARSERS: Final = {"agent": agent.__main__._parser, "gateway": gateway.__main__._parser}
NO_SETTING: Final = {"rescue-host-key"}
"""Credentials of a program that is not ours."""

_LAUNCHER: Final = "/usr/local/sbin/drawbridge-rescue"


def name_of(unit: UnitFile) -> str:
    return unit.path.name


def of_each(given: list[UnitFile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("unit", given, ids=name_of)


def column(host: str) -> str:
    """Return what the table of names says of a host."""
    table = APPLIANCE.partition("## Names")[2].partition("\n## ")[0]
    return "\n".join(row.split("|")[HOSTS.index(host) + 2] for row in table.splitlines() if row.count("|") == 4)


def row_of(path: str) -> str:
    """Return the row of the table of files whose first cell names ``path``, whole or by its end."""
    rows = [row for row in APPLIANCE.splitlines() if row.startswith("| `/")]
    return next(row for row in rows if f"`{path}`" in row or f"`{Path(path).name}`" in row.split("|")[1])


def commands(unit: UnitFile) -> Iterator[tuple[str, list[str]]]:
    """Yield the module and the arguments of each of our programs that a unit runs."""
    for line in unit.all("Service", "ExecStart"):
        program, *words = line.split()
        if program == _LAUNCHER:
            yield "rescue", words
        elif "-m" in words:
            at = words.index("-m")
            yield words[at + 1], words[at + 2 :]


def secrets_of(model: type[Section]) -> set[str]:
    fields = process_settings._fields(model)
    return {".".join(key).replace("_", "-") for key, field in fields if process_settings._is_secret(field)}


@pytest.mark.parametrize("host", HOSTS)
def test_services_are_in_the_list_of_names_when_they_are_the_hosts(host: str) -> None:
    known = column(host) + (column("door") if host == "keep" else "")  # the keep's cell says "the same"
    for unit in units("service", host, "both"):
        stem = unit.path.stem
        assert f"`{stem}1`" in known if stem.endswith("@") else re.search(rf"`{stem}(\.timer)?`", known), stem


@pytest.mark.parametrize("kind", ["service", "socket", "timer"])
@pytest.mark.parametrize("host", HOSTS)
def test_units_are_watched_and_shown_when_they_are_the_hosts(host: str, kind: str) -> None:
    shown = GatewaySettings().watches.units if host == "door" else AgentSettings.model_fields["report"].default.units
    for unit in units(kind, host, "both"):
        names = [name_of(unit).replace("@.", f"@{number}.") for number in (1, 2)]
        assert set(names) <= set(shown)


@of_each([unit for unit in SERVICES if unit.one("User")])
def test_user_is_in_the_list_of_names_when_a_service_has_one(unit: UnitFile) -> None:
    assert f"`{unit.one('User')}`" in column("door") + column("keep")


@of_each(units("socket"))
def test_socket_has_the_owner_and_mode_of_the_list_of_files(unit: UnitFile) -> None:
    path = unit.all("Socket", "ListenStream")[0].replace("%i", "1")
    owner, group, mode = (unit.one(key, "Socket") for key in ("SocketUser", "SocketGroup", "SocketMode"))
    assert f"{owner}:{group} {mode}" in row_of(path)


@of_each(SERVICES)
def test_paths_are_in_the_list_of_files_when_a_unit_names_them(unit: UnitFile) -> None:
    text = unit.path.read_text("utf-8")
    paths = set(re.findall(r"(?:/etc|/run|/opt)/drawbridge/[\w./-]*\w", text))
    known = ("/opt/drawbridge/current/", "/etc/drawbridge/credentials/")
    for path in paths - {"/opt/drawbridge/current"}:
        assert path.startswith(known) or f"`{path}`" in APPLIANCE or f"`{Path(path).name}`" in APPLIANCE, path


@of_each(SERVICES)
def test_credential_is_a_secret_setting_of_its_own_file_when_a_service_loads_it(unit: UnitFile) -> None:
    modules = [module for module, _ in commands(unit)]
    for credential in unit.all("Service", "LoadCredential"):
        name, _, path = credential.partition(":")
        assert path == f"/etc/drawbridge/credentials/{name}"
        assert name in NO_SETTING or name in secrets_of(SETTINGS[modules[0]])


@of_each(SERVICES)
def test_environment_is_a_setting_when_a_service_sets_it(unit: UnitFile) -> None:
    variables = dict(line.split("=", 1) for line in unit.all("Service", "Environment"))
    others = {name for name in variables if not name.startswith(PREFIX)}
    assert others <= {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "PYTHONTZPATH"}, "the C library's, and Python's"
    loaded = process_settings.load(GatewaySettings, None, prefix=PREFIX, environ=variables)
    assert loaded.listen.kind == ("systemd" if unit.path.name == "gateway@.service" else "unix")


@of_each([unit for unit in SERVICES if list(commands(unit))])
def test_command_exists_when_a_service_runs_it(unit: UnitFile) -> None:
    for module, arguments in commands(unit):
        place = ROOT / module.replace(".", "/")
        assert (place / "__main__.py").is_file() or not place.exists()
        if module in PARSERS and (arguments[0] != "backup" or (ROOT / "agent" / "backup").exists()):
            assert isinstance(PARSERS[module]().parse_args(arguments), argparse.Namespace)


@of_each(units("timer"))
def test_timer_starts_a_service_and_catches_up_when_the_machine_was_off(unit: UnitFile) -> None:
    service = read(unit.path.with_suffix(".service"))
    assert service.one("Type") == "oneshot"
    assert not service.all("Install", "WantedBy")
    assert unit.one("Persistent", "Timer") == "true"
    assert unit.one("RandomizedDelaySec", "Timer")
    assert unit.all("Install", "WantedBy") == ["timers.target"]


@pytest.mark.parametrize(
    ("name", "often"),
    [
        pytest.param("keys-rotate.timer", "*-*-01 ", marks=pytest.mark.story("health/US-BE-50.5")),
        pytest.param("rescue-selftest.timer", "*-*-* ", marks=pytest.mark.story("health/US-BE-21.5")),
    ],
)
def test_timer_is_there_when_something_is_due_regularly(name: str, often: str) -> None:
    [unit] = [unit for unit in units("timer") if unit.path.name == name]
    assert (unit.one("OnCalendar", "Timer") or "").startswith(often)


@of_each(SERVICES)
def test_service_has_the_sandbox_and_does_not_set_what_that_decides(unit: UnitFile) -> None:
    drop_in = unit.path.with_name(f"{unit.path.name}.d") / "10-sandbox.conf"
    assert drop_in.is_symlink()
    assert drop_in.resolve() == SANDBOX
    assert (
        unit.values.keys() & read(SANDBOX).values.keys() == set()
    )  # a drop-in is read later, and would win in silence


@of_each(SERVICES)
def test_service_says_its_own_part_of_the_sandbox(unit: UnitFile) -> None:
    for key in ("CapabilityBoundingSet", "RestrictAddressFamilies", "IPAddressDeny"):
        assert ("Service", key) in unit.values, key


@of_each([unit for unit in SERVICES if unit.one("User") == "postgres"])
def test_shared_memory_of_the_cluster_stays_when_a_service_of_its_user_ends(unit: UnitFile) -> None:
    for file in (unit, read(SANDBOX)):
        assert file.one("RemoveIPC") is None


@of_each(SERVICES)
def test_service_waits_for_no_network_when_it_starts(unit: UnitFile) -> None:
    assert "network-online.target" not in unit.words("Unit", "After") + unit.words("Unit", "Wants")


@of_each(LASTING)
def test_service_comes_back_when_it_fails(unit: UnitFile) -> None:
    assert unit.one("Restart") in {"on-failure", "always"}
    assert unit.all("Unit", "StartLimitIntervalSec") == ["0"]  # it never gives up for good
    assert unit.one("RestartSec") == "2s"  # and does not storm


@of_each([unit for unit in LASTING if any(module in SETTINGS for module, _ in commands(unit))])
def test_service_stays_down_when_its_settings_are_wrong(unit: UnitFile) -> None:
    assert unit.one("RestartPreventExitStatus") == str(EXIT_CONFIG)


@of_each([unit for unit in LASTING if list(commands(unit))])
def test_service_is_watched_when_it_is_ours(unit: UnitFile) -> None:
    watchdog, abort = unit.one("WatchdogSec"), unit.one("TimeoutAbortSec")
    assert watchdog is not None
    assert abort is not None
    assert int(watchdog.removesuffix("s")) + int(abort.removesuffix("s")) < 60


def test_nginx_stops_before_the_gateways_and_the_agent_before_postgresql() -> None:
    nginx = read(ROOT / "systemd/door/nginx.service.d/50-drawbridge.conf")
    assert {"gateway@1.service", "gateway@2.service"} <= set(nginx.words("Unit", "After"))
    service = next(unit for unit in SERVICES if name_of(unit) == "agent.service")
    assert "postgresql.service" in service.words("Unit", "After")


def test_drain_fits_into_the_stop_when_a_service_is_stopped() -> None:
    drains = {"agent": AgentSettings.model_validate({"store": {"dsn": ""}}).bridge.drain_s,
              "gateway@": GatewaySettings().listen.drain_s}  # fmt: skip
    for unit in SERVICES:
        if unit.path.stem in drains:
            stop = unit.one("TimeoutStopSec")
            assert stop is not None
            assert float(stop.removesuffix("s")) >= drains[unit.path.stem] + 5
