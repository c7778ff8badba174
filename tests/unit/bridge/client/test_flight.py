from __future__ import annotations

import asyncio

import pytest

from bridge.client.flight import Flights
from bridge.errors import AppError, Code, Denied, Unavailable


class Question:
    """Something to ask that answers when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.asked += 1
        try:
            await self.answer.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        return "answer"


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_share_asks_once_when_many_wait() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        waiting = [tasks.create_task(flights.share("key", question, soon())) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert "key" in flights
        question.answer.set()
    assert [task.result() for task in waiting] == ["answer"] * 10
    assert question.asked == 1
    assert "key" not in flights


async def test_share_asks_again_when_the_flight_has_landed() -> None:
    question = Question()
    question.answer.set()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        await flights.share("key", question, soon())
        await flights.share("key", question, soon())
    assert question.asked == 2


async def test_share_gives_everybody_the_error_when_the_question_fails() -> None:
    question = Question()
    question.error = Denied(Code.FORBIDDEN)
    question.answer.set()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        for _ in range(2):
            with pytest.raises(Denied):
                await flights.share("key", question, soon())


async def test_share_raises_internal_when_the_question_has_a_bug() -> None:
    question = Question()
    question.error = ZeroDivisionError()
    question.answer.set()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        with pytest.raises(AppError) as failed:
            await flights.share("key", question, soon())
    assert failed.value.code is Code.INTERNAL
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


async def test_share_times_out_alone_when_others_may_wait_longer() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        patient = tasks.create_task(flights.share("key", question, soon()))
        with pytest.raises(Unavailable) as late:
            await flights.share("key", question, soon(0.01))
        assert late.value.code is Code.TIMEOUT
        question.answer.set()
    assert patient.result() == "answer"


async def test_question_is_cancelled_when_the_last_who_waited_left() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        waiting = [tasks.create_task(flights.share("key", question, soon())) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for each in waiting:
            assert not question.cancelled.is_set()
            each.cancel()
    assert question.cancelled.is_set()


async def test_question_ends_by_its_own_deadline_when_the_time_of_all_who_waited_is_over() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        for _ in range(2):
            tasks.create_task(_gives_up(flights, question))
        await asyncio.sleep(0.05)
        assert "key" not in flights
        question.answer.set()
    assert not question.cancelled.is_set()


async def _gives_up(flights: Flights[str], question: Question) -> None:
    with pytest.raises(Unavailable):
        await flights.share("key", question, soon(0.01))


async def test_question_goes_on_in_the_background_when_nobody_waits() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        flights.start_in_background("key", question)
        flights.start_in_background("key", question)
        await _gives_up(flights, question)
        assert not question.cancelled.is_set()
        question.answer.set()
    assert question.asked == 1


async def test_cancel_tells_those_who_wait_that_we_stop() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        waiting = tasks.create_task(_is_stopped(flights, question))
        await asyncio.sleep(0)
        flights.cancel()
        assert await waiting


async def _is_stopped(flights: Flights[str], question: Question) -> bool:
    with pytest.raises(Unavailable) as stopped:
        await flights.share("key", question, soon())
    return stopped.value.code is Code.DRAINING


async def test_who_comes_when_all_others_left_asks_anew() -> None:
    question = Question()
    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        await _gives_up(flights, question)
        waiting = tasks.create_task(flights.share("key", question, soon()))
        await asyncio.sleep(0.01)
        question.answer.set()
    assert waiting.result() == "answer"
    assert question.asked == 2


async def test_answer_counts_when_it_comes_just_before_the_deadline() -> None:
    async def at_once() -> str:
        return "answer"

    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        assert await flights.share("key", at_once, soon(0.0)) == "answer"


async def test_deadline_counts_when_it_comes_just_before_the_answer() -> None:
    async def a_step_later() -> str:
        await asyncio.sleep(0)
        return "answer"

    async with asyncio.TaskGroup() as tasks:
        flights: Flights[str] = Flights(tasks)
        with pytest.raises(Unavailable) as late:
            await flights.share("key", a_step_later, soon(0.0))
    assert late.value.code is Code.TIMEOUT
    assert "key" not in flights
