from __future__ import annotations

import pytest

from tests.plugins import stories
from tests.plugins.stories import REQUIREMENTS, Requirement, State, StoryReport, read_requirements

ROWS = """
| id | requirement | state |
|---|---|---|
| `hub/A` | Answers | done |
| `hub/B` | Breaks / mends | partly |
| `hub/C` | Counts | not yet |
"""

TESTS = """
    import pytest

    @pytest.mark.story("hub/A")
    @pytest.mark.parametrize("n", [1, 2])
    def test_answers(n): assert n < LIMIT

    @pytest.mark.story("hub/B", "hub/C")
    def test_breaks(): pass
"""


@pytest.fixture(autouse=True)
def requirements(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put these rows in the place of docs/requirements.md, and ourselves in a folder of our own."""
    path = pytester.path / "requirements.md"
    path.write_text(ROWS)
    monkeypatch.setattr(stories, "REQUIREMENTS", path)


def test_report_lists_covered_and_uncovered_when_the_tests_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("LIMIT", "3").replace(', "hub/C"', ""))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([
        "*stories: 2 of 3 covered*", "covered   hub/A *2 passed*", "covered   hub/B*", "uncovered hub/C*",
    ])  # fmt: skip


def test_report_fails_the_run_when_a_done_story_has_a_failing_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("LIMIT", "2"))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["uncovered hub/A *1 passed, 1 not*"])


def test_report_fails_the_run_when_a_done_story_has_no_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories", "--stories")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hub/A is called done, but no passing test says so"])


def test_report_is_complete_when_workers_run_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("LIMIT", "3"))
    report = StoryReport({"hub/A": Requirement("hub/A", "Answers", State.DONE)})
    pytester.makeconftest("""
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                item.user_properties.append(("story", "hub/A"))
    """)
    result = pytester.runpytest_inprocess("-n1", plugins=[report])
    assert result.ret == pytest.ExitCode.OK
    assert report.unproved() == []


def test_collection_stops_when_a_story_is_unknown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("hub/A", "hub/X"))
    result = pytester.runpytest_inprocess("-p", "tests.plugins.stories")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*story 'hub/X' is not in docs/requirements.md*"])


def test_requirements_are_refused_when_an_id_comes_twice() -> None:
    with pytest.raises(ValueError, match="hub/A is listed twice"):
        read_requirements(ROWS + "| `hub/A` | Again | done |")


def test_requirements_are_refused_when_a_state_is_unknown() -> None:
    with pytest.raises(ValueError, match="almost"):
        read_requirements(ROWS.replace("partly", "almost"))


def test_requirements_of_all_five_documents_are_listed_in_this_repository() -> None:
    prefixes = {id_.partition("/")[0] for id_ in read_requirements(REQUIREMENTS.read_text("utf-8"))}
    assert prefixes == {"health", "tasks", "hub", "water", "todo"}
