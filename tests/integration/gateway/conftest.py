from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.gateway.keep_and_door import Hosts, set_up


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Give both machines' folders; each question to the gateway is one to the keep."""
    monkeypatch.setattr("gateway.web.health._REPORT_KEPT_S", 0.0)
    return set_up(tmp_path)
