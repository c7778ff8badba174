"""What every operation of the bridge must hold, so that a new one cannot forget it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel, ValidationError

from bridge.contracts import OPERATIONS, audit, health, oidc
from bridge.contracts.accounts import CONFIRM_ADMIN, REFRESH, SIGN_OUT, Refresh, SignIn
from bridge.contracts.health import ListSymptoms, StatsOfSymptoms
from bridge.contracts.operation import EVERY_ROLE, Anonymous, Effect, Lane, Machine, Operation, User

ROOT: Final = Path(__file__).parents[4]

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@every_operation
def test_operation_is_named_app_thing_verb(operation: Operation[Any, Any]) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+){1,2}", operation.name)


@pytest.mark.story("tasks/US-BE-1.1.4")
def test_contracts_bring_no_database_when_they_are_imported() -> None:
    code = "import sys, bridge.contracts; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "bridge.contracts.users" in imported.split()
    assert not {"asyncpg", "agent", "aiohttp"} & set(imported.split())


@every_operation
def test_operation_says_who_may_call_it(operation: Operation[Any, Any]) -> None:
    principal = operation.principal
    assert (
        isinstance(principal, Anonymous)
        or (isinstance(principal, User) and principal.roles and principal.roles <= EVERY_ROLE)
        or (isinstance(principal, Machine) and principal.units)
    )


@every_operation
def test_operation_is_remembered_only_if_it_reads_for_somebody(operation: Operation[Any, Any]) -> None:
    if operation.cache is not None:
        assert operation.effect is Effect.READ
        assert not operation.issues_tokens
        assert operation.cache.tags


@every_operation
def test_operation_that_takes_credentials_has_its_own_lane(operation: Operation[Any, Any]) -> None:
    asks_a_provider = operation in oidc.OPERATIONS
    assert (operation.lane is Lane.PROVIDER) == asks_a_provider
    keeps_or_ends = operation in {REFRESH, SIGN_OUT, CONFIRM_ADMIN}
    assert (operation.lane is Lane.SESSIONS) == keeps_or_ends
    is_apart = asks_a_provider or keeps_or_ends
    assert (operation.lane is Lane.CREDENTIALS or is_apart) == operation.name.startswith("accounts.")
    assert (operation.lane is Lane.MACHINE) == isinstance(operation.principal, Machine)


@pytest.mark.story("health/US-BE-34.1", "hub/IH-018.1", "hub/IH-022.1", "todo/FR-010")
@every_operation
def test_parameters_refuse_what_they_do_not_know(operation: Operation[Any, Any]) -> None:
    params: type[BaseModel] = operation.params
    with pytest.raises(ValidationError) as invalid:
        params.model_validate({"surprise": 1})
    assert any(error["type"] == "extra_forbidden" for error in invalid.value.errors())


def test_sign_in_refuses_an_address_that_the_store_would_fail_at() -> None:
    with pytest.raises(ValidationError) as invalid:
        SignIn.model_validate({"email": "ann\x00@example.org", "password": "x"})
    assert invalid.value.errors()[0]["loc"] == ("email",)


@pytest.mark.parametrize("operation", [op for op in OPERATIONS.values() if op.issues_tokens], ids=lambda op: op.name)
def test_operation_that_issues_tokens_is_never_repeated(operation: Operation[Any, Any]) -> None:
    assert not operation.is_idempotent


def test_only_the_feed_streams() -> None:
    assert [name for name, operation in OPERATIONS.items() if operation.streams] == ["system.feed"]


@pytest.mark.parametrize("secret", [SignIn(email="a@example.org", password="p-4711"), Refresh(refresh_token="p-4711")])
def test_secrets_travel_and_show_nowhere_else(secret: BaseModel) -> None:
    assert "p-4711" in secret.model_dump_json()
    assert "4711" not in repr(secret)


def test_password_keeps_its_outer_spaces() -> None:
    assert SignIn.model_validate_json('{"email":" a@b ","password":" p "}').password.get_secret_value() == " p "


@pytest.mark.story("health/US-BE-34.2")
@pytest.mark.parametrize("model", [ListSymptoms, StatsOfSymptoms])
def test_filter_refuses_a_range_that_ends_before_it_begins(model: type[ListSymptoms]) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    assert model(start=start, end=start + timedelta(seconds=1)).start == start
    for end in (start, start - timedelta(days=1)):
        with pytest.raises(ValidationError, match="later than the start"):
            model(start=start, end=end)


@pytest.mark.story("health/US-BE-34.2", "health/US-BE-34.4")
@pytest.mark.parametrize(
    "wrong",
    [
        {"symptoms": [""]}, {"symptoms": ["a\x00b"]}, {"symptoms": ["a"] * 21}, {"limit": 0}, {"limit": 201},
        {"min_severity": 11}, {"start": "2026-05-01T00:00:00"}, {"sort": "id"}, {"text": "x" * 201},
    ],
)  # fmt: skip
def test_filter_refuses_what_no_question_needs(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ListSymptoms.model_validate(wrong)


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
def test_moment_is_refused_when_it_is_none_in_utc(said: str) -> None:
    """PostgreSQL is asked in UTC: it broke off there as a mistake of the agent's, logged with its traceback."""
    for operation, field in ((health.LIST, "start"), (health.LIST, "end"), (health.STATS, "end"), (audit.LIST, "end")):
        with pytest.raises(ValidationError) as refused:
            operation.params.model_validate_json(json.dumps({field: said}))
        assert [error["loc"] for error in refused.value.errors()] == [(field,)]
    moments = {
        (operation.name, name)
        for operation in OPERATIONS.values()
        for name, field in operation.params.model_fields.items()
        if "datetime" in str(field.annotation).lower() and "Ge(" not in str(field)
    }
    assert not moments
