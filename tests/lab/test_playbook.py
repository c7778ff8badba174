"""What Ansible's linter says of the playbook."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab.shell import PROJECT, run


@pytest.mark.usefixtures("idle")
@pytest.mark.timeout(180, func_only=True)
def test_playbook_is_clean_when_ansible_lint_holds_it_to_its_production_profile() -> None:
    programs = f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"  # it starts Ansible's
    lint = (sys.executable, "-m", "ansiblelint", "--profile=production", "--offline", "--nocolor", "site.yml")
    said = run("env", f"--chdir={PROJECT}/ansible", programs, *lint, timeout_s=170)
    assert "Passed: 0 failure(s), 0 warning(s)" in said, said
