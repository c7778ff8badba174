from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins import stories
from tests.plugins.stories import StoryReport
from tests.requirements import Criterion, State

HUB = """
## A Answers

| id | criterion | state |
|---|---|---|
| `hub/A.1` | Answers | done |
| `hub/A.2` | Answers soon | partly: not on Sundays |

## Requirements

| id | requirement | state |
|---|---|---|
| `hub/FR-1` | Counts | not yet |
"""
WATER = """
| `water/FR-1` | Flows / stands | done |
"""

CASES = """
    import pytest

    @pytest.mark.story("hub/A.1")
    @pytest.mark.parametrize("n", [1, 2])
    def test_answers(n): assert n < LIMIT

    @pytest.mark.story("hub/A", "hub/A.2", "water/FR-1")
    def test_flows(): pass
"""
LAB = 'import pytest\n@pytest.mark.story("hub/A.1")\ndef test_answers(): pass\n'


@pytest.fixture(autouse=True)
def suites(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put these rows in the place of docs/requirements, and return the folder that stands for ours of tests."""
    folder, suites = pytester.mkdir("requirements"), pytester.mkdir("suites")
    (folder / "hub.md").write_text(HUB)
    (folder / "water.md").write_text(WATER)
    monkeypatch.setattr(stories, "REQUIREMENTS", folder)
    monkeypatch.setattr(stories, "TESTS", suites)
    return suites


def test_report_tells_each_documents_coverage_when_the_tests_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES.replace("LIMIT", "3"))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([
        "covered   hub/A.1 *2 passed*", "covered   hub/A.2 *", "uncovered hub/FR-1*",
        "hub: 3 criteria, 1 done, 1 partly, 1 not yet; 2 covered by passing tests, 0 elsewhere; 0 of 2 stories done",
        "water: 1 criteria, 1 done, * 1 of 1 stories done",
    ])  # fmt: skip


def test_report_fails_the_run_when_a_done_criterion_has_a_failing_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES.replace("LIMIT", "2"))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["uncovered hub/A.1 *1 passed, 1 not*"])


def test_report_fails_the_run_when_a_done_criterion_has_no_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hub/A.1 is called done, but no passing test says so"])


def test_report_fails_the_run_when_only_the_story_is_marked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES.replace("LIMIT", "3").replace('"hub/A.1"', '"hub/A"'))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hub/A.1 is called done, but no passing test says so"])


def test_criterion_is_proved_elsewhere_when_another_command_runs_its_test(
    pytester: pytest.Pytester, suites: Path
) -> None:
    (suites / "lab").mkdir()
    (suites / "lab" / "test_a.py").write_text(LAB)
    path = pytester.makepyfile(CASES.replace("LIMIT", "3").replace('"hub/A.1"', '"hub/A.2"'))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories", path)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["elsewhere hub/A.1 *make lab*", "hub: *1 elsewhere*"])


def test_report_fails_the_run_when_a_test_failed_that_another_command_runs_too(
    pytester: pytest.Pytester, suites: Path
) -> None:
    (suites / "lab").mkdir()
    (suites / "lab" / "test_a.py").write_text(LAB)
    path = pytester.makepyfile(CASES.replace("LIMIT", "2"))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories", path)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_report_is_complete_when_workers_run_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES.replace("LIMIT", "3"))
    report = StoryReport({"hub/A.1": Criterion("hub/A.1", "Answers", State.DONE)}, {})
    pytester.makeconftest("""
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                item.user_properties.append(("story", "hub/A.1"))
    """)
    result = pytester.runpytest_inprocess("-n1", plugins=[report])
    assert result.ret == pytest.ExitCode.OK
    assert report.unproved() == []


@pytest.mark.parametrize("story", ["hub/X", "hub/A.3", "hub", "hub/FR"])
def test_collection_stops_when_a_story_is_unknown(pytester: pytest.Pytester, story: str) -> None:
    pytester.makepyfile(CASES.replace("hub/A.1", story))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*story '{story}' is not in docs/requirements*"])
