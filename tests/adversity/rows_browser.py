"""Faults as a browser meets them: over HTTPS, with the gateway's own process."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.adversity.agent import Mitigation
from tests.adversity.fault import Fault, Where
from tests.adversity.front import LIST, Front, front
from tests.adversity.scene import RECOVERY_S, Scene, Setup

_DRAG_S: Final = 0.5
_HANGS_S: Final = 30.0
_UNAVAILABLE: Final = 503
_NO_ANSWER: Final = 0


async def _outage(scene: Scene) -> None:
    async with front(scene) as browser:
        scene.expect((first := await browser.get(LIST)).is_good, f"before: {first}")
        browser.bridge.cut()

        async def is_stale() -> bool:
            return (await browser.get(LIST)).is_stale

        await scene.eventually(is_stale, f"who saw the list before gets: {await browser.get(LIST)}")
        scene.note(f"the list that was seen before: {await browser.get(LIST)}, with `as_of`")
        new = await browser.get()
        scene.expect(
            new.status == _UNAVAILABLE and bool(new.retry_after) and "request_id" in new.document,
            f"a new question: {new}",
        )
        scene.note(f"a new question: `{new}`, with Retry-After")
        await browser.bridge.restore()
        await _expect_answer(scene, browser)


async def _left(scene: Scene) -> None:
    async with front(scene) as browser:
        await scene.stage.set_drag(_HANGS_S)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(browser.get())
            await scene.until_query_runs()
            asking.cancel()
        await scene.expect_no_query("the query of a browser that left is still running")
        await scene.stage.set_drag(0)
        await _expect_answer(scene, browser)


async def _restarted(scene: Scene) -> None:
    async with front(scene) as browser:
        await scene.stage.set_drag(_DRAG_S)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(browser.get())
            await scene.until_query_runs()
            if scene.setup.is_careless:
                browser.kill()
            else:
                browser.terminate()
        page = asking.result()
        scene.expect(page.is_good, f"a request in flight: {page}")
        scene.note("the request in flight is answered")

        async def has_ended() -> bool:
            return not browser.is_running

        await scene.eventually(has_ended, "the gateway still runs", within_s=4.0)
        await scene.stage.set_drag(0)
        browser.start()
        scene.note("the token is as good as before")
        await _expect_answer(scene, browser)


async def _expect_answer(scene: Scene, browser: Front) -> None:
    """Expect a good answer in the browser, and everything behind it to be whole."""

    async def is_good() -> bool:
        return (await browser.get()).is_good

    took_s = await scene.eventually(is_good, f"no good answer: {await browser.get()}", within_s=RECOVERY_S)
    await scene.expect_recovery()
    scene.recovery_s = took_s


ROWS: Final = (
    Fault(
        "browser-outage", Where.BROWSER, "The agent is cut off from the gateway.",
        "The list that was seen before comes with its age; anything else is 503 with Retry-After.",
        "remembered answers (`bridge.cache.symptoms_list`)", _outage,
        Setup(
            gateway={
                f"bridge.cache.symptoms_list.{name}": 0
                for name in ("fresh_s", "stale_while_revalidate_s", "stale_if_error_s")
            }
        ),
    ),
    Fault(
        "browser-left", Where.BROWSER, "The browser is closed while its query runs.",
        "The query is cancelled in PostgreSQL.", "the agent's hearing that the caller left", _left,
        Setup(without=Mitigation.HANDLER_CANCELLATION),
    ),
    Fault(
        "gateway-restarted", Where.BROWSER, "The gateway is stopped (SIGTERM) with a request in flight, and started.",
        "The request is answered; nobody has to sign in again.", "draining: killed instead", _restarted,
        Setup(is_careless=True),
    ),
)  # fmt: skip
