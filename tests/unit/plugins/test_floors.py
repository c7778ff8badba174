from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.floors import FLOORS, Counts, percentages

ROOT = Path(__file__).parents[3]

PROJECT = """
    [tool.pytest.ini_options]
    pythonpath = ["."]
    [tool.coverage.run]
    branch = true
    source = ["bridge"]
"""

GATE = """
    def opens(locked):
        if locked:
            return False
        return True
"""


def counts(covered: int, statements: int, branches: int = 0) -> Counts:
    return {
        "num_statements": statements,
        "covered_lines": min(covered, statements),
        "num_branches": branches,
        "covered_branches": max(0, covered - statements),
    }


@pytest.mark.story("health/US-BE-32.3")
def test_percentages_count_lines_and_branches_by_prefix() -> None:
    files = {"bridge/a.py": counts(9, 9, 1), "bridge/b.py": counts(10, 10), "agent/c.py": counts(0, 20)}
    assert percentages(files, {"": 95, "bridge/": 100, "gateway/": 100}) == {"": 47.5, "bridge/": 95.0, "gateway/": 100}


@pytest.mark.parametrize(
    ("test", "code", "line"),
    [
        ("assert opens(False) and not opens(True)", pytest.ExitCode.OK, "bridge/ *100.00 %"),
        ("assert opens(False)", pytest.ExitCode.TESTS_FAILED, "bridge/ * %  the floor is 100 %"),
    ],
)
def test_run_fails_when_coverage_is_below_a_floor(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str, code: pytest.ExitCode, line: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):  # the outer run's are none of its business
        monkeypatch.delenv(name, raising=False)
    pytester.makepyprojecttoml(PROJECT)
    pytester.mkpydir("bridge").joinpath("gate.py").write_text(GATE.replace("\n    ", "\n"))
    pytester.makepyfile(f"from bridge.gate import opens\ndef test_gate(): {test}")
    result = pytester.runpytest_subprocess("-p", "tests.plugins.floors", "--cov", "--cov-report=", "--coverage-floors")
    assert result.ret == code
    result.stdout.fnmatch_lines([line, "*1 passed*"])


@pytest.mark.story("health/US-BE-33.5", "health/US-BE-34.5", "health/US-BE-35.5", "hub/DOD.17")
def test_floor_of_everything_is_above_what_is_required() -> None:
    assert FLOORS[""] > 85
