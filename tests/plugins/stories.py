"""``@pytest.mark.story("health/US-BE-07")`` ties a test to the requirement that it would catch broken.

The requirements are the rows of docs/requirements.md; an id that is not there stops the collection.
``pytest --stories`` (``make stories``) ends with what is covered by passing tests and what is not, and fails when
a requirement called done has no passing test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

REQUIREMENTS: Final = Path(__file__).parents[2] / "docs" / "requirements.md"

_ROW: Final = re.compile(r"\| `(?P<id>[^`]+)` \| (?P<title>.+?) \| (?P<state>[^|]+?) \|")


class State(StrEnum):
    NOT_YET = "not yet"
    PARTLY = "partly"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of docs/requirements.md."""

    id: str
    title: str
    state: State


def read_requirements(text: str) -> dict[str, Requirement]:
    """Return requirement by id. Raises ValueError for an unknown state or an id that comes twice."""
    requirements: dict[str, Requirement] = {}
    for match in _ROW.finditer(text):
        requirement = Requirement(match["id"], match["title"], State(match["state"]))
        if requirement.id in requirements:
            msg = f"{requirement.id} is listed twice"
            raise ValueError(msg)
        requirements[requirement.id] = requirement
    return requirements


class StoryReport:
    """Counts each story's tests of a run: how many passed, how many did not."""

    def __init__(self, requirements: Mapping[str, Requirement]) -> None:
        self._requirements = requirements
        self._passed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        stories = [str(value) for name, value in report.user_properties if name == "story"]
        if report.when == "call" and report.passed:
            self._passed.update(stories)
        elif not report.passed:
            self._failed.update(stories)

    def unproved(self) -> list[str]:
        """Return the ids of requirements called done that no passing test covers, or a failing one does."""
        return [
            id_
            for id_, requirement in self._requirements.items()
            if requirement.state is State.DONE and (not self._passed[id_] or self._failed[id_])
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unproved() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        covered = [id_ for id_ in self._requirements if self._passed[id_] and not self._failed[id_]]
        terminalreporter.section(f"stories: {len(covered)} of {len(self._requirements)} covered by passing tests")
        for id_, requirement in self._requirements.items():
            tests = f"{self._passed[id_]} passed" + (f", {self._failed[id_]} not" if self._failed[id_] else "")
            mark = "covered  " if id_ in covered else "uncovered"
            terminalreporter.line(f"{mark} {id_:<18} {requirement.state:<8} {tests:<12} {requirement.title}")
        for id_ in self.unproved():
            terminalreporter.line(f"{id_} is called done, but no passing test says so", red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stories", action="store_true", help="end with the requirements and the tests that cover them")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--stories") and not hasattr(config, "workerinput"):  # a worker of xdist reports to its head
        requirements = read_requirements(REQUIREMENTS.read_text("utf-8"))
        config.pluginmanager.register(StoryReport(requirements), "story-report")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    known = read_requirements(REQUIREMENTS.read_text("utf-8"))
    for item in items:
        for marker in item.iter_markers("story"):
            for story in marker.args:
                if story not in known:
                    msg = f"{item.nodeid}: story {story!r} is not in docs/requirements.md"
                    raise pytest.UsageError(msg)
                item.user_properties.append(("story", story))
