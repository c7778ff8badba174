"""Every example of the API's description is sent, as somebody who may, and answered as the description says."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest

from bridge.contracts.operation import Role, User
from docs.generate import application
from gateway.web.described import Description
from gateway.web.openapi import FILE, described_routes
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the appliance

DOCUMENT: Final[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
ROUTES: Final = described_routes(application())
_FOR_ADMINS: Final = frozenset({Role.ADMIN})
_ELSEWHERE: Final = "/metrics"
"""For listed networks alone, and no JSON: tests/unit/gateway/web/test_health.py."""


async def somebody(house: House, description: Description) -> Caller:
    principal = description.operation.principal if description.operation else None
    is_for_admins = isinstance(principal, User) and principal.roles == _FOR_ADMINS
    return await house.sign_in(EVE if is_for_admins else ANN)


async def token_for(house: House, name: str, caller: Caller) -> str:
    """Return what a mail brings in place of the example's token."""
    match name:
        case "accounts.confirm_address":
            await caller.post("/users/email", {"new_email": "new@example.net", "password": "Correct horse 1"})
            return await house.link("new@example.net")
        case "accounts.reset_password":
            await house.nobody.post("/auth/reset-password/request", {"email": ANN.email})
            return await house.link(ANN.email)
        case _:
            eve = await house.sign_in(EVE)
            await eve.post("/users/invitations", {"email": "guest@example.net", "name": "Guest"})
            return await house.link("guest@example.net")


async def id_for(house: House, path: str, caller: Caller) -> str:
    if path.startswith("/api/v1/users/sessions"):
        return str((await caller.get("/users/sessions")).body["items"][0]["id"])
    return (await house.sign_in(BOB)).id


def validator(path: str, method: str, status: int) -> Any:  # noqa: ANN401 - the library's own
    said = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]
    schema = said["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


@pytest.mark.story("water/FR-091")
@pytest.mark.story("water/SC-022")
@pytest.mark.parametrize(
    ("method", "path"), sorted(key for key in ROUTES if key[1] != _ELSEWHERE), ids=lambda part: part
)
async def test_example_is_answered_as_described_when_it_is_sent(house: House, method: str, path: str) -> None:
    description = ROUTES[method, path]
    name = description.name or (description.operation.name if description.operation else "")
    caller = await somebody(house, description)
    body = dict(description.example) if description.example is not None else None
    if body and "token" in body:
        body["token"] = await token_for(house, name, caller)
    if body and "refresh_token" in body:
        body["refresh_token"] = caller.tokens["refresh_token"]
    target = path.replace("{id}", await id_for(house, path, caller)) if "{id}" in path else path
    query = "&".join(f"{key}={value}" for key, value in description.example_query.items())

    said = await caller.ask(method, f"{target}?{query}" if query else target, body)

    assert said.status == description.status, said
    if description.status != 204:
        validator(path, method, said.status).validate(said.body)
    else:
        assert said.body is None


async def test_body_has_an_example_when_a_route_takes_one() -> None:
    assert [path for (_, path), each in ROUTES.items() if each.body is not None and each.example is None] == []
