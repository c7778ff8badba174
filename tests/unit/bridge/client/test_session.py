from __future__ import annotations

from typing import Any

import pytest

from bridge.client.http1 import Head
from bridge.client.session import AnswerRefused, Message, SignedSession
from bridge.client.transport import Response
from bridge.errors import Code, error_for
from bridge.problem import problem_json
from bridge.process.clock import SystemClock
from bridge.signing import SigningKey, Step, sign_response
from tests.bridge_pair import FixedKeys
from tests.clocks import HurriedClock, TurnedClock


class ForgetfulAgent:
    """A transport to an agent that never stops asking for its boot id."""

    def __init__(self, keys: FixedKeys) -> None:
        self._key = keys.response_key(keys.key_id)
        self.asked = 0

    async def exchange(self, _path: str, headers: dict[str, str], _body: bytes) -> Response:
        self.asked += 1
        assert self._key is not None
        body = problem_json(error_for(Code.BOOT_UNKNOWN))
        signature = headers["signature"].removeprefix("b=:").removesuffix(":").encode()
        signed = sign_response(
            key=self._key, status=401, content_type="application/problem+json", body=body, boot=f"boot-{self.asked:04}",
            next_cursor="", request_signature=signature, created=0,
        )  # fmt: skip
        return Response(Head(401, signed, keep_alive=True), body)


async def test_session_gives_up_when_the_agent_asks_for_its_boot_id_again_and_again() -> None:
    keys = FixedKeys()
    transport: Any = ForgetfulAgent(keys)
    session = SignedSession(authority="agent", keys=keys, clock=SystemClock())
    answer = await session.exchange(transport, Message("test.add", b"{}"))
    assert answer.status == 401
    assert transport.asked == 3


async def test_session_sends_nothing_when_it_could_not_verify_the_answer() -> None:
    class OneWay(FixedKeys):
        def response_key(self, key_id: str) -> SigningKey | None:
            return None

    transport: Any = ForgetfulAgent(FixedKeys())
    session = SignedSession(authority="agent", keys=OneWay(), clock=SystemClock())
    with pytest.raises(AnswerRefused) as refused:
        await session.exchange(transport, Message("test.add", b"{}"))
    assert refused.value.step is Step.KEYID
    assert transport.asked == 0


async def test_session_knows_the_agents_time_when_its_own_clock_is_set() -> None:
    clock, transport = HurriedClock(), ForgetfulAgent(keys := FixedKeys())
    session = SignedSession(authority="agent", keys=keys, clock=clock)
    assert session.agent_time() == clock.time()
    answering: Any = transport
    await session.exchange(answering, Message("test.add", b"{}"))
    clock.advance(5.0)
    TurnedClock.advance(clock, 172_800.0)  # the time of day alone
    assert session.agent_time() == 5.0  # its answers say that it is 1970 there
