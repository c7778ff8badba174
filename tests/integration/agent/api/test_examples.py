"""Every example of the API's description is sent, as somebody who may, and answered as the description says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest

from bridge.contracts.operation import EVERY_ROLE, Role, User
from docs.generate import application
from gateway.web.api_description import FILE
from gateway.web.openapi import described_routes
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House
from tests.integration.agent.api.conftest import GRANT, hear_of_link
from tests.integration.agent.api.known import OTHER, id_for, token_for

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the appliance

DOCUMENT: Final[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
ROUTES: Final = described_routes(application())
FROM_THE_HOUSE: Final = {"X-Forwarded-For": "192.168.1.20"}
"""What nginx says of the client: a network that may read the metrics."""

PEOPLE: Final = {Role.VIEWER: ANN, Role.TECHNICIAN: BOB, Role.ADMIN: EVE}


def cases() -> Iterator[tuple[str, str, Role]]:
    """Yield every route with each role that may call it."""
    for (method, path), description in sorted(ROUTES.items(), key=lambda item: item[0]):
        principal = description.operation.principal if description.operation else None
        roles = principal.roles if isinstance(principal, User) else EVERY_ROLE
        yield from ((method, path, role) for role in sorted(roles))


def validator(path: str, method: str, status: int) -> Any:  # noqa: ANN401 - the library's own
    said = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]
    schema = said["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


@pytest.mark.story(
    "water/FR-091", "water/SC-022", "health/US-BE-01.3", "health/US-BE-33.2", "hub/IH-027.4", "hub/DOD.5",
    "hub/DOD.18", "hub/AC-043", "todo/FR-014", "todo/SC-005", "water/US-5.4", "water/FR-100",
)  # fmt: skip
@pytest.mark.parametrize(("method", "path", "role"), [*cases()], ids=str)
async def test_example_is_answered_as_described_when_it_is_sent(
    house: House, method: str, path: str, role: Role
) -> None:
    description = ROUTES[method, path]
    name = description.name or (description.operation.name if description.operation else "")
    await house.people(ANN, BOB, EVE, OTHER)
    await house.run(GRANT)
    caller = await house.sign_in(PEOPLE[role])
    await hear_of_link(caller)
    body = dict(description.example) if description.example is not None else None
    if body and "token" in body:
        body["token"] = await token_for(house, name, caller)
    if body and "refresh_token" in body:
        body["refresh_token"] = caller.tokens["refresh_token"]
    target = path.replace("{id}", await id_for(house, path, caller)) if "{id}" in path else path
    query = "&".join(f"{key}={value}" for key, value in description.example_query.items())

    said = await caller.ask(method, f"{target}?{query}" if query else target, body, **FROM_THE_HOUSE)

    assert said.status == description.status, said
    if description.media_type != "application/json":
        assert isinstance(said.body, str)
    elif description.status != 204:
        validator(path, method, said.status).validate(said.body)
    else:
        assert said.body is None


@pytest.mark.story("health/US-BE-01.5")
async def test_body_has_an_example_when_a_route_takes_one() -> None:
    assert [path for (_, path), each in ROUTES.items() if each.body is not None and each.example is None] == []
