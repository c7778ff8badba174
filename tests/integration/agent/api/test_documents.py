"""What the documents name for the platform, method by method: its path, its body, its answer.

Each row is sent as it stands there, and again under (or without) ``/api/v1``: either works. Where the answer is another
one than a document says, the row has its reason, which docs/api.md lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from docs.generate import DEVIATIONS
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House, Said
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the appliance

DAY_S: Final = 24 * 3600
OTHER: Final = NewUser(email="other@example.org", name="Other", role=Role.VIEWER)
PEOPLE: Final = {"viewer": ANN, "technician": BOB, "admin": EVE}
IN_THE_HOUSE: Final = {"X-Forwarded-For": "192.168.1.20"}
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
LOGIN: Final = {"email": ANN.email, "password": PASSWORD}
NEW: Final = {"email": "new@example.org", "username": "new-one", "password": "Another horse 2"}
MADE: Final = {"email": "made@example.org", "name": "Made", "password": "Another horse 2"}


@dataclass(frozen=True)
class Named:
    """A request that a document names, who sends it, and what it is answered with. ``{…}`` is put in by the test.

    ``holds`` are fields of the answer, ``is_all`` all there are. ``instead_of`` is what the document says, where that
    is another thing: then the row proves no requirement, and docs/api.md has the reason.
    """

    stories: tuple[str, ...]
    who: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    status: int
    holds: frozenset[str] = frozenset()
    is_all: bool = False
    says: Mapping[str, Any] | Callable[[Any], bool] | None = None
    instead_of: int | str | None = None


def named(*stories: str, **row: Any) -> Any:  # noqa: ANN401 - pytest's own
    each = Named(stories=stories, **row)
    name = f"{each.who} {each.method} {each.path} {each.status}"
    return pytest.param(each, marks=() if each.instead_of else pytest.mark.story(*stories), id=name)


ROLES_ABOVE: Final = ("nobody", 401), ("viewer", 403), ("technician", 403)
FOR_ADMINS: Final = (
    ("GET", "/users", None, "water/FR-040"), ("POST", "/users", MADE, "water/FR-041"),
    ("PUT", "/users/{other}", {"name": "Another"}, "water/FR-042"), ("DELETE", "/users/{other}", None, "water/FR-043"),
    ("GET", "/audit-logs", None, "water/FR-082"),
)  # fmt: skip
ENTRY: Final = frozenset({"user_id", "entity_type", "entity_id", "action", "old_values", "new_values", "timestamp"})

ROWS: Final = [
    named(
        "tasks/US-BE-1.2.3", who="nobody", method="POST", path="/api/v1/auth/register", body=NEW, status=201,
        holds=frozenset({"id", "email", "username", "created_at"}), is_all=True,
    ),
    named(
        "tasks/US-BE-1.2.4", who="nobody", method="POST", path="/api/v1/auth/register",
        body={**NEW, "email": "nobody", "username": "?"}, status=400,
        says=lambda said: {field["name"] for field in said["fields"]} == {"email", "username"},
    ),
    named(
        "tasks/US-BE-1.2.5", who="nobody", method="POST", path="/api/v1/auth/register",
        body={**NEW, "username": "{username}"}, status=409,
    ),
    named(
        "tasks/US-BE-1.2.5", who="nobody", method="POST", path="/api/v1/auth/register",
        body={**NEW, "email": ANN.email}, status=201, instead_of=409,
    ),
    named(
        "todo/US-2.1", "todo/FR-003", who="nobody", method="POST", path="/auth/register",
        body={"email": NEW["email"], "password": NEW["password"]}, status=201, instead_of="a token",
        says=lambda said: not {"token", "access_token"} & set(said),
    ),
    named(
        "todo/US-2.3", who="nobody", method="POST", path="/auth/register",
        body={"email": ANN.email, "password": NEW["password"]}, status=201, instead_of=400,
    ),
    named(
        "tasks/US-BE-1.4.1", "tasks/US-BE-1.3.1", "tasks/US-BE-1.3.2", "water/FR-001", "water/FR-003", "todo/US-2.2",
        who="nobody", method="POST", path="/api/v1/auth/login", body=LOGIN, status=200,
        holds=frozenset({"access_token", "refresh_token", "token_type", "expires_in"}),
        says=lambda said: (said["expires_in"], said["refresh_expires_in"]) == (DAY_S, 7 * DAY_S),
    ),
    named(
        "tasks/US-BE-1.4.3", "water/FR-004", "todo/US-2.4", who="nobody", method="POST", path="/auth/login",
        body={**LOGIN, "password": "Wrong horse 1"}, status=401,
    ),
    named(
        "water/FR-005", who="nobody", method="POST", path="/auth/refresh", body={"refresh_token": "{refresh_token}"},
        status=200, holds=frozenset({"access_token", "refresh_token"}),
    ),
    named("water/FR-006", who="viewer", method="POST", path="/auth/logout", body=None, status=204),
    named(
        "tasks/US-BE-1.5.2", who="nobody", method="POST", path="/api/v1/auth/reset-password/request",
        body={"email": ANN.email}, status=200, says={"message": "Reset email sent"},
    ),
    named(
        "tasks/US-BE-1.5.3", who="nobody", method="POST", path="/api/v1/auth/reset-password/confirm",
        body={"token": "{reset}", "new_password": "Another horse 2"}, status=200,
        says={"message": "Password updated successfully"},
    ),
    named(
        "tasks/US-BE-1.5.4", who="nobody", method="POST", path="/api/v1/auth/reset-password/confirm",
        body={"token": "no-longer-good", "new_password": "Another horse 2"}, status=400,
    ),
    *(
        named(
            f"hub/IH-023.{number}", who=who, method=method, path=path, body=body, status=200, holds=holds,
        )
        for who in PEOPLE
        for number, method, path, body, holds in (
            (1, "GET", "/users/profile", None, frozenset({"email", "name", "role"})),
            (2, "PUT", "/users/profile", {"name": "Ann Other"}, frozenset({"email", "name", "role"})),
            (3, "GET", "/users/preferences", None, frozenset({"language", "time_zone", "units", "notifications"})),
            (4, "PUT", "/users/preferences", {"units": "imperial"}, frozenset({"language", "units"})),
        )
    ),
    named("hub/IH-024.1", who="nobody", method="GET", path="/health", body=None, status=200, says={"status": "ok"}),
    named("hub/IH-024.2", who="nobody", method="GET", path="/version", body=None, status=200),
    named(
        "hub/IH-024.3", who="nobody", method="GET", path="/metrics", body=None, status=200,
        says=lambda said: "gateway_" in said,
    ),
    named(
        "hub/IH-024.4", who="viewer", method="POST", path="/feedback",
        body={"topic": "The list", "message": "It is good."}, status=201, holds=frozenset({"id", "created_at"}),
    ),
    *(
        named(story, who=who, method=method, path=path, body=body, status=status)
        for method, path, body, story in FOR_ADMINS
        for who, status in ROLES_ABOVE
    ),
    named("water/FR-040", who="admin", method="GET", path="/users", body=None, status=200, holds=frozenset({"items"})),
    *(
        named(
            "water/FR-041", "water/FR-044", who="admin", method="POST", path="/users",
            body={**MADE, "role": role.value}, status=201, holds=frozenset({"id", "email", "role"}),
            says=lambda said, role=role: said["role"] == role,
        )
        for role in Role
    ),
    named(
        "water/FR-042", who="admin", method="PUT", path="/users/{other}", body={"role": "technician"}, status=200,
        says=lambda said: said["role"] == "technician",
    ),
    named("water/FR-043", who="admin", method="DELETE", path="/users/{other}", body=None, status=204),
    *(
        named("water/FR-100", who="admin", method=method, path=f"/users/{UNKNOWN}", body=body, status=404)
        for method, body in (("GET", None), ("PUT", {"name": "Nobody"}), ("DELETE", None))
    ),
    named(
        "water/FR-082", who="admin", method="GET", path="/audit-logs", body=None, status=200,
        holds=frozenset({"items", "limit", "next"}),
    ),
    named(
        "water/FR-081", who="admin", method="GET", path="/audit-logs", body=None, status=200,
        says=lambda said: bool(said["items"]) and set(said["items"][0]) >= ENTRY,
    ),
    *(
        named(
            "water/FR-083", who="admin", method="GET", path=f"/audit-logs?{query}", body=None, status=200,
            says=lambda said, finds=finds: bool(said["items"]) == finds,
        )
        for query, finds in (
            ("from=2020-01-01&to=2199-01-01", True), ("to=2020-01-01", False), ("user=eve@example.org", True),
            ("user=other@example.org&action=users.delete", False), ("entity_type=account", True),
            ("entity_type=none", False), ("action=accounts.sign_in", True), ("action=none", False),
        )
    ),
    named(
        "todo/FR-020", who="nobody", method="GET", path="/docs", body=None, status=200,
        says=lambda said: "<title>" in said,
    ),
]  # fmt: skip
OF_PAGES: Final = {"/docs", "/health", "/version", "/metrics"}
"""Named without ``/api/v1``, and only there."""


def paths_of(path: str) -> list[str]:
    """Return the path as it is named, and its other name."""
    if path in OF_PAGES:
        return [path]
    bare = path.removeprefix("/api/v1")
    return [path, bare if bare != path else f"/api/v1{path}"]


async def put_in(house: House, text: str) -> str:
    """Return the text with what only the appliance has in its braces."""
    found = {"{username}": "taken"}
    if "{other}" in text:
        found["{other}"] = (await house.sign_in(OTHER)).id
    if "{refresh_token}" in text:
        found["{refresh_token}"] = (await house.sign_in(ANN)).tokens["refresh_token"]
    if "{reset}" in text:
        await house.nobody.post("/auth/reset-password/request", {"email": ANN.email})
        found["{reset}"] = await house.link(ANN.email)
    for name, value in found.items():
        text = text.replace(name, value)
    return text


async def send(house: House, row: Named, path: str) -> Said:
    await house.people(ANN, BOB, EVE, OTHER)
    await house.run("UPDATE users SET username = 'taken' WHERE email = 'bob@example.org'")
    caller: Caller = await house.sign_in(PEOPLE[row.who]) if row.who in PEOPLE else house.nobody
    body = {name: await put_in(house, str(value)) for name, value in row.body.items()} if row.body else None
    return await caller.ask(row.method, await put_in(house, path), body, **IN_THE_HOUSE)


@pytest.mark.parametrize("row", ROWS)
async def test_request_is_answered_as_a_document_says_when_it_is_sent_as_it_stands_there(
    house: House, row: Named
) -> None:
    for path in paths_of(row.path):
        said = await send(house, row, path)
        assert said.status == row.status, (path, said)
        if row.holds:
            assert set(said.body) == row.holds if row.is_all else set(said.body) >= row.holds, path
        if callable(row.says):
            assert row.says(said.body), (path, said.body)
        elif row.says is not None:
            assert said.body == row.says, path


async def test_sign_in_tells_nobody_when_an_address_has_an_account(house: House) -> None:
    await house.people(ANN)
    wrong = {**LOGIN, "password": "Wrong horse 1"}
    known, unknown = [
        await house.nobody.post("/auth/login", wrong | more) for more in ({}, {"email": "no@example.org"})
    ]
    assert (known.status, known.body | {"request_id": ""}) == (unknown.status, unknown.body | {"request_id": ""})


async def test_answer_is_another_than_a_document_says_only_when_the_reason_is_listed() -> None:
    rows: list[Named] = [parameter.values[0] for parameter in ROWS]
    other = {row.stories[0] for row in rows if row.instead_of is not None}
    assert other == {story for stories, *_ in DEVIATIONS for story in stories.split()}
