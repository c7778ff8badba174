"""``@pytest.mark.story("health/US-BE-07.3")`` ties a test to the criterion that it would catch broken.

The criteria are the rows of docs/requirements/; an id that is neither one of them nor a story of theirs
(``health/US-BE-07``) stops the collection. ``pytest --stories`` (``make stories``) ends with what is covered by passing
tests and what is not, by document, and fails when a criterion called done has no passing test, or a failing one. A
criterion whose tests are run by another command (``make lab``) is said to be covered elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pytest

from tests.requirements import (
    REQUIREMENTS,
    TESTS,
    Criterion,
    State,
    command_of,
    marked,
    read_criteria,
    state_of,
    unknown,
)


class StoryReport:
    """Counts each criterion's tests of a run: how many passed, how many did not."""

    def __init__(self, criteria: Mapping[str, Criterion], commands: Mapping[str, frozenset[str]]) -> None:
        self._criteria = criteria
        self._commands = commands
        self._run: set[str] = set()
        self._passed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._run.add(command_of(report.nodeid))
        stories = [str(value) for name, value in report.user_properties if name == "story"]
        if report.when == "call" and report.passed:
            self._passed.update(stories)
        elif not report.passed:
            self._failed.update(stories)

    def _is_covered(self, story: str) -> bool:
        return bool(self._passed[story] and not self._failed[story])

    def _elsewhere(self, story: str) -> Sequence[str]:
        """Return the commands that run the tests of what this run did not play."""
        played = self._passed[story] or self._failed[story]
        return () if played else sorted(self._commands.get(story, frozenset()) - self._run)

    def unproved(self) -> list[str]:
        """Return the ids of criteria called done that no passing test covers, or a failing one does."""
        return [
            id_
            for id_, criterion in self._criteria.items()
            if criterion.state is State.DONE and not self._is_covered(id_) and not self._elsewhere(id_)
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unproved() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("stories")
        for id_, criterion in self._criteria.items():
            terminalreporter.line(self._line(id_, criterion))
        by_document: defaultdict[str, list[Criterion]] = defaultdict(list)
        for criterion in self._criteria.values():
            by_document[criterion.document].append(criterion)
        for document, criteria in by_document.items():
            terminalreporter.line(self._summary(document, criteria), bold=True)
        for id_ in self.unproved():
            terminalreporter.line(f"{id_} is called done, but no passing test says so", red=True)

    def _line(self, id_: str, criterion: Criterion) -> str:
        mark = "covered" if self._is_covered(id_) else "elsewhere" if self._elsewhere(id_) else "uncovered"
        tests = ", ".join(self._elsewhere(id_)) or (
            f"{self._passed[id_]} passed" + (f", {self._failed[id_]} not" if self._failed[id_] else "")
        )
        return f"{mark:<9} {id_:<20} {criterion.state:<8} {tests:<12} {criterion.title}"

    def _summary(self, document: str, criteria: Sequence[Criterion]) -> str:
        stories: defaultdict[str, list[Criterion]] = defaultdict(list)
        for criterion in criteria:
            stories[criterion.story].append(criterion)
        whole = sum(state_of(parts) is State.DONE for parts in stories.values())
        counts = Counter(criterion.state for criterion in criteria)
        covered = sum(self._is_covered(criterion.id) for criterion in criteria)
        elsewhere = sum(bool(self._elsewhere(criterion.id)) for criterion in criteria)
        states = ", ".join(f"{counts[state]} {state}" for state in reversed(State))
        stories_done = f"{whole} of {len(stories)} stories done"
        tests = f"{covered} covered by passing tests, {elsewhere} elsewhere"
        return f"{document}: {len(criteria)} criteria, {states}; {tests}; {stories_done}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stories", action="store_true", help="end with the requirements and the tests that cover them")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--stories") and not hasattr(config, "workerinput"):  # a worker of xdist reports to its head
        config.pluginmanager.register(StoryReport(read_criteria(REQUIREMENTS), marked(TESTS)), "story-report")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    criteria = read_criteria(REQUIREMENTS)
    for item in items:
        for marker in item.iter_markers("story"):
            if strangers := unknown(marker.args, criteria):
                msg = f"{item.nodeid}: story {strangers[0]!r} is not in docs/requirements"
                raise pytest.UsageError(msg)
            item.user_properties.extend(("story", story) for story in marker.args)
