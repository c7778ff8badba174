"""schemathesis follows the description's links: what one answer gives, the next request is made of.

Nothing is answered that is not described, what was made can be used, and what was deleted is gone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS
from schemathesis.core.transport import Response
from schemathesis.generation.stateful.state_machine import APIStateMachine

from tests.integration.agent.accounts.house import House
from tests.integration.agent.api.play import DESCRIBED, PEOPLE, SCHEMA, Player

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

RUNS: Final = 6
STEPS: Final = 10
CHECKED: Final[list[Any]] = [
    *DESCRIBED, CHECKS.get_one("use_after_free"), CHECKS.get_one("ensure_resource_availability")
]  # fmt: skip
MACHINE: Final[type[APIStateMachine]] = SCHEMA.as_state_machine()


@pytest.mark.parametrize("who", [who for who in PEOPLE if who != "nobody"])
async def test_link_leads_to_what_is_described_when_it_is_followed(house: House, who: str) -> None:
    loop = asyncio.get_running_loop()
    player = await Player.come(house, who)
    followed: set[str] = set()

    class Walk(MACHINE):  # type: ignore[misc, valid-type] # made for the description
        def setup(self) -> None:
            super().setup()
            asyncio.run_coroutine_threadsafe(player.begin_again(), loop).result(20)

        def step(self, input: Any) -> Any:  # noqa: A002, ANN401 - the library's
            output = super().step(input)
            if output is not None and input.transition is not None and output.response.status_code < 300:
                followed.add(input.transition.id.split()[4])  # "GET /users -> [200] next -> GET /users"
            return output

        def call(self, case: schemathesis.Case[Any], **_kwargs: Any) -> Response:  # noqa: ANN401 - the library's
            return asyncio.run_coroutine_threadsafe(player.send(case), loop).result(20)

        def validate_response(self, response: Response, case: schemathesis.Case[Any], **_kwargs: Any) -> None:  # noqa: ANN401 - the library's
            case.validate_response(response, checks=CHECKED)

    every = settings(
        max_examples=RUNS, stateful_step_count=STEPS, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    await asyncio.to_thread(Walk.run, settings=every)
    assert followed  # which of them depends on what is made up
