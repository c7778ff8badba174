"""What no request can make up: what a mail brought, whose session it is, an id that somebody has."""

from __future__ import annotations

from typing import Final

from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from tests.integration.agent.accounts.house import ANN, EVE, Caller, House

OTHER: Final = NewUser(email="other@example.org", name="Other", role=Role.ADMIN)
"""Whom administrators deal with; and none of the others is the last administrator."""


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
    if path.startswith("/api/v1/users/invitations"):
        said = await caller.post("/users/invitations", {"email": "guest@example.net", "name": "Guest"})
        return str(said.body["id"])
    return (await house.sign_in(OTHER)).id
