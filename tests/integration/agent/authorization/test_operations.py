"""Every operation of the contracts, called over the real bridge by everybody who might try.

Nothing here names an operation that must be guarded: a new one is walked by being declared. What nobody has to sign in
for is listed, with its reason.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import pytest
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Anonymous, Effect, Machine, Operation, Role, User
from bridge.errors import Code
from tests.examples import naming
from tests.integration.agent.authorization.stage import (
    ANNS_ADDRESS,
    ANNS_MOMENT,
    ANNS_RECORD,
    ANNS_ZONE,
    BAD_TOKENS,
    MARK,
    Stage,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the agent

OPEN: Final = {
    "accounts.accept_invitation": "brings a link's token, which was mailed to who was invited",
    "accounts.begin_oidc": "says where to sign in, and tells of nobody",
    "accounts.confirm_address": "brings a link's token, which was mailed to the address",
    "accounts.finish_oidc": "brings a code of the sign-in service, which is how one comes by a session",
    "accounts.refresh": "brings a refresh token, which is what proves the session",
    "accounts.register": "is how one comes by an account, where that is switched on",
    "accounts.request_reset": "mails a link to whose address it is, and tells nobody whether there is an account",
    "accounts.reset_password": "brings a link's token, which was mailed to the account",
    "accounts.sign_in": "is how one comes by a session",
}
"""Operations for everybody, and why."""

_OF_RECORDS: Final = (f"{MARK} ache".encode(), str(ANNS_RECORD).encode())
_OF_ACCOUNT: Final = (ANNS_MOMENT.encode(), ANNS_ZONE.encode(), ANNS_ADDRESS.encode())
_NO_SESSION: Final = frozenset({Code.UNAUTHENTICATED, Code.SESSION_ENDED})
_OF_USERS: Final = {name: each for name, each in OPERATIONS.items() if isinstance(each.principal, User)}
_OF_MACHINES: Final = {name: each for name, each in OPERATIONS.items() if isinstance(each.principal, Machine)}


def _roles(operation: Operation[Any, Any]) -> frozenset[Role]:
    assert isinstance(operation.principal, User)
    return operation.principal.roles


async def test_operations_for_everybody_are_those_with_a_reason() -> None:
    assert {name for name, each in OPERATIONS.items() if isinstance(each.principal, Anonymous)} == OPEN.keys()


async def test_users_operations_are_open_to_a_role_when_they_are_declared() -> None:
    assert [name for name, each in _OF_USERS.items() if not _roles(each)] == []


@pytest.mark.story("health/US-BE-41.2")
@pytest.mark.story("hub/AC-048")
@pytest.mark.story("water/FR-061")
@pytest.mark.story("todo/FR-013")
@pytest.mark.parametrize("bad", ["", *BAD_TOKENS])
async def test_users_operation_is_refused_when_the_token_is_no_good(walked: Stage, bad: str) -> None:
    token = walked.tokens[bad] if bad else ""
    with walked.watching(*Effect) as reached:
        codes = {name: await walked.code(name, token) for name in _OF_USERS}
    assert {name: code for name, code in codes.items() if code not in _NO_SESSION} == {}
    assert reached == []


@pytest.mark.story("hub/AC-049", "water/FR-062", "water/FR-063", "hub/IH-019.3", "hub/DOD.14")
@pytest.mark.parametrize("role", list(Role))
async def test_users_operation_is_let_through_to_the_roles_that_it_is_declared_for(walked: Stage, role: Role) -> None:
    with walked.watching(*Effect) as reached:
        codes = {name: await walked.code(name, walked.tokens[role]) for name in _OF_USERS}
    allowed = {name for name, each in _OF_USERS.items() if role in _roles(each)}
    assert codes == {name: None if name in allowed else Code.FORBIDDEN for name in _OF_USERS}
    assert set(reached) == allowed


async def test_operation_is_refused_to_a_unit_that_it_is_not_declared_for(walked: Stage) -> None:
    """The monitor never carries a user's call, whatever token it has; neither unit calls what is the other's."""
    declared = {
        unit: {name for name, each in _OF_MACHINES.items() if unit in _units(each)} for unit in ("gateway", "monitor")
    }
    doors = {"gateway": walked.running.door, "monitor": walked.monitor}
    for unit, door in doors.items():
        foreign = OPERATIONS.keys() - declared[unit] if unit == "monitor" else _OF_MACHINES.keys() - declared[unit]
        with walked.watching(*Effect) as reached:
            codes = {name: await walked.code(name, walked.tokens["admin"], door=door) for name in sorted(foreign)}
            assert (codes, reached) == (dict.fromkeys(sorted(foreign), Code.FORBIDDEN), [])
            mine = [name for name in declared[unit] if not OPERATIONS[name].streams]
            assert [await walked.code(name, door=door) for name in mine] == [None] * len(mine)


def _units(operation: Operation[Any, Any]) -> frozenset[str]:
    assert isinstance(operation.principal, Machine)
    return operation.principal.units


async def _names(walked: Stage) -> tuple[object, ...]:
    """Return whatever Ann's things are called: accounts, sessions, records, places in lists."""
    token = await walked.sign_in(walked.ann)
    await walked.sign_in(walked.ann)
    session, email = await walked.session(walked.ann), await walked.email(walked.ann)
    names = [str(walked.ann), session, email, ANNS_RECORD, str(ANNS_RECORD), "p-1"]
    for operation in _OF_USERS.values():
        if Role.VIEWER in _roles(operation) and {"cursor", "limit"} <= operation.params.model_fields.keys():
            answer = await walked.answer(operation, operation.params.model_validate({"limit": 1}), token)
            assert isinstance(answer, bytes), answer
            names += filter(None, [from_json(answer)["next"]])
    return tuple(names)


async def _told(
    walked: Stage, operation: Operation[Any, Any], names: tuple[object, ...], marks: Collection[bytes], who: UUID
) -> list[BaseModel]:
    """Call with each name in each field; return what was sent where the answer held a mark that was not sent."""
    token = await walked.sign_in(who)
    sent, told = b"", []
    for params in naming(operation.params, names):
        sent += to_json(params)  # what a stranger calls themselves they may be told
        answer = await walked.answer(operation, params, token)
        if answer in _NO_SESSION:  # the call before ended it, as it should
            token = await walked.sign_in(who)
            answer = await walked.answer(operation, params, token)
        if isinstance(answer, bytes) and any(mark in answer and mark not in sent for mark in marks):
            told.append(params)
    return told


@pytest.mark.story("todo/SC-007")
@pytest.mark.parametrize("role", list(Role))
async def test_nothing_of_an_account_is_told_or_changed_when_somebody_else_names_it(walked: Stage, role: Role) -> None:
    """Each operation with each of Ann's ids in each field; what is for administrators alone is theirs to do.

    It is asked over the bridge, where whoever has taken the gateway may ask anything, with the sessions they come by.
    """
    names = await _names(walked)
    before = await walked.anns()
    told = []
    for operation in (each for each in _OF_USERS.values() if role in _roles(each)):
        is_admins = _roles(operation) == {Role.ADMIN}
        if is_admins and operation.effect is Effect.WRITE:
            continue
        # administrators see what strangers called themselves, in the list of accounts and in the audit trail
        unsaid = tuple(mark for mark in _OF_RECORDS if mark.decode() not in names)
        marks = unsaid if is_admins else _of_ann(names)
        for person in ("", "p-2"):
            stranger = await walked.account(role, person=person)
            told += [(operation.name, sent) for sent in await _told(walked, operation, names, marks, stranger)]
    assert told == []
    assert await walked.anns() == before


async def test_all_of_an_account_is_told_and_changed_when_its_owner_names_it(walked: Stage) -> None:
    """So that nobody else is told it for no want of asking."""
    names = await _names(walked)
    marks = _of_ann(names)
    mine = [each for each in _OF_USERS.values() if Role.VIEWER in _roles(each)]
    reads = [each for each in mine if each.effect is Effect.READ]
    told = {each.name for each in reads if await _told(walked, each, names, marks, walked.ann)}
    assert told == {each.name for each in reads}
    named = {each.name for each in mine if each.effect is Effect.WRITE and "id" in each.params.model_fields}
    changed = set()
    for name in named:
        token, before = await walked.sign_in(walked.ann), await walked.anns()
        for params in naming(OPERATIONS[name].params, names):
            await walked.answer(OPERATIONS[name], params, token)
        changed |= {name} if await walked.anns() != before else set()
    assert changed == named != set()


def _of_ann(names: tuple[object, ...]) -> tuple[bytes, ...]:
    """Return what an answer that tells of Ann has in it."""
    ids = (str(name).encode() for name in names[:3])
    return (*_OF_RECORDS, *_OF_ACCOUNT, MARK.encode(), MARK.lower().encode(), *ids)
