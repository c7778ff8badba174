from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.skips import ALLOWED, SkipPolicy, read_allowed

SKIPPING = """
    import pytest

    def test_fine(): pass

    @pytest.mark.skip(reason="no chromium")
    def test_page(): pass

    @pytest.mark.xfail(reason="known", strict=True)
    def test_known(): assert False
"""


def test_run_fails_when_a_skipped_test_is_not_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SKIPPING)
    result = pytester.runpytest_inprocess(plugins=[SkipPolicy({})])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not in tests/allowed_skips.toml*", "test_it.py::test_page: *no chromium*"])


def test_run_passes_when_the_skipped_test_is_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SKIPPING)
    result = pytester.runpytest_inprocess(plugins=[SkipPolicy({"test_it.py::*": "has none"})])
    assert result.ret == pytest.ExitCode.OK


def test_run_fails_when_a_whole_module_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SKIPPING, test_all="import pytest; pytest.skip('no nginx', allow_module_level=True)")
    policy = SkipPolicy({"test_it.py::*": "has none"})
    assert pytester.runpytest_inprocess(plugins=[policy]).ret == pytest.ExitCode.TESTS_FAILED
    assert list(policy.refused) == ["test_all.py"]


def test_run_fails_when_a_worker_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SKIPPING)
    assert pytester.runpytest_inprocess("-n1", plugins=[SkipPolicy({})]).ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.story("health/US-BE-32.1")
def test_policy_is_in_force_when_the_environment_says_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_it=SKIPPING)
    monkeypatch.setenv("CI", "true")
    assert pytester.runpytest_inprocess("-p", "tests.plugins.skips").ret == pytest.ExitCode.TESTS_FAILED
    monkeypatch.delenv("CI")
    assert pytester.runpytest_inprocess("-p", "tests.plugins.skips").ret == pytest.ExitCode.OK


def test_allowed_skips_are_refused_when_one_has_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "allowed_skips.toml"
    path.write_text('[[skip]]\ntest = "a"\nreason = "x"\n[[skip]]\ntest = "tests/b.py::*"\nreason = " "\n')
    with pytest.raises(ValueError, match=r"tests/b\.py::\* has no reason"):
        read_allowed(path)


def test_allowed_skips_have_reasons_in_this_repository() -> None:
    assert all(read_allowed(ALLOWED).values())
