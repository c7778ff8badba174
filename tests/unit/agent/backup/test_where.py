"""The archiver reads the settings without pydantic, and must read the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

from agent.backup.where import Where
from agent.settings import Backup

ROOT = Path(__file__).parents[4]


def test_where_has_the_defaults_of_the_settings() -> None:
    defaults = {field.name: field.default for field in fields(Where) if field.default is not MISSING}
    assert defaults == {name: Backup.model_fields[name].default for name in defaults}


def test_where_reads_every_key_that_it_has(tmp_path: Path) -> None:
    values = {field.name: f"/there/{field.name}" for field in fields(Where)}
    file = tmp_path / "agent.toml"
    file.write_text("[backup]\n" + "".join(f'{key} = "{value}"\n' for key, value in values.items()))
    where = Where.read(file)
    assert {field.name: str(getattr(where, field.name)) for field in fields(Where)} == values


def test_archiver_imports_nothing_heavy() -> None:
    program = "import sys, agent.backup.archive; print('pydantic' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout == "False False\n"
