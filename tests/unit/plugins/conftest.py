from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def inner_run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of pytest's runs within these tests what they do not need."""
    request.getfixturevalue("pytester")  # first: it clears the variable
    unused = ("anyio", "asyncio", "aiohttp", "schemathesis", "randomly", "timeout", "hypothesispytest", "cacheprovider")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{plugin}" for plugin in unused))
