"""The agent's verification, met with messages that no honest gateway sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from bridge.client.transport import Endpoint, Response, Transport
from bridge.contracts.operation import Effect, Operation, User
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, Answer, BridgeServer, CallerContext
from bridge.signing import SignatureRefused, Step, content_digest, sign_request, verify_response
from tests.bridge_pair import NAME, TOKEN, TRACEPARENT, Certificates, FixedKeys, Numbers, Sum, agent
from tests.waiting import until

WRITE = Operation(name="test.write", params=Numbers, result=Sum, principal=User(), effect=Effect.WRITE)
ADD = Operation(name="test.add", params=Numbers, result=Sum, principal=User())
BOOT = "boot-0001"
BODY = b'{"a":1,"b":2}'
PATH = "/v1/test.add"


@dataclass
class Keep:
    """A running agent, a bare way to it, and what it carried out."""

    bridge: BridgeServer
    transport: Transport
    keys: FixedKeys
    carried_out: list[int]
    counter: Any

    def signed(self, *, body: bytes = BODY, path: str = PATH, **changes: object) -> dict[str, str]:
        values: dict[str, Any] = {
            "key": self.keys.request_key(), "authority": NAME, "path": path, "body": body,
            "authorization": f"Bearer {TOKEN}", "deadline_ms": 2000, "boot": BOOT, "idempotency_key": "",
            "traceparent": TRACEPARENT, "created": int(SystemClock.time()), "nonce": f"processA.{next(self.counter)}",
        }  # fmt: skip
        return sign_request(**{**values, **changes}).headers

    async def post(self, headers: dict[str, str], *, body: bytes = BODY, path: str = PATH) -> Response:
        return await self.transport.exchange(path, headers, body)

    def opened(self, headers: dict[str, str], response: Response) -> str:
        """Return the error code of a signed answer, '' for a result. Raises SignatureRefused where it is not signed."""
        verify_response(
            headers=response.head.headers,
            status=response.head.status,
            body=response.body,
            request_signature=headers["signature"].removeprefix("b=:").removesuffix(":").encode(),
            find_key=self.keys.response_key,
        )
        return str(json.loads(response.body).get("code", ""))


@pytest.fixture
async def keep(bridge_certificates: Certificates) -> AsyncIterator[Keep]:
    carried_out: list[int] = []

    async def add(_context: CallerContext, params: Numbers) -> Answer:
        if params.a < 0:
            await asyncio.Event().wait()
        carried_out.append(params.a + params.b)
        return Answer(b'{"sum":3}')

    keys = FixedKeys()
    async with agent({ADD: add, WRITE: add}, bridge_certificates, keys=keys) as running:
        transport = Transport(Endpoint("127.0.0.1", running.port, NAME), bridge_certificates.client)
        yield Keep(running.bridge, transport, keys, carried_out, count(1))
        await transport.close()


def refused_at(caplog: pytest.LogCaptureFixture) -> list[object]:
    return [
        record.drawbridge_fields["step"]  # type: ignore[attr-defined]  # put there by bridge.process.logs
        for record in caplog.records
        if record.message == "bridge_message_refused"
    ]


@pytest.mark.story("health/US-BE-43.2")
async def test_a_right_message_is_carried_out_and_its_answer_signed(keep: Keep) -> None:
    headers = keep.signed()
    assert keep.opened(headers, await keep.post(headers)) == ""
    assert keep.carried_out == [3]


@pytest.mark.story("health/US-BE-44.6", "health/US-BE-50.3")
async def test_an_altered_body_is_refused_and_logged_with_its_step(
    keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    headers = keep.signed()
    response = await keep.post(headers, body=b'{"a":9,"b":9}')
    assert response.head.status == 401
    assert refused_at(caplog) == [Step.DIGEST.value]
    assert keep.carried_out == []


@pytest.mark.story("health/US-BE-50.4")
async def test_an_altered_body_with_its_own_digest_is_refused(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"a":9,"b":9}'
    await keep.post({**keep.signed(), "content-digest": content_digest(body)}, body=body)
    assert refused_at(caplog) == [Step.MAC.value]
    assert keep.carried_out == []


@pytest.mark.parametrize("header", ["authorization", "bridge-deadline-ms", "idempotency-key", "traceparent"])
async def test_an_altered_header_is_refused(keep: Keep, header: str, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post({**keep.signed(), header: "1"})
    assert refused_at(caplog) == [Step.MAC.value]
    assert keep.carried_out == []


@pytest.mark.parametrize("header", ["signature", "signature-input", "content-digest", "authorization"])
async def test_a_missing_header_is_refused(keep: Keep, header: str, caplog: pytest.LogCaptureFixture) -> None:
    headers = keep.signed()
    del headers[header]
    await keep.post(headers)
    assert refused_at(caplog) == [Step.COMPONENTS.value]


async def test_a_header_that_comes_twice_is_refused(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post({**keep.signed(), "Authorization": f"Bearer {TOKEN}"})
    assert refused_at(caplog) == [Step.COMPONENTS.value]


async def test_a_message_for_another_operation_is_refused(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post(keep.signed(path="/v1/test.other"))
    assert refused_at(caplog) == [Step.MAC.value]


async def test_a_message_for_another_agent_is_refused(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post(keep.signed(authority="another.drawbridge.internal"))
    assert refused_at(caplog) == [Step.MAC.value]


async def test_a_message_signed_with_the_other_directions_key_is_refused(
    keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    await keep.post(keep.signed(key=keep.keys.response_key("gateway.1")))
    assert refused_at(caplog) == [Step.MAC.value]


@pytest.mark.story("health/US-BE-50.1")
async def test_a_message_with_an_unknown_key_is_refused(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post(keep.signed(key=FixedKeys(generation=7).request_key()))
    assert refused_at(caplog) == [Step.KEYID.value]


async def test_a_refusal_of_an_unverified_message_is_not_signed(keep: Keep) -> None:
    headers = keep.signed(key=FixedKeys(generation=7).request_key())
    with pytest.raises(SignatureRefused):
        keep.opened(headers, await keep.post(headers))


@pytest.mark.story("health/US-BE-50.4")
async def test_a_replayed_message_is_refused_in_a_signed_answer(keep: Keep) -> None:
    headers = keep.signed()
    await keep.post(headers)
    assert keep.opened(headers, await keep.post(headers)) == "replayed"
    assert keep.carried_out == [3]


async def test_a_message_behind_the_replay_window_is_refused(keep: Keep) -> None:
    late = keep.signed(nonce="processA.1")
    await keep.post(keep.signed(nonce="processA.5000"))
    assert keep.opened(late, await keep.post(late)) == "replayed"
    assert keep.carried_out == [3]


async def test_a_message_of_one_process_more_than_are_remembered_is_refused(keep: Keep) -> None:
    for process in range(16):
        await keep.post(keep.signed(nonce=f"process-{process:02}.1"))
    headers = keep.signed(nonce="process-17.1")
    assert keep.opened(headers, await keep.post(headers)) == "replayed"
    assert len(keep.carried_out) == 16


@pytest.mark.parametrize("seconds", [-31, 31, -86400])
async def test_a_message_of_another_time_is_refused_in_a_signed_answer(keep: Keep, seconds: int) -> None:
    headers = keep.signed(created=int(SystemClock.time()) + seconds)
    assert keep.opened(headers, await keep.post(headers)) == "clock_skewed"
    assert keep.carried_out == []


@pytest.mark.parametrize("boot", ["", "boot-0000"])
async def test_a_message_for_another_start_of_the_agent_is_refused_in_a_signed_answer(keep: Keep, boot: str) -> None:
    headers = keep.signed(boot=boot)
    assert keep.opened(headers, await keep.post(headers)) == "boot_unknown"
    assert keep.carried_out == []


async def test_an_answer_cannot_be_moved_to_another_request(keep: Keep) -> None:
    first, second = keep.signed(), keep.signed()
    answer = await keep.post(first)
    await keep.post(second)
    with pytest.raises(SignatureRefused):
        keep.opened(second, answer)


async def test_a_request_reflected_as_an_answer_is_no_answer(keep: Keep) -> None:
    headers = keep.signed()
    reflected = Response((await keep.post(headers)).head, BODY)
    object.__setattr__(reflected.head, "headers", {**headers, "signature": headers["signature"].replace("b=", "r=")})
    with pytest.raises(SignatureRefused):
        keep.opened(headers, reflected)


async def test_a_body_over_the_limit_is_refused(keep: Keep) -> None:
    body = b" " * (1024 * 1024 + 1)
    response = await keep.post(keep.signed(body=body), body=body)
    assert response.head.status == 413
    assert keep.carried_out == []


@pytest.mark.parametrize("path", ["/", "/v1/", "/v1/a%2fb", "/v1/test.add?x=1", "/v2/test.add"])
async def test_another_path_is_refused(keep: Keep, path: str, caplog: pytest.LogCaptureFixture) -> None:
    await keep.post(keep.signed(path=path), path=path)
    assert refused_at(caplog) == [Step.COMPONENTS.value]


async def test_the_feed_is_only_for_those_who_may_and_say_who_they_are(keep: Keep) -> None:
    path = "/v1/system.feed"
    headers = keep.signed(path=path, body=b"{}")
    assert keep.opened(headers, await keep.post(headers, path=path, body=b"{}")) == "invalid_request"


async def test_garbage_of_any_kind_leaves_the_agent_answering(keep: Keep) -> None:
    for value in ("", "b=", "b=()", 'b=("@method");created=1', "b=:" + "A" * 3000 + ":", "\x7f", "é" * 10):
        try:
            await keep.post({**keep.signed(), "signature-input": value, "signature": value})
        except (ConnectionError, UnicodeEncodeError):
            continue
    headers = keep.signed()
    async with asyncio.timeout(2):
        assert keep.opened(headers, await keep.post(headers)) == ""


async def test_a_call_is_ended_at_its_own_deadline_in_a_signed_answer(keep: Keep) -> None:
    body = b'{"a":-1}'
    headers = keep.signed(body=body, deadline_ms=30)
    assert keep.opened(headers, await keep.post(headers, body=body)) == "timeout"


async def test_drain_gives_up_when_a_call_does_not_end(keep: Keep) -> None:
    body = b'{"a":-1}'
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(keep.post(keep.signed(body=body, deadline_ms=300), body=body))
        await until(lambda: keep.bridge.in_flight == 1)
        assert not await keep.bridge.drain(0.05)
        assert await keep.bridge.drain(5.0)
    assert call.result().head.status == 504
    assert not call.result().head.keep_alive


async def test_a_write_without_an_idempotency_key_is_refused(keep: Keep) -> None:
    path = "/v1/test.write"
    headers = keep.signed(path=path)
    assert keep.opened(headers, await keep.post(headers, path=path)) == "invalid_request"


def test_context_has_no_user_when_nobody_signed_in() -> None:
    context = CallerContext(AnonymousCaller(), "", "", 0.0, "", "")
    with pytest.raises(TypeError):
        _ = context.user
