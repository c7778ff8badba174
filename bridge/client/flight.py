"""Single flight: many ask the same at once, the agent is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from bridge.errors import AppError, Code, Unavailable

T = TypeVar("T")


class Flights(Generic[T]):
    """The questions on their way, by key.

    Each runs as a task of ``tasks``, so that the leaving of whoever asked first harms nobody; it is cancelled when the
    last who waits leaves before its time is over.
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
        loop = asyncio.get_running_loop()
        landing: asyncio.Future[None] = loop.create_future()
        flight.awaited.add(landing)
        timer = loop.call_at(deadline, _give_up, landing)
        try:
            await landing
        finally:
            timer.cancel()
            self._leave(key, flight, landing)
        return flight.result()

    def start_in_background(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> None:
        """Ask, where nobody does yet, though nobody waits for it."""
        if key not in self._flights:
            self._start(key, ask).is_background = True

    def cancel(self) -> None:
        """Give every flight up; those who wait are told ``draining``."""
        for flight in self._flights.values():
            flight.task.cancel()

    def _leave(self, key: Hashable, flight: _Flight[T], landing: asyncio.Future[None]) -> None:
        flight.awaited.discard(landing)
        if not flight.awaited and not flight.is_background and not flight.has_landed:
            self._flights.pop(key, None)  # who comes now must not board a flight that is being given up
            if landing.cancelled():  # whose time is over lets it end by its own deadline: the breaker counts that
                flight.task.cancel()

    def _start(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> _Flight[T]:
        def forget() -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]

        flight: _Flight[T] = _Flight(forget)
        self._flights[key] = flight
        flight.task = self._tasks.create_task(flight.run(ask))
        flight.task.add_done_callback(flight.land)  # a task that is cancelled before its first step never runs
        return flight


class _Flight(Generic[T]):
    """One question. ``awaited`` are those who wait for it; ``forget`` is called as it lands."""

    task: asyncio.Task[None]

    def __init__(self, forget: Callable[[], None]) -> None:
        self.awaited: set[asyncio.Future[None]] = set()
        self.is_background = False
        self.has_landed = False
        self._forget = forget
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
        self.land()  # one turn of the loop sooner than when the task is done

    def land(self, _task: asyncio.Task[None] | None = None) -> None:
        """Let those who wait go on. Does nothing the second time."""
        if not self.has_landed:
            self.has_landed = True
            self._forget()
            for landing in self.awaited:
                if not landing.done():
                    landing.set_result(None)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        if self._answer is None:  # cancelled: this process is stopping
            raise Unavailable(Code.DRAINING)
        return self._answer


def _give_up(landing: asyncio.Future[None]) -> None:
    if not landing.done():
        landing.set_exception(Unavailable(Code.TIMEOUT, retry_after_s=1.0))
