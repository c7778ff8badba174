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

GUIDES: Final = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
PARSERS: Final = {
    "agent": agent.__main__._parser,
    "bridge": bridge.__main__._parser,
    "gateway": gateway.__main__._parser,
    "rescue.bans": rescue.bans.__main__._parser,
    "rescue.changes": rescue.changes.__main__._parser,
}
DEBIANS: Final = {"nginx", "ssh", "nftables", "systemd-journald", "apt-daily-upgrade.timer"}
OF_A_ROLE: Final = {"changes-undo"}
"""A unit that a role brings itself."""
PLACEHOLDERS: Final = {"ID": "00000000-0000-4000-8000-000000000000"}
STEPS_MAX: Final = 20


OF_THE_DOOR: Final = ("alerts", "ddns", "monitor", "status")
"""What ``sudo drawbridge`` is asked for at the door; all else is the keep's."""


PAGES: Final = [
    "README.md", "CHANGELOG.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
]  # fmt: skip
NOT_YET_THERE: Final = {
    "agent/apps/x", "agent/db/migrations/NNNN_name.sql", "bridge/contracts/x.py", "gateway/apps/x",
}  # fmt: skip
"""Names for what a reader is to make."""
THE_OWNERS: Final = {
    "/etc/drawbridge-source.toml",
    "/etc/drawbridge-tls",
    "/usr/local/share/ca-certificates/drawbridge.crt",
    "/var/lib/drawbridge-acme/archive/drawbridge/cert1.pem",  # certbot's name
    "/var/lib/postgresql/15/drawbridge.before-",
}
"""Places that a guide has its reader choose, or that other programs name."""


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


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
    return [PLACEHOLDERS.get(word, word) for word in shlex.split(rest)] if found and "…" not in rest else None


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
    known |= {unit.replace("@1", "@2") for unit in known} | OF_A_ROLE
    for command in typed(name):
        for named in re.findall(
            r"systemctl (?:(?:re)?(?:start|stop|load)|status|edit|disable --now) ([^;|']+)", command
        ):
            assert set(named.split()) <= known, command


@pytest.mark.parametrize("page", PAGES)
def test_line_to_the_rescue_console_is_the_consoles_when_a_page_shows_one(page: str) -> None:
    for host, line in re.findall(r"^\S*\$ ssh (?:-\S+ (?:2222 )?)*rescue@(\S+)(.*)$", text(page), re.MULTILINE):
        words = shlex.split(line)
        if words and "…" not in words:  # without a word it is the prompt
            assert parse(words, Host.KEEP, Role.OWNER).verb.name in line, (host, line)


@pytest.mark.parametrize("page", PAGES)
def test_target_is_makes_when_a_page_runs_it(page: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ |&& )make ([a-z-]+)", text(page))) - targets == set()


@pytest.mark.parametrize("page", PAGES)
def test_tag_is_a_roles_when_a_page_runs_a_part_of_the_playbook(page: str) -> None:
    playbook = (ROOT / "ansible/site.yml").read_text("utf-8")
    tags = set(re.findall(r"tags: \[(\w+)\]", playbook))
    for named in re.findall(r"--tags[ =]([a-z,]+)", text(page)):
        assert set(named.split(",")) <= tags


@pytest.mark.parametrize("page", PAGES)
def test_file_of_the_project_is_there_when_a_page_names_it(page: str) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"var"}
    named = re.findall(r"`([a-z_]+/[\w./*-]+)`", text(page))
    ours = {path for path in named if path.split("/")[0] in folders} - NOT_YET_THERE
    assert {path for path in ours if not any(ROOT.glob(path.rstrip("/")))} == set()


@pytest.mark.parametrize("page", PAGES)
def test_place_on_a_pi_is_known_to_the_code_when_a_page_names_it(page: str) -> None:
    folders = ("agent", "ansible", "bridge", "demo", "gateway", "nginx", "rescue", "systemd")
    known = "\n".join(
        path.read_text("utf-8")
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yml", ".j2", ".service", ".socket", ".conf", ".toml"}
    )
    named = re.findall(r"(?<![\w:.])(/(?:etc|var|opt|usr/local|run)/[\w./@-]*drawbridge[\w./@-]*)", text(page))
    places = {place.rstrip("./") for place in named} - THE_OWNERS
    assert {place for place in places if place not in known and place.rpartition("/")[2] not in known} == set()


@pytest.mark.parametrize("name", GUIDES)
def test_variable_is_one_of_a_role_when_a_guide_sets_it(name: str) -> None:
    playbook = "\n".join(path.read_text("utf-8") for path in (ROOT / "ansible").rglob("*.yml"))
    playbook += (ROOT / "gateway/web/metrics.py").read_text("utf-8")  # whose names begin alike
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
