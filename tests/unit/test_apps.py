"""An app is three places with one name, and known to both machines: what a new one must not forget."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from agent.apps import APPS
from bridge import contracts
from bridge.contracts.operation import CacheRule, Lane
from gateway.bridging import cache_rules
from gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]

every_app = pytest.mark.parametrize("app", APPS)


def folders(path: str) -> list[str]:
    return sorted(folder.parent.name for folder in (ROOT / path).glob("*/__init__.py"))


def imported(path: str) -> set[str]:
    """Return the full names that a module imports."""
    return {
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_apps_are_the_same_on_both_machines() -> None:
    assert list(APPS) == folders("agent/apps") == folders("gateway/apps")
    assert "health" in APPS


@every_app
def test_app_is_put_in_on_both_machines(app: str) -> None:
    assert f"agent.apps.{app}" in imported("agent/app.py")
    assert f"gateway.apps.{app}" in imported("gateway/app.py")


@pytest.mark.story("hub/IH-017.1")
@every_app
def test_app_has_a_contract_whose_operations_carry_its_name(app: str) -> None:
    operations = [name for name in contracts.OPERATIONS if name.startswith(f"{app}.")]
    declared = getattr(contracts, app).OPERATIONS
    assert operations == [operation.name for operation in declared]
    assert operations


def test_operations_of_no_app_are_those_of_accounts_and_of_the_machines() -> None:
    owners = {name.partition(".")[0] for name in contracts.OPERATIONS}
    assert owners - {*APPS} == {"accounts", "audit", "users", "system"}
    assert all(operation.lane is Lane.DATA for name, operation in contracts.OPERATIONS.items() if name.startswith(APPS))


@pytest.mark.story("health/US-BE-45.6")
def test_every_cache_rule_is_a_setting_and_the_contracts_by_default() -> None:
    declared: dict[str, CacheRule] = {
        name: operation.cache for name, operation in contracts.OPERATIONS.items() if operation.cache is not None
    }
    assert dict(cache_rules(GatewaySettings().bridge.cache)) == declared
