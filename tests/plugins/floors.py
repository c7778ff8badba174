"""Coverage may not fall below its floors: ``pytest --cov --coverage-floors`` (``make test``) fails the run then.

Overall 95 %; every line and branch of what guards the door: the bridge, and both machines' accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypedDict

import coverage
import pytest

FLOORS: Final[Mapping[str, float]] = {"": 95.0, "bridge/": 100.0, "agent/accounts/": 100.0, "gateway/accounts/": 100.0}
"""Least percentage of lines and branches by path prefix; a prefix without any file has nothing to fail."""


class Counts(TypedDict):
    num_statements: int
    covered_lines: int
    num_branches: int
    covered_branches: int


def percentages(files: Mapping[str, Counts], prefixes: Mapping[str, float]) -> dict[str, float]:
    """Return the covered percentage of lines and branches together, by path prefix."""
    shares = {}
    for prefix in prefixes:
        counts = [file for path, file in files.items() if path.startswith(prefix)]
        total = sum(file["num_statements"] + file["num_branches"] for file in counts)
        covered = sum(file["covered_lines"] + file["covered_branches"] for file in counts)
        shares[prefix] = 100.0 * covered / total if total else 100.0
    return shares


class CoverageFloors:
    """Compares the finished run's coverage with the floors."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.lines: list[tuple[str, bool]] = []

    def _measure(self) -> Mapping[str, Counts]:
        data = coverage.Coverage(config_file=str(self._root / "pyproject.toml"))
        data.load()
        report = self._root / ".coverage.json"
        data.json_report(outfile=str(report))
        files = json.loads(report.read_text("utf-8"))["files"]
        return {path: file["summary"] for path, file in files.items()}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for prefix, share in percentages(self._measure(), FLOORS).items():
            low = share < FLOORS[prefix]
            floor = f"the floor is {FLOORS[prefix]:g} %"
            self.lines.append((f"{prefix or 'overall':<20} {share:6.2f} %  {floor if low else ''}".rstrip(), low))
        if any(low for _, low in self.lines) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("coverage by line and branch")
        for line, low in self.lines:
            terminalreporter.line(line, red=low)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--coverage-floors", action="store_true", help="fail when coverage is below its floors")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--coverage-floors") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(CoverageFloors(config.rootpath), "coverage-floors")
