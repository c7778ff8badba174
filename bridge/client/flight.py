"""Single flight: many ask the same at once, the agent is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from bridge.errors import AppError, Code, Unavailable

T = TypeVar("T")


class Flights(Generic[T]):
    """The questions on their way, by key.

    Each runs as a task of ``tasks``, so that the leaving of whoever asked first harms nobody; it is cancelled when all
    who wait have left.
    """

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._flights: dict[Hashable, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    async def share(self, key: Hashable, ask: Callable[[], Awaitable[T]], deadline: float) -> T:
        """Return what ``ask`` gives, asking only where nobody does yet.

        ``deadline`` is in seconds of the event loop's clock. Raises Unavailable (``timeout``), and the AppError of
        ``ask``.
        """
        flight = self._flights.get(key) or self._start(key, ask)
        flight.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(flight.landed)
        except TimeoutError:
            raise Unavailable(Code.TIMEOUT, retry_after_s=1.0) from None
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.is_background and not flight.landed.done():
                self._flights.pop(key, None)  # who comes now must not board a flight that is being given up
                flight.task.cancel()
        return flight.result()

    def start_in_background(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> None:
        """Ask, where nobody does yet, though nobody waits for it."""
        if key not in self._flights:
            self._start(key, ask).is_background = True

    def cancel(self) -> None:
        """Give every flight up; those who wait are told ``draining``."""
        for flight in self._flights.values():
            flight.task.cancel()

    def _start(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> _Flight[T]:
        flight: _Flight[T] = _Flight(asyncio.get_running_loop().create_future())
        self._flights[key] = flight
        flight.task = self._tasks.create_task(flight.run(ask))

        def land(_task: asyncio.Task[None]) -> None:
            # here and not in run(): a task that is cancelled before its first step never runs
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.landed.set_result(None)

        flight.task.add_done_callback(land)
        return flight


class _Flight(Generic[T]):
    task: asyncio.Task[None]

    def __init__(self, landed: asyncio.Future[None]) -> None:
        self.landed = landed
        self.waiting = 0
        self.is_background = False
        self._answer: T | None = None
        self._error: AppError | None = None

    async def run(self, ask: Callable[[], Awaitable[T]]) -> None:
        try:
            self._answer = await ask()
        except AppError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - a bug must fail the calls that share it, not every other one
            self._error = AppError(Code.INTERNAL)
            self._error.__cause__ = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        if self._answer is None:  # cancelled: this process is stopping
            raise Unavailable(Code.DRAINING)
        return self._answer
