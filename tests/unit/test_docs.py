"""The documentation says what is true: commands, dependencies and settings are compared with their sources."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from agent.settings import AgentSettings
from bridge.process.settings import Section
from docs.generate import PAGES
from gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def direct_dependencies() -> Iterator[str]:
    project: dict[str, Any] = tomllib.loads(read("pyproject.toml"))
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    for entry in (entry for group in groups for entry in group):
        if isinstance(entry, str):
            yield re.split(r"[\s<>=~!;\[]", entry, maxsplit=1)[0]


def pins(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", read(lock), re.MULTILINE))


def make_targets() -> list[str]:
    return re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE)


def test_every_make_target_is_in_the_development_guide() -> None:
    guide = read("docs/development.md")
    assert [target for target in make_targets() if f"`make {target}`" not in guide] == []


@pytest.mark.story("health/US-BE-36.4")
def test_every_command_of_the_guides_is_a_make_target() -> None:
    named = re.findall(
        r"`make ([a-z-]+)", "".join(read(page) for page in ("README.md", "docs/development.md", "docs/testing.md"))
    )
    assert set(named) <= set(make_targets())


def test_every_make_target_is_phony() -> None:
    phony = re.search(r"^\.PHONY:(.*)$", read("Makefile"), re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(make_targets())


def test_dependencies_page_lists_exactly_the_direct_ones() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", read("docs/dependencies.md"), re.MULTILINE)
    assert sorted(rows) == sorted(direct_dependencies())


def test_dependencies_page_names_the_pinned_versions() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|.*\| ([0-9][^,|]*), \d{4}-\d\d \|", read("docs/dependencies.md"), re.MULTILINE)
    pinned = pins("requirements-dev.lock") | pins("requirements-embedded.lock") | pins("requirements-weights.lock")
    assert {row for row in rows if row[0] != "systemd-python"} <= pinned  # from Debian, on the Pis


def test_lock_of_the_tests_holds_all_that_runs_at_the_same_version() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


@pytest.mark.story("hub/IH-017.3", "hub/DOD.3")
@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "requirements-embedded.lock", "requirements-weights.lock"]
)
def test_lock_pins_every_package_by_hash_and_names_no_index(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", read(lock), flags=re.MULTILINE)[1:]
    assert entries
    assert all(re.match(r"[a-z0-9._-]+==.*\\\n {4}--hash=sha256:", entry) for entry in entries)
    assert "://" not in read(lock)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_page_is_what_make_docs_writes(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page](), "run `make docs`"


def sections(model: type[Section]) -> Iterator[tuple[str, Section]]:
    """Yield every section that has a default, and those within it."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if default is not PydanticUndefined and isinstance(default, Section):
            yield name, default
            yield from ((f"{name}.{inner}", section) for inner, section in sections(type(default)))


@pytest.mark.parametrize("settings", [AgentSettings, GatewaySettings])
def test_section_keeps_its_other_defaults_when_the_file_sets_one_key_of_it(settings: type[Section]) -> None:
    """A partial table takes the rest from the section's class: a default of its own here would be lost."""
    for name, default in sections(settings):
        assert default == type(default).model_construct(), name


@pytest.mark.parametrize(
    "page",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in (ROOT, DOCS, DOCS / "ddns", ROOT / "bridge")
        for path in folder.glob("*.md")
    ),
)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!\w+://|#)([^)#]+)", read(page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
