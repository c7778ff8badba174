"""Every operation of the contracts, called over the real bridge by everybody who might try.

Nothing here names an operation that must be guarded: a new one is walked by being declared. What nobody has to sign in
for is listed, with its reason.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from pydantic_core import to_json

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Anonymous, Effect, Machine, Operation, Role, User
from bridge.errors import Code
from tests.examples import naming
from tests.integration.agent.authorization.stage import ANNS_RECORD, BAD_TOKENS, MARK, Stage

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
_ALL_OF_ANN: Final = """
SELECT string_agg(line, chr(10) ORDER BY line) FROM (
    SELECT to_jsonb(u)::text FROM users u WHERE id = $1
    UNION ALL SELECT to_jsonb(s)::text FROM sessions s WHERE user_id = $1
    UNION ALL SELECT to_jsonb(g)::text FROM grants g WHERE user_id = $1
    UNION ALL SELECT to_jsonb(f)::text FROM feedback f WHERE user_id = $1
) AS rows (line)
"""
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
    with walked.watching(stop=True) as reached:
        codes = {name: await walked.code(name, token) for name in _OF_USERS}
    assert {name: code for name, code in codes.items() if code not in _NO_SESSION} == {}
    assert reached == []


@pytest.mark.story("hub/AC-049", "water/FR-062", "water/FR-063", "hub/IH-019.3", "hub/DOD.14")
@pytest.mark.parametrize("role", list(Role))
async def test_users_operation_is_let_through_to_the_roles_that_it_is_declared_for(walked: Stage, role: Role) -> None:
    with walked.watching(stop=True) as reached:
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
        with walked.watching(stop=True) as reached:
            codes = {name: await walked.code(name, walked.tokens["admin"], door=door) for name in sorted(foreign)}
            assert (codes, reached) == (dict.fromkeys(sorted(foreign), Code.FORBIDDEN), [])
            mine = [name for name in declared[unit] if not OPERATIONS[name].streams]
            assert [await walked.code(name, door=door) for name in mine] == [None] * len(mine)


def _units(operation: Operation[Any, Any]) -> frozenset[str]:
    assert isinstance(operation.principal, Machine)
    return operation.principal.units


async def _anns(walked: Stage) -> str:
    """Return everything that the store has of Ann, as text, but for what reading leaves."""
    return str(await walked.fetchval(_ALL_OF_ANN, walked.ann))


@pytest.mark.story("todo/SC-007")
@pytest.mark.parametrize("role", list(Role))
async def test_nothing_of_an_account_is_told_or_changed_when_somebody_else_names_it(walked: Stage, role: Role) -> None:
    """Each operation with each of Ann's ids in each field; what is for administrators alone is theirs to do."""
    await walked.sign_in(walked.ann)
    session = await walked.fetchval("SELECT id FROM sessions WHERE user_id = $1", walked.ann)
    email = await walked.fetchval("SELECT email FROM users WHERE id = $1", walked.ann)
    names = (str(walked.ann), str(session), email, ANNS_RECORD, str(ANNS_RECORD), "p-1")
    before = await _anns(walked)
    told = []
    for operation in (each for each in _OF_USERS.values() if role in _roles(each)):
        is_admins = _roles(operation) == {Role.ADMIN}
        if is_admins and operation.effect is Effect.WRITE:
            continue
        # administrators see what strangers called themselves, in the list of accounts and in the audit trail
        unsaid = tuple(mark for mark in _OF_RECORDS if mark.decode() not in names)
        marks = unsaid if is_admins else (*_OF_RECORDS, MARK.encode(), MARK.lower().encode())
        for person in ("", "p-2"):
            stranger = await walked.account(role, person=person)
            token = await walked.sign_in(stranger)
            sent = b""
            for params in naming(operation.params, names):
                sent += to_json(params)  # what a stranger calls themselves they may be told
                answer = await walked.answer(operation, params, token)
                if answer in _NO_SESSION:  # the call before ended it, as it should
                    token = await walked.sign_in(stranger)
                    answer = await walked.answer(operation, params, token)
                if isinstance(answer, bytes) and any(mark in answer and mark not in sent for mark in marks):
                    told.append((operation.name, params))
    assert told == []
    assert await _anns(walked) == before
