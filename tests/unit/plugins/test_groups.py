from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.groups import GROUPS, group_of

ROOT = Path(__file__).parents[3]

CONFTEST = """
from tests.plugins import groups
groups.GROUPS["test_together.py"] = "together"
from tests.plugins.groups import pytest_xdist_make_scheduler
"""
TESTS = """
import os, pytest

@pytest.mark.parametrize("number", range(8))
def test_worker(number):
    with open("workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_groups_name_places_that_exist_when_read() -> None:
    assert [place for place in GROUPS if not (ROOT / place).exists()] == []


def test_test_is_its_own_group_when_it_has_none() -> None:
    assert group_of("tests/unit/test_docs.py::test_x") == "tests/unit/test_docs.py::test_x"
    assert group_of("tests/browser/test_chat.py::test_x") == group_of("tests/adversity/test_proxy.py::test_y")


@pytest.mark.slow
def test_group_is_run_by_one_worker_when_there_are_two(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_together=TESTS)

    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:randomly")

    result.assert_outcomes(passed=8)
    assert len(set((pytester.path / "workers").read_text("utf-8").split())) == 1
