"""Keeping the ports mapped: choosing a protocol, renewing, and noticing that the router has forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.ddns.mapping import announcements
from gateway.ddns.mapping.discovery import PATIENCE_S, discover
from gateway.ddns.mapping.method import Failed, Gateway, Lease, Method, Refused, Unanswered
from gateway.ddns.mapping.state import NOT_ASKED, Kept, PortStatus, RouterAddress, unreachable
from gateway.settings.ddns import Mapping

_log: Final = logging.getLogger(__name__)

_RETRY_FIRST_S: Final = 30.0
_RETRY_MAX_S: Final = 900.0
QUIET_S: Final = 4.0
"""Between two rounds, whatever announcements come."""
_FAREWELL_S: Final = 5.0

T = TypeVar("T")


class Keeper:
    """Keeps the ports of ``settings`` mapped to this host.

    ``route`` says which router there is, ``methods`` which protocols to try with it, best first. ``changed`` is called
    after whatever may have altered :meth:`statuses` or :attr:`router`. Where nothing answers or all refuse, it asks
    again after 30 s, doubling to 15 min, or as late as the router says.
    """

    def __init__(
        self,
        settings: Mapping,
        *,
        clock: Clock,
        route: Callable[[], Awaitable[Gateway | None]],
        methods: Callable[[Gateway], Sequence[Method]],
        changed: Callable[[], None] = lambda: None,
        listen: Callable[[Gateway, Callable[[], None]], Coroutine[Any, Any, None]] = announcements.listen,
        quiet_s: float = QUIET_S,
    ) -> None:
        self.router = RouterAddress()
        self._settings = settings
        self._clock = clock
        self._route = route
        self._make_methods = methods
        self._changed = changed
        self._listen = listen
        self._quiet_s = quiet_s
        self._kept = [Kept(port) for port in settings.ports]
        self._gateway: Gateway | None = None
        self._methods: tuple[Method, ...] = ()
        self._failures = 0
        self._not_before_s = 0.0
        self._poked = asyncio.Event()

    def statuses(self) -> tuple[PortStatus, ...]:
        monotonic, unix = self._clock.monotonic(), self._clock.time()
        return tuple(kept.status(self.router, monotonic=monotonic, unix=unix) for kept in self._kept)

    def poke(self) -> None:
        """Look now: an address of this host or the router may have changed."""
        self._poked.set()

    async def run(self) -> None:
        """Keep them until cancelled; then delete them if the settings say so, within 5 s."""
        try:
            while True:
                await self._find_router()
                async with asyncio.TaskGroup() as group:
                    ear = group.create_task(self._hear())
                    await self._keep_at_this_router()
                    ear.cancel()
        finally:
            if self._settings.delete_at_stop:
                await self._delete_all()

    async def once(self) -> None:
        """Find the router, and try each port once."""
        await self._find_router()
        await self._round()

    async def _find_router(self) -> None:
        gateway = await self._route()
        if gateway != self._gateway:
            is_first, self._gateway = self._gateway is None, gateway
            self._methods = ()
            self._failures = 0
            self._lose(NOT_ASKED if is_first else "this host is at another router now", forget=True)

    async def _hear(self) -> None:
        if self._gateway is None:
            return
        try:
            await self._listen(self._gateway, self.poke)
        except OSError as error:  # restarts are noticed at the next look
            log(_log, "router_announcements_not_heard", level=logging.WARNING, exc_info=error)

    async def _keep_at_this_router(self) -> None:
        """Return when there is another router."""
        while True:
            await self._round()
            await self._wait()
            if await self._route() != self._gateway:
                return

    async def _wait(self) -> None:
        """Return when something is due, or we are poked."""
        await asyncio.sleep(min(self._quiet_s, self._settings.check_every_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await self._poked.wait()

    def _wait_s(self) -> float:
        wait_s = self._settings.check_every_s
        if self._failures:
            retry_s = min(_RETRY_FIRST_S * 2.0 ** min(self._failures - 1, 10), _RETRY_MAX_S)
            wait_s = max(retry_s, self._not_before_s)
        now = self._clock.monotonic()
        due = [at - now for kept in self._kept if (at := kept.next_at(now)) is not None]
        return min(wait_s, *due) if due else wait_s

    async def _round(self) -> None:
        """Look whether the mappings are there, and make or renew those that are due."""
        self._poked.clear()
        before = self.statuses()
        if await self._look_or_discover():
            self._not_before_s = 0.0
            for kept in self._kept:
                if kept.is_due(self._clock.monotonic()):
                    await self._map(kept)
        troubled = any(kept.trouble for kept in self._kept)
        self._failures = self._failures + 1 if troubled else 0
        self._report(before)
        self._changed()

    async def _look_or_discover(self) -> bool:
        """Return whether there is a router to ask; it has been asked for its outer address then."""
        if self._gateway is None:
            self._lose("this host has no router (no IPv4 default route)", forget=True)
            return False
        if self._methods and await self._look():
            return True
        found = await discover(self._make_methods(self._gateway))
        self._methods = found.methods
        for kept in self._kept:
            kept.renew_now()
        if not found.methods:
            ports = " and ".join(str(kept.port) for kept in self._kept)
            by_hand = f"map TCP {ports} to {self._gateway.own_address} by hand, see docs/ports.md"
            self._lose(f"the router maps no ports by itself ({'; '.join(found.reasons)}): {by_hand}")
        return bool(found.methods)

    async def _look(self) -> bool:
        """Return False where the router no longer answers."""
        now = self._clock.monotonic()
        held = {method: [kept for kept in self._kept if kept.is_held_by(method.name, now)] for method in self._methods}
        for method, by_it in held.items():
            if not by_it and any(held.values()):
                continue
            kept_there = False
            try:
                look = await _answered(method.look([kept.port for kept in by_it]))
            except Refused as refused:
                self.router.lost(str(refused))
            except Unanswered as unanswered:
                self._lose(str(unanswered))
                return False
            else:
                kept_there = look.kept
                self.router.learnt(look.external_address, method.name)
            if by_it and not kept_there:
                log(_log, "router_forgot_mappings", method=method.name)
                for kept in by_it:
                    kept.renew_now()
            if self.router.external_ipv4() is not None:
                break
        return True

    async def _map(self, kept: Kept) -> None:
        """Try every method, the one that holds it first; take the first that grants it."""
        troubles = []
        for method in sorted(self._methods, key=lambda method: method.name != kept.method):
            now = self._clock.monotonic()
            try:
                lease = await _answered(method.map(kept.port, self._settings.lease_s))
                await self._take(kept, lease, method, now)
            except Failed as failed:
                troubles.append(f"{method.name}: {failed}")
                if isinstance(failed, Refused):
                    self._not_before_s = max(self._not_before_s, failed.retry_s)
            else:
                return
        await self._learn_outer_address()
        outer = self.router.external_ipv4()
        why = unreachable(outer) if outer is not None else ""  # the cause before what a router makes of it
        kept.trouble = "; ".join([why, *troubles] if why else troubles)

    async def _learn_outer_address(self) -> None:
        """Ask those that tell it without a mapping, where nobody has told it: it may say why they refuse."""
        for method in self._methods:
            if self.router.external_ipv4() is not None:
                return
            with contextlib.suppress(Failed):
                look = await _answered(method.look([]))
                self.router.learnt(look.external_address, method.name)

    async def _take(self, kept: Kept, lease: Lease, method: Method, now: float) -> None:
        kept.granted(lease, method.name, now)
        if lease.external_address is not None:
            self.router.learnt(lease.external_address, method.name)
        elif self.router.external_ipv4() is None:
            with contextlib.suppress(Failed):
                look = await _answered(method.look([kept.port]))
                self.router.learnt(look.external_address, method.name)

    def _lose(self, reason: str, *, forget: bool = False) -> None:
        """Note that the router does not answer. What it granted lasts to its end, unless it is another router."""
        self.router.lost(reason)
        for kept in self._kept:
            if forget or not kept.is_mapped(self._clock.monotonic()):
                kept.forget(reason)
            else:
                kept.trouble = reason

    async def _delete_all(self) -> None:
        now = self._clock.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                for kept in self._kept:
                    for method in self._methods:
                        if kept.is_mapped(now) and method.name == kept.method:
                            with contextlib.suppress(Failed):
                                await method.unmap(kept.port)

    def _report(self, before: Sequence[PortStatus]) -> None:
        for was, now in zip(before, self.statuses(), strict=True):
            if (was.state, was.method, was.reason) == (now.state, now.method, now.reason):
                continue
            mapped = now.state == "mapped"
            event, level = ("port_mapped", logging.INFO) if mapped else ("port_not_mapped", logging.WARNING)
            log(_log, event, level=level, port=now.external, method=now.method, reason=now.reason or None)


async def _answered(asked: Awaitable[T]) -> T:
    """Await a method's answer, no longer than a router in working order takes."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await asked
    except TimeoutError:
        msg = "the router does not answer"
        raise Unanswered(msg) from None
