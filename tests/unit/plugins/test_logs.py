from __future__ import annotations

import pytest

from tests.plugins import logs

SPEAKING = """
    import logging
    import pytest

    @pytest.mark.parametrize("level", ["warning", "debug"])
    @pytest.mark.parametrize("name", ["agent.mail", "aiohttp.access"])
    @pytest.mark.parametrize("said", ["tried Correct horse 1", "Bearer eyJhbGciOi.eyJzdWIi.c2ln", "signed_in"])
    def test_it(level, name, said):
        getattr(logging.getLogger(name), level)(said)
"""


def test_test_fails_when_a_line_of_ours_has_a_secret(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SPEAKING)
    result = pytester.runpytest_inprocess("-rE", plugins=[logs])
    result.assert_outcomes(passed=12, errors=2)
    result.stdout.fnmatch_lines(["*a secret is in the log*"])
    errors = {line for line in result.stdout.lines if line.startswith("ERROR ")}
    assert all("agent.mail-warning" in line and "signed_in" not in line for line in errors)
