"""The argument specs tell of every variable that a role or an owner can set, and of none that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.unit_files import ROOT

FOLDER: Final = ROOT / "ansible"
ROLES: Final = sorted(path.parents[1].name for path in FOLDER.glob("roles/*/meta/argument_specs.yml"))
DERIVED: Final = {"drawbridge_collector", "drawbridge_oidc_servers", "drawbridge_other", "drawbridge_relay_targets"}
"""What group_vars/all.yml makes of the inventory, beside what roles ask for."""
OF_A_ROLE: Final = {"units_answering", "units_source", "units_talking"}
"""Names for what a role works out, which nobody sets."""
NO_VARIABLES: Final = {"drawbridge_agent", "drawbridge_owner", "drawbridge_source", "drawbridge_store"}
"""PostgreSQL's roles and database."""


def loaded(path: Path) -> Any:  # noqa: ANN401 - whatever it is
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = loaded(FOLDER / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"].values()
    return {name: option for spec in specs for name, option in spec["options"].items()}


def texts(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in {".yml", ".j2"} and path.name != "argument_specs.yml":
            yield path.read_text("utf-8")


def tasks(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        for part in ("block", "rescue", "always"):
            yield from tasks(entry.get(part, []))


def test_every_role_has_its_argument_specs() -> None:
    assert sorted(path.name for path in (FOLDER / "roles").iterdir()) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_variable_is_told_of_when_its_role_has_a_default_for_it(role: str) -> None:
    defaults = loaded(FOLDER / "roles" / role / "defaults" / "main.yml")
    assert defaults.keys() - options(role).keys() - OF_A_ROLE == set()


@pytest.mark.parametrize("role", ROLES)
def test_default_is_the_one_that_is_told_when_a_role_has_one(role: str) -> None:
    told = {name: option["default"] for name, option in options(role).items() if "default" in option}
    for name, default in loaded(FOLDER / "roles" / role / "defaults" / "main.yml").items():
        written = re.fullmatch(r"\{\{ drawbridge_\w+ \| default\((.*)\) \}\}", str(default))
        value = yaml.safe_load(written[1]) if written else default
        if name in told and "{" not in str(value).replace("{}", ""):
            assert value == told[name], name


@pytest.mark.parametrize("role", ROLES)
def test_variable_is_read_when_it_is_told_of(role: str) -> None:
    everything = "\n".join(texts(FOLDER)) + "\n".join(texts(ROOT / "nginx"))
    plugins = "\n".join(path.read_text("utf-8") for path in FOLDER.rglob("*.py"))
    unread = [name for name in options(role) if not re.search(rf"\b{name}\b", everything + plugins)]
    assert unread == []


@pytest.mark.parametrize("role", ROLES)
def test_option_says_what_it_is_for_and_hides_what_is_secret(role: str) -> None:
    for name, option in options(role).items():
        assert option["description"], name
        assert option["type"], name
        is_secret = re.search(r"(secret|secrets|password|identity)$", name) and name != "nginx_lan_identity"
        assert bool(option.get("no_log")) is bool(is_secret), name


def test_setting_of_the_owner_is_told_of_when_the_playbook_reads_it() -> None:
    read = {name for text in texts(FOLDER) for name in re.findall(r"\bdrawbridge_[a-z0-9_]+\b", text)}
    given = {name for role in ROLES for name in options(role)}
    assert read - given - DERIVED - NO_VARIABLES == set()


def test_setting_of_the_owner_is_told_of_once_among_the_inventorys() -> None:
    of_others = {
        name for role in ROLES if role != "inventory" for name in options(role) if name.startswith("drawbridge_")
    }
    assert of_others - options("inventory").keys() <= {"drawbridge_side", "drawbridge_peer"}


@pytest.mark.parametrize("role", ROLES)
def test_secret_is_in_no_log_when_a_task_writes_it(role: str) -> None:
    for path in (FOLDER / "roles" / role / "tasks").glob("*.yml"):
        for task in tasks(loaded(path) or []):
            copied = task.get("ansible.builtin.copy", {})
            secret_places = r"/etc/drawbridge/(credentials|backup/identity)|/var/lib/drawbridge/(gateway|pki)/"
            if "content" in copied and re.match(secret_places, copied["dest"]):
                assert task["no_log"] is True, task["name"]
                assert copied["mode"].startswith(("06", "{{")), task["name"]


def test_most_that_can_be_lost_is_what_the_store_is_told_when_a_guide_promises_it() -> None:
    seconds = loaded(FOLDER / "roles/backup/defaults/main.yml")["backup_archive_timeout_s"]
    template = (FOLDER / "roles/backup/templates/postgresql.conf.j2").read_text("utf-8")
    assert "archive_timeout = {{ backup_archive_timeout_s }}" in template
    assert f"written in the last {seconds} s" in (ROOT / "docs/backup.md").read_text("utf-8")
    assert seconds == 30, "docs/recover.md says: the last half minute"
    unit = (ROOT / "systemd/store/50-drawbridge.conf").read_text("utf-8")  # test_restore.py of the backups says why
    assert re.search(r"^ExecStartPost=-\S+/pg_ctlcluster --skip-systemctl-redirect %i reload$", unit, re.MULTILINE)
