"""How schemathesis reaches an appliance, as whom, and what it makes up where a format says more than a schema can."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, Final, Self

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from yarl import URL

from agent.accounts.users import NewUser
from bridge.contracts.operation import EVERY_ROLE, Role, User
from docs.generate import application
from gateway.web.api_description import FILE
from gateway.web.openapi import described_routes
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House
from tests.integration.agent.api.conftest import GRANT, hear_of_link

SCHEMA: Final = schemathesis.openapi.from_path(FILE)
OPERATIONS: Final = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
PEOPLE: Final[dict[str, NewUser | None]] = {"nobody": None, "viewer": ANN, "technician": BOB, "admin": EVE}
VICTIM: Final = NewUser(email="victim@example.org", name="Victim", role=Role.VIEWER)
"""Whom administrators deal with."""

SPARE: Final = NewUser(email="spare@example.org", name="Spare", role=Role.ADMIN)
"""So that no administrator is the last one."""

NO_SERVER: Final = "http://localhost"
IN_THE_HOUSE: Final = "192.168.1.20"
"""What nginx says of the client: a network that may read the metrics."""

load_all_checks()
DESCRIBED: Final[list[Any]] = [
    not_a_server_error,
    *(
        CHECKS.get_one(name)
        for name in (
            "status_code_conformance", "content_type_conformance", "response_headers_conformance",
            "response_schema_conformance",
        )
    ),
]  # fmt: skip

_YEARS: Final = {"min_value": date(1900, 1, 2), "max_value": date(2200, 12, 30)}
_PASSWORDS: Final = st.uuids().map(lambda drawn: f"Q {drawn.hex} z7")
FORMATS: Final = {
    "date": st.dates(**_YEARS).map(date.isoformat),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(year=1900 + moment.year % 301, day=min(moment.day, 28)).isoformat()
    ),
    "iana-time-zone": st.sampled_from(sorted(zoneinfo.available_timezones())),
    "password": _PASSWORDS,
    "email": st.from_regex(r"\A[a-z0-9.+-]{1,20}@[a-z0-9][a-z0-9.-]{0,20}[a-z0-9]\Z"),
}
for _name, _strategy in FORMATS.items():
    schemathesis.openapi.format(_name, _strategy)

_ROUTES: Final = described_routes(application())


def roles_of(label: str) -> frozenset[Role] | None:
    """Return who may call an operation, None where it is anybody."""
    method, _, path = label.partition(" ")
    operation = _ROUTES[method, path].operation
    principal = operation.principal if operation else None
    if not isinstance(principal, User):
        return None
    return principal.roles or EVERY_ROLE


def operation_of(label: str) -> str:
    """Return the name of the agent's operation that a route calls, or what the route is called."""
    method, _, path = label.partition(" ")
    said = _ROUTES[method, path]
    return said.name or (said.operation.name if said.operation else "")


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
        str(prepared.method), url, data=body, headers={**sent, "X-Forwarded-For": IN_THE_HOUSE}, allow_redirects=False
    ) as response:
        content = await response.read()
    names = {name.lower(): response.headers.getall(name) for name in response.headers}
    return Response(response.status, names, content, prepared, 0.0, verify=False)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


@dataclass
class Player:
    """Somebody who plays: ``caller`` signs in anew where a request ended the session, or the account."""

    house: House
    who: str
    caller: Caller

    @classmethod
    async def come(cls, house: House, who: str) -> Self:
        player = cls(house, who, house.nobody)
        await player.begin_again()
        return player

    async def begin_again(self) -> None:
        await self.house.people(ANN, BOB, EVE, VICTIM, SPARE)
        await self.house.run(GRANT)
        person = PEOPLE[self.who]
        self.caller = await self.house.sign_in(person) if person else self.house.nobody
        await hear_of_link(self.caller)

    async def send(self, case: schemathesis.Case[Any]) -> Response:
        said = await answer(self.house, case, self.caller.token)
        if said.status_code == 401 and self.caller.token:
            await self.begin_again()
            said = await answer(self.house, case, self.caller.token)
        return said
