"""What attackers' tools send, through the real gateway to the real agent and its databases, as somebody signed in."""

from __future__ import annotations

import re

import pytest

from bridge.contracts.operation import Role
from tests.integration.agent.authorization.front import Front
from tests.integration.agent.authorization.stage import MARK
from tests.replays.attacks import INJECTING, Attack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the agent

_SAID = re.compile(rb"syntax error|asyncpg|postgres|psycopg|traceback|root:x:0:0", re.IGNORECASE)


@pytest.mark.story("health/US-BE-08.3", "health/US-BE-41.3", "todo/EC.4", "todo/FR-015")
@pytest.mark.parametrize("attack", INJECTING, ids=lambda attack: attack.name)
async def test_attack_is_answered_as_any_wrong_request_when_somebody_signed_in_tries_it(
    front: Front, attack: Attack
) -> None:
    """No error of ours, nothing of anybody else's, no word of a database, and no page that holds what was sent."""
    token = await front.stage.sign_in(await front.stage.account(Role.VIEWER, person="p-2"))
    wrong = []
    for request in attack.requests:
        answered = await front.send(request.target, token)
        page = await front.send(request.target, accept="text/html")
        is_refused = answered.status < 500 and page.status < 500
        is_silent = not any(_SAID.search(each.body) or MARK.encode() in each.body for each in (answered, page))
        is_escaped = b"<script>alert" not in page.body and b"<img src=x" not in page.body
        if not (is_refused and is_silent and is_escaped):
            wrong.append((request.target, answered.status, page.status))
    assert wrong == []
    assert await front.stage.records() == 2
