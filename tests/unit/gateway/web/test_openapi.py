"""The API's description: of every route, whole, and served."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Machine
from docs.generate import application
from gateway.settings import GatewaySettings
from gateway.web.api_description import FILE
from gateway.web.assets import STATIC
from gateway.web.described import description_of
from gateway.web.openapi import described_routes, document_of
from tests.gateway_door import Door, open_door

NOT_CALLED_BY_CLIENTS = {"accounts.confirm_admin", "accounts.begin_oidc", "accounts.finish_oidc"}
"""Asked by the gateway for its own pages; the last two on a browser's way to the sign-in service and back."""

UNDESCRIBED = {
    "/auth/oidc": "a browser's way to the sign-in service",
    "/auth/oidc/callback": "its way back",
    "/auth/refresh": "by GET: a browser on its way to a page",
    "/csp-reports": "for browsers alone",
    "/docs": "a page: this description",
    "/health/keep": "for programs of the door itself",
    "/health/keep/taken": "for programs of the door itself",
    "/sign-in": "a page",
    "/static/{name}": "the look of the pages",
    "/status": "a page",
    "/status/bans/lift": "a page's form",
    "/status/events": "what a page shows live",
}
"""Routes outside of ``pages`` that say nothing of themselves, and why."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(application())


def every_operation(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.story("water/FR-090", "water/SC-009", "health/US-BE-01.5", "hub/DOD.8", "water/US-5.1")
def test_route_is_described_or_has_a_reason_when_the_gateway_serves_it() -> None:
    routes = [route for route in Door(GatewaySettings()).app.router.routes() if route.resource is not None]
    silent = {
        route.resource.canonical
        for route in routes
        if route.resource and description_of(route.handler) is None and not is_of_pages(route.handler)
    }
    assert silent == UNDESCRIBED.keys(), "say @described(…) beside the handler"


def is_of_pages(handler: object) -> bool:
    """Whether a module ``pages``, or one in a folder of that name, has it: for browsers, which need no description."""
    return "pages" in str(getattr(handler, "__module__", "")).split(".")


def test_operation_of_the_contracts_is_described_when_clients_can_call_it(document: dict[str, Any]) -> None:
    named = {
        description.operation.name for description in described_routes(application()).values() if description.operation
    }
    wanted = {name for name, each in OPERATIONS.items() if not isinstance(each.principal, Machine)}
    assert wanted - named == NOT_CALLED_BY_CLIENTS


def test_reference_leads_somewhere_when_it_is_followed(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found: Any = document
        for step in reference.split("/"):
            found = found[step]
        assert found


def test_operation_has_a_name_of_its_own_when_it_is_described(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in every_operation(document)]
    assert all(names)
    assert len(names) == len(set(names))


def test_refusal_is_a_problem_when_it_is_described(document: dict[str, Any]) -> None:
    responses = document["components"]["responses"]
    assert {"400", "401", "403", "404", "409", "413", "415", "429", "500", "503", "504"} == responses.keys()
    assert all([*each["content"]] == ["application/problem+json"] for each in responses.values())
    assert all("Retry-After" in responses[status]["headers"] for status in ("429", "503"))


@pytest.mark.story("water/FR-093", "water/US-5.3")
def test_operation_needs_a_token_when_its_contract_wants_an_account(document: dict[str, Any]) -> None:
    for name, said in every_operation(document):
        assert "401" in said["responses"] or not said["security"], name
    bearer = document["components"]["securitySchemes"]["bearer"]
    assert bearer["bearerFormat"] == "JWT"
    assert "`POST /api/v1/auth/login`" in bearer["description"]


def test_change_shows_its_edition_when_it_takes_one(document: dict[str, Any]) -> None:
    change = document["paths"]["/api/v1/users/profile"]["put"]
    assert [each["name"] for each in change["parameters"]] == ["If-Match"]
    assert change["responses"]["412"]["content"]["application/json"]["schema"]["$ref"].endswith("/Profile")


def test_parameter_has_the_name_that_clients_write_when_its_field_has_another(document: dict[str, Any]) -> None:
    names = [each["name"] for each in document["paths"]["/api/v1/health/symptoms"]["get"]["parameters"]]
    assert {"symptom", "from", "to", "time_zone"} <= {*names}
    assert not {"symptoms", "start", "end"} & {*names}


def test_path_is_said_once_when_its_handler_has_several(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") or path.count("/") <= 2 for path in document["paths"])
    assert "/users/profile" not in document["paths"]


@pytest.mark.story("hub/DOD.8")
async def test_description_is_served_as_it_is_kept() -> None:
    async with open_door() as door:
        tags = []
        for path in ("/api/v1/openapi.json", "/openapi.json"):
            async with door.client.get(path) as response:
                assert response.status == 200
                assert await response.read() == FILE.read_bytes()
                assert response.content_type == "application/json"
                tags.append(response.headers["ETag"])
        async with door.client.get("/api/v1/openapi.json", headers={"If-None-Match": tags[0]}) as response:
            assert response.status == 304


@pytest.mark.story("water/FR-092", "todo/FR-020", "todo/SC-004", "water/US-5.1")
async def test_page_of_the_api_loads_assets_of_its_own_alone() -> None:
    async with open_door() as door:
        async with door.client.get("/docs") as response:
            assert response.status == 200
            page = await response.text()
        found = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert all(path.startswith("/") for path in found)
        assets = [path for path in found if path.startswith("/static/")]
        assert len(assets) >= 4
        for path in assets:
            async with door.client.get(path) as response:
                assert response.status == 200
                assert "immutable" in response.headers["Cache-Control"]
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=", page)


def test_style_sheet_of_the_api_names_no_picture_when_the_policy_lets_none_in() -> None:
    assert "url(" not in (STATIC / "swagger-ui.css").read_text("utf-8").replace("url(#", "")


def test_route_is_skipped_when_it_says_nothing() -> None:
    async def silent(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/silent", silent)
    assert described_routes(app) == {}


async def test_body_is_refused_when_a_type_is_not_the_described_one() -> None:
    async with open_door() as door:
        body = {"name": "Ann", "version": "1"}
        async with door.client.put("/api/v1/users/profile", json=body, headers=door.bearer()) as response:
            assert response.status == 400
            assert [each["name"] for each in (await response.json())["fields"]] == ["version"]


def test_link_leads_to_an_operation_that_takes_it_when_an_answer_has_one(document: dict[str, Any]) -> None:
    taken = {
        operation["operationId"]: {each["name"] for each in operation.get("parameters", ())}
        for _, operation in every_operation(document)
    }
    links = {
        name: link
        for label, operation in every_operation(document)
        for status, said in operation["responses"].items()
        for name, link in ((f"{label} {status} {name}", link) for name, link in said.get("links", {}).items())
    }
    assert {name for name, link in links.items() if not set(link["parameters"]) <= taken[link["operationId"]]} == set()
    paged = {label for label, each in every_operation(document) if "cursor" in taken[each["operationId"]]}
    assert {name.removesuffix(" 200 next") for name in links if name.endswith(" next")} == paged
