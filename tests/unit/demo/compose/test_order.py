"""In which order compose.yaml starts the containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[4]


@pytest.mark.story("health/US-BE-25.1")
def test_containers_start_after_what_they_depend_on_when_all_are_asked_for() -> None:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    conditions = {
        (name, before): said["condition"].removeprefix("service_")
        for name, service in services.items()
        for before, said in service.get("depends_on", {}).items()
    }
    assert conditions == {
        ("migrate", "postgresql"): "started",
        ("agent", "setup"): "completed_successfully",
        ("agent", "migrate"): "completed_successfully",
        ("gateway", "agent"): "started",
        ("nginx", "gateway"): "started",
    }
