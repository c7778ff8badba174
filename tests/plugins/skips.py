"""In CI (``CI=true``) a skipped test fails the run, unless tests/allowed_skips.toml lists it with its reason.

A skip is how a test says that the machine lacks something. On a developer's machine that is a service; in CI
it would be a hole that nobody sees.
"""

from __future__ import annotations

import fnmatch
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

ALLOWED: Final = Path(__file__).parents[1] / "allowed_skips.toml"


def read_allowed(path: Path) -> Mapping[str, str]:
    """Return reason by test id (a shell pattern). Raises ValueError for an entry without a reason."""
    entries = tomllib.loads(path.read_text("utf-8")).get("skip", [])
    for entry in entries:
        if not entry.get("reason", "").strip():
            msg = f"{path.name}: {entry['test']} has no reason"
            raise ValueError(msg)
    return {entry["test"]: entry["reason"] for entry in entries}


class SkipPolicy:
    """Collects the skipped tests of a run, and fails it for those that nobody allowed."""

    def __init__(self, allowed: Mapping[str, str]) -> None:
        self._allowed = allowed
        self.refused: dict[str, str] = {}

    def _record(self, node_id: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        if hasattr(report, "wasxfail") or any(fnmatch.fnmatchcase(node_id, test) for test in self._allowed):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self.refused[node_id] = reason

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._record(report.nodeid, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._record(report.nodeid, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.refused:
            terminalreporter.section("skipped, and not in tests/allowed_skips.toml", red=True)
            for node_id, reason in sorted(self.refused.items()):
                terminalreporter.line(f"{node_id}: {reason}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):  # a worker of xdist reports to its head
        config.pluginmanager.register(SkipPolicy(read_allowed(ALLOWED)), "skip-policy")
