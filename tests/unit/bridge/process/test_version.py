from __future__ import annotations

import tomllib
from pathlib import Path

import bridge
from bridge.process.version import VERSION


def test_version_is_the_projects_when_released() -> None:
    project = Path(bridge.__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == VERSION
