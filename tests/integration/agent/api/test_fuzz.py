"""schemathesis plays every described route, as everybody, with what the description lets in and with what it does not.

Nothing may be answered that is not described: no other status, body, header or type, and no fault of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from yarl import URL

from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from gateway.web.api_description import FILE
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House
from tests.integration.agent.api.conftest import GRANT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

SCHEMA: Final = schemathesis.openapi.from_path(FILE)
OPERATIONS: Final = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
PEOPLE: Final[dict[str, NewUser | None]] = {"nobody": None, "viewer": ANN, "technician": BOB, "admin": EVE}
VICTIM: Final = NewUser(email="victim@example.org", name="Victim", role=Role.VIEWER)
EXAMPLES: Final = 4
"""Of each mode, each route and each person: 240 requests a person, the same each time."""

NO_SERVER: Final = "http://localhost"

load_all_checks()
DESCRIBED: Final = [
    not_a_server_error,
    *(
        CHECKS.get_one(name)
        for name in (
            "status_code_conformance", "content_type_conformance", "response_headers_conformance",
            "response_schema_conformance",
        )
    ),
]  # fmt: skip
REFUSED: Final = CHECKS.get_one("negative_data_rejection")


async def answer(house: House, case: schemathesis.Case[Any], token: str) -> Response:
    """Send a case over the gateway's socket, byte for byte as requests would write it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    wanted = case.as_transport_kwargs(base_url=NO_SERVER, headers=headers)
    prepared = requests.Request(**wanted).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    skip = {"Content-Length", "Accept-Encoding", "Connection"}
    sent = {name: _text(value) for name, value in prepared.headers.items() if name not in skip}
    url = URL(str(prepared.url), encoded=True)
    async with house.http.request(
        str(prepared.method), url, data=body, headers=sent, allow_redirects=False
    ) as response:
        content = await response.read()
    names = {name.lower(): response.headers.getall(name) for name in response.headers}
    return Response(response.status, names, content, prepared, 0.0, verify=False)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


@pytest.mark.story("health/US-BE-33.1", "hub/DOD.18")
async def test_every_route_is_played() -> None:
    assert len(OPERATIONS) == sum(map(len, SCHEMA.raw_schema["paths"].values()))


def player(
    house: House,
    strategy: SearchStrategy[schemathesis.Case[Any]],
    checks: list[Any],
    token: str,
    loop: asyncio.AbstractEventLoop,
) -> Callable[[], None]:
    """Return what plays some cases, the same each time, from a thread of its own."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def play(case: schemathesis.Case[Any]) -> None:
        said = asyncio.run_coroutine_threadsafe(answer(house, case, token), loop).result(10)
        case.validate_response(said, checks=checks)

    return play


@pytest.mark.story(
    "health/US-BE-01.4", "health/US-BE-05.1", "health/US-BE-29.1", "health/US-BE-33.3", "health/US-BE-38.5",
    "hub/IH-018.2", "hub/IH-022.1", "hub/IH-027.4", "hub/DOD.7", "hub/DOD.19", "hub/AC-043", "hub/AC-044",
    "hub/AC-045", "todo/US-4.1", "todo/FR-010", "todo/FR-014", "todo/SC-005", "todo/SC-008", "water/EC.3",
    "water/FR-100", "water/FR-101",
)  # fmt: skip
@pytest.mark.parametrize("who", PEOPLE)
async def test_route_answers_as_described_when_anything_is_sent(house: House, who: str) -> None:
    loop = asyncio.get_running_loop()
    wrong: list[str] = []
    for operation in OPERATIONS:
        label = operation.label
        await house.people(ANN, BOB, EVE, VICTIM)
        await house.run(GRANT)
        person = PEOPLE[who]
        caller = await house.sign_in(person) if person else house.nobody
        victim = (await house.sign_in(VICTIM)).id if "/users/{id}" in label else ""
        given_path: Any = {"path_parameters": {"id": victim}} if victim else {}
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                continue
            strategy = operation.as_strategy(generation_mode=mode, **given_path)
            checks = [*DESCRIBED, REFUSED] if mode is GenerationMode.NEGATIVE else DESCRIBED
            play = player(house, strategy, checks, caller.token, loop)
            try:
                await asyncio.to_thread(play)
            except BaseExceptionGroup as error:
                wrong.append(f"{label} {mode.value}: " + "\n".join(map(str, error.exceptions)))
            except AssertionError as error:
                wrong.append(f"{label} {mode.value}: {error}")
    assert wrong == [], "\n".join(wrong)
