"""The owner's guides tell what can be typed: verbs, commands, units, variables; and leave no timer out."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from typing import Final

import pytest

import agent.__main__
import bridge.__main__
import gateway.__main__
import rescue.bans.__main__
import rescue.changes.__main__
from rescue.settings import Host
from rescue.verbs import Role, parse
from tests.unit_files import ROOT, units

GUIDES: Final = ("install", "operate", "network", "recover")
PARSERS: Final = {
    "agent": agent.__main__._parser,
    "bridge": bridge.__main__._parser,
    "gateway": gateway.__main__._parser,
    "rescue.bans": rescue.bans.__main__._parser,
    "rescue.changes": rescue.changes.__main__._parser,
}
DEBIANS: Final = {"nginx", "ssh", "apt-daily-upgrade.timer"}
STEPS_MAX: Final = 20


OF_THE_DOOR: Final = ("alerts", "ddns", "monitor", "status")
"""What ``sudo drawbridge`` is asked for at the door; all else is the keep's."""


def guide(name: str) -> str:
    """Return a guide with the lines of one command joined."""
    return re.sub(r"\\\n\s+", "", (ROOT / "docs" / f"{name}.md").read_text("utf-8"))


def typed(name: str) -> Iterator[str]:
    """Yield each thing to type, without its prompt, options that stand for others, and what comes after it."""
    for line in guide(name).splitlines():
        if re.match(r"\s*\w+\$ ", line):
            yield from re.split(r"\s+#\s|\s+[|>]\s", line.strip().partition("$ ")[2])[0].split(" && ")
        else:
            for span in re.findall(r"`([^`]+)`", line):
                for command in span.split(" && "):
                    yield re.sub(r"^\w+\$ ", "", command)


def rescue_lines(name: str) -> Iterator[str]:
    yield from re.findall(r"`rescue\$ ([^`]+)`", guide(name))
    yield from re.findall(r"^\s*rescue\$ (.+?)\s*(?:#.*)?$", guide(name), re.MULTILINE)


def after(prefix: str, command: str) -> list[str] | None:
    """Return the words of ``command`` that follow ``prefix`` in it, or None where it is not there."""
    _, found, rest = command.partition(prefix)
    return shlex.split(rest) if found and "…" not in rest else None


@pytest.mark.story("health/US-BE-21.4")
@pytest.mark.parametrize("name", [name for name in GUIDES if list(rescue_lines(name))])
def test_verb_is_the_consoles_when_a_guide_has_the_owner_say_it(name: str) -> None:
    for line in rescue_lines(name):
        words = shlex.split(line)
        assert parse(words, Host.KEEP, Role.OWNER).verb.name in line, line


@pytest.mark.parametrize("name", GUIDES)
def test_command_of_the_owner_exists_when_a_guide_has_it(name: str) -> None:
    for command in typed(name):
        if words := after("sudo drawbridge ", command):
            module = "gateway" if words[0] in OF_THE_DOOR else "agent"
            config = [] if words[0] == "status" else ["--config", f"{module}.toml"]
            assert isinstance(PARSERS[module]().parse_args([*words, *config]), argparse.Namespace)


@pytest.mark.parametrize("name", GUIDES)
def test_module_takes_the_arguments_when_a_guide_runs_it(name: str) -> None:
    for command in typed(name):
        for module, parser in PARSERS.items():
            if words := after(f"-m {module} ", command):
                assert isinstance(parser().parse_args(words), argparse.Namespace)


@pytest.mark.parametrize("name", GUIDES)
def test_unit_is_ours_or_debians_when_a_guide_controls_it(name: str) -> None:
    ours = {unit.path.name.replace("@.", "@1.") for unit in (*units("service"), *units("socket"), *units("timer"))}
    known = ours | {unit.removesuffix(".service") for unit in ours} | DEBIANS
    known |= {unit.replace("@1", "@2") for unit in known}
    for command in typed(name):
        for named in re.findall(r"systemctl (?:re)?(?:start|stop|load|status|edit) ([^;|]+)", command):
            assert set(named.split()) <= known, command


@pytest.mark.parametrize("name", GUIDES)
def test_variable_is_one_of_a_role_when_a_guide_sets_it(name: str) -> None:
    playbook = "\n".join(path.read_text("utf-8") for path in (ROOT / "ansible").rglob("*.yml"))
    named = set(re.findall(r"`((?:drawbridge|backup|firewall)_[a-z_]*[a-z])[`:]", guide(name)))
    assert {variable for variable in named if not re.search(rf"\b{variable}\b", playbook)} == set()


def test_timer_is_in_the_calendar_of_what_happens_by_itself_when_there_is_one() -> None:
    calendar = guide("operate").partition("## What happens by itself")[2]
    assert [unit.path.name for unit in units("timer") if f"`{unit.path.name}`" not in calendar] == []


def test_time_in_the_calendar_is_the_timers_when_it_names_one() -> None:
    calendar = guide("operate").partition("## What happens by itself")[2]
    for unit in units("timer"):
        row = next(row for row in calendar.splitlines() if f"`{unit.path.name}`" in row)
        at = unit.one("OnCalendar", "Timer")
        assert at is not None
        hours, _, minutes = at.split()[-1].partition(":")
        assert all(f"{hour}:{minutes}" in row for hour in hours.split(",")), row


def test_installation_is_short_when_its_steps_are_counted() -> None:
    steps = [
        int(number) for number in re.findall(r"^(\d+)\. ", guide("install").partition("## Steps")[2], re.MULTILINE)
    ]
    assert steps == [*range(1, len(steps) + 1)]
    assert len(steps) <= STEPS_MAX
