"""schemathesis plays every described route, as everybody, with what the description lets in and with what it does not.

Nothing may be answered that is not described: no other status, body, header or type, and no fault of ours. What the
description lets in is accepted, but for the fields that ``BEYOND`` lists, and every operation that somebody may call
gives them a good answer, those that ``KNOWN`` lists once they are sent what cannot be made up; what it does not let in
is refused. Every write that is answered well is in the audit trail, under its request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.transport import Response

from bridge.contracts import OPERATIONS as CONTRACTS
from bridge.contracts.operation import Effect, Role
from tests.integration.agent.accounts.house import ANN, House
from tests.integration.agent.api.known import id_for, token_for
from tests.integration.agent.api.play import (
    DESCRIBED,
    OPERATIONS,
    PEOPLE,
    SCHEMA,
    VICTIM,
    Player,
    operation_of,
    roles_of,
)
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

EXAMPLES: Final = 4
"""Of each mode, each route and each person: 240 requests a person, the same each time."""

REFUSED: Final[Any] = CHECKS.get_one("negative_data_rejection")
CREDENTIALS: Final = {"POST /api/v1/auth/login", "POST /api/v1/auth/refresh"}
"""Where a well-formed request may still be a stranger's."""
EMERGENCY: Final = "I have crushing chest pain and cannot breathe"
CHAT: Final = "POST /api/v1/chat"
"""Answers anybody whose message is an emergency."""


@dataclass(frozen=True)
class Beyond:
    """A field that may be refused although it is as described; then the request is sent again with ``instead``.

    None leaves it out. ``is_final`` where nobody but a mail's reader has a value that is good.
    """

    reason: str
    instead: str | None = None
    is_final: bool = False


PLACE: Final = Beyond("what the page before gave, of the same question")
MAILED: Final = Beyond("what a mail brought, used once: test_examples.py", is_final=True)
OWN: Final = Beyond("the account's own", instead=PASSWORD)
LATER: Final = Beyond("later than `from`: JSON Schema compares no two fields")
BEYOND: Final = {
    **{operation.label: {"cursor": PLACE} for operation in OPERATIONS if "cursor" in operation.query},
    "GET /api/v1/health/symptoms": {"cursor": PLACE, "to": LATER},
    "GET /api/v1/health/symptoms/stats": {"to": LATER},
    "POST /api/v1/auth/accept-invitation": {"token": MAILED},
    "POST /api/v1/auth/confirm-address": {"token": MAILED},
    "POST /api/v1/auth/reset-password/confirm": {"token": MAILED},
    CHAT: {"conversation": Beyond("sealed in the answer before")},
    "POST /api/v1/users/deletion": {"password": OWN},
    "POST /api/v1/users/email": {"password": OWN},
    "POST /api/v1/users/password": {"current_password": OWN},
}
"""What no schema can say, by operation and field. The field's description says it in words."""

KNOWN: Final = {
    **dict.fromkeys(CREDENTIALS, "the credentials are made up"),
    **{label: MAILED.reason for label, fields in BEYOND.items() if MAILED in fields.values()},
    CHAT: "no word drawn is an emergency, and nobody else is answered who is not signed in",
    "DELETE /api/v1/users/invitations/{id}": "the id is made up",
    "DELETE /api/v1/users/sessions/{id}": "the id is made up",
    "POST /api/v1/users/invitations/{id}/resend": "the id is made up",
}
"""What is answered well to nothing that is made up, and why: what is drawn is sent with what is known in its place."""

UNRECORDED: Final = {"accounts.refresh": "the tokens that follow from a sign-in, which is recorded"}
"""Writes that the audit trail does not tell of, and why."""
RECORDED: Final = {name for name, each in CONTRACTS.items() if each.effect is Effect.WRITE} - UNRECORDED.keys()
"""The operations that it tells of, without what reads: test_looks.py, test_leaving.py."""
_DONE: Final = "SELECT FROM audit WHERE request_id = '{}' AND operation = '{}' AND outcome = 'done'"


@dataclass
class Judge(Player):
    """Knows what each may do. ``answered_well`` are the operations that gave a good answer to what they let in.

    ``recorded`` are the writes that did, and were found in the trail.
    """

    answered_well: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)

    async def send(self, case: schemathesis.Case[Any]) -> Response:
        said = await super().send(case)
        name = operation_of(case.operation.label)
        if said.status_code < 300 and name in RECORDED:
            [request_id] = said.headers["x-request-id"]
            assert await self.house.run(_DONE.format(request_id, name)), f"{name} is not in the audit trail"
            self.recorded.add(name)
        return said

    async def reach(self, case: schemathesis.Case[Any]) -> None:
        """Send what was drawn with what is known in its place, and see that it is answered well, as described."""
        label = case.operation.label
        await self.begin_again()
        caller = self.caller if self.caller.token else await self.house.sign_in(ANN)
        body: Any = case.body
        if "{id}" in label:
            case.path_parameters["id"] = await id_for(self.house, case.operation.path, caller)
        elif label == CHAT:
            body["message"] = EMERGENCY
        elif label.endswith("/login"):
            body |= {"email": ANN.email, "password": PASSWORD}
        elif label.endswith("/refresh"):
            body["refresh_token"] = caller.tokens["refresh_token"]
        else:
            body["token"] = await token_for(self.house, operation_of(label), caller)
        said = await self.send(case)
        assert said.status_code < 300, (label, said.text)
        case.validate_response(said, checks=DESCRIBED)
        self.answered_well.add(label)

    def may(self, label: str) -> bool:
        roles = roles_of(label)
        return roles is None or (self.who != "nobody" and Role(self.who) in roles)

    def expected(self, label: str) -> set[int]:
        """Return the answers, beside the good ones, to a request that is as described."""
        roles = roles_of(label)
        if roles is None:
            return {401} if label in CREDENTIALS or (label == CHAT and self.who == "nobody") else set()
        if self.may(label):
            return set()
        return {401 if self.who == "nobody" else 403}

    async def accept(self, case: schemathesis.Case[Any]) -> Response:
        """Send what the description lets in, and see that it is let in."""
        label = case.operation.label
        said = await self.send(case)
        for _ in range(len(beyond := BEYOND.get(label, {}))):
            wrong = beyond.get(wrong_field(said))
            if wrong is None or wrong.is_final:
                break
            said = await self.send(with_instead(case, wrong_field(said), wrong))
        if said.status_code < 300:
            self.answered_well.add(label)
        if label in KNOWN and self.may(label) and label not in self.answered_well:
            await self.reach(case)
        if (wrong := beyond.get(wrong_field(said))) is not None and wrong.is_final:
            return said
        expected = self.expected(label)
        if expected and label not in {*CREDENTIALS, CHAT}:
            assert said.status_code in expected, said.text
        else:
            # 404: ids are made up; 409: an address that is another's; 412: editions are made up
            assert said.status_code in {200, 201, 202, 204, 404, 409, 412, *expected}, said.text
        return said


def wrong_field(said: Response) -> str:
    """Return the name of the field that a request was refused for, where it is one alone."""
    if said.status_code != 400:
        return ""
    problem = json.loads(said.content)
    named = [field["name"] for field in problem.get("fields") or ()]
    return named[0] if len(named) == 1 else str(problem["code"]).removeprefix("invalid_")


def with_instead(case: schemathesis.Case[Any], name: str, wrong: Beyond) -> schemathesis.Case[Any]:
    for part in (case.query, case.body):
        if isinstance(part, dict) and name in part:
            if wrong.instead is None:
                del part[name]
            else:
                part[name] = wrong.instead
    return case


def play(player: Judge, strategy: SearchStrategy[Any], mode: GenerationMode, loop: asyncio.AbstractEventLoop) -> None:
    """Play some cases, the same each time, from a thread of its own."""
    send: Callable[..., Any] = player.accept if mode is GenerationMode.POSITIVE else player.send

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def one(case: schemathesis.Case[Any]) -> None:
        said = asyncio.run_coroutine_threadsafe(send(case), loop).result(20)
        is_refused = mode is GenerationMode.NEGATIVE and said.status_code != 413  # which is a refusal by size
        case.validate_response(said, checks=[*DESCRIBED, REFUSED] if is_refused else DESCRIBED)

    one()


@pytest.mark.story("health/US-BE-33.1", "hub/DOD.18")
async def test_every_route_is_played() -> None:
    assert len(OPERATIONS) == sum(map(len, SCHEMA.raw_schema["paths"].values()))
    assert {operation.label for operation in OPERATIONS} >= BEYOND.keys() | KNOWN.keys()


@pytest.mark.parametrize("label", BEYOND)
async def test_field_is_described_in_words_when_no_schema_can_say_what_is_good(label: str) -> None:
    method, _, path = label.partition(" ")
    said = SCHEMA.raw_schema["paths"][path][method.lower()]
    fields = {each["name"]: each["schema"] for each in said.get("parameters", ())}
    if "requestBody" in said:
        name = said["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        fields |= SCHEMA.raw_schema["components"]["schemas"][name]["properties"]
    words = {name: str(fields[name]).count("'description': ") for name in BEYOND[label]}
    assert all(words.values()), words


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
    player = await Judge.come(house, who)
    for operation in OPERATIONS:
        label = operation.label
        await player.begin_again()
        victim = (await house.sign_in(VICTIM)).id if "/users/{id}" in label else ""
        given_path: Any = {"path_parameters": {"id": victim}} if victim else {}
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                continue
            strategy = operation.as_strategy(generation_mode=mode, **given_path)
            try:
                await asyncio.to_thread(play, player, strategy, mode, loop)
            except BaseExceptionGroup as error:
                wrong.append(f"{label} {mode.value}: " + "\n".join(map(str, error.exceptions)))
            except AssertionError as error:
                wrong.append(f"{label} {mode.value}: {error}")
    assert wrong == [], "\n".join(wrong)
    may = {operation.label for operation in OPERATIONS if player.may(operation.label)}
    assert player.answered_well == may
    assert player.recorded == {operation_of(label) for label in may} & RECORDED
