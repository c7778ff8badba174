"""A loop whose time jumps to what comes next, and a line whose every answer takes the longest that it may."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast

import pytest

from bridge.contracts.system import STATUS
from bridge.process.http_client import Reply
from gateway.connectivity import line, runner
from gateway.connectivity.checks import bridge, dns, https, name, port, router
from gateway.connectivity.dns import Answer, Kind, Rcode
from gateway.connectivity.dns.asking import DEADLINE_S
from gateway.connectivity.dns.messages import Message, Record
from gateway.connectivity.netlink import Address, Link, Neighbour, Network, Route
from gateway.connectivity.streams import CONNECT_S, REFUSED, SILENT, TLS_S, UNREACHABLE, Failed
from tests.integration.gateway.connectivity.world import KEEP, MIRROR, NAME, PUBLIC, RESOLVER, ROUTER, TARGETS

ROUND_TRIP_S: Final = 0.1
"""To anybody outside: a slow line."""
BELIEVED_S: Final = 1.5 * 3.0 + 1.0
"""What the kernel believes a neighbour for, and until it asks, as the playbook has it."""
ASKS_S: Final = 3.0
MIRROR_S: Final = 2.0
"""docs/mirror.md"""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its clock stands still but while it would wait; work for threads is done at once."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: object
    ) -> asyncio.Future[Any]:
        future = self.create_future()
        future.set_result(func(*args))
        return future


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - as typeshed has it
        events = super().select(0)
        if not events and timeout is not None:
            self._loop.now_s += max(timeout, 0)
        return events


class LoopClock:
    """Both clocks, by a simulated loop."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self.monotonic = loop.time

    def time(self) -> float:
        return 1_780_000_000.0 + self.monotonic()


@dataclass
class Outside:
    """What is there, and how it is; a test changes it, and calls :meth:`change` when the kernel would say so."""

    clock: LoopClock
    carrier: bool = True
    is_up: bool = True
    address: bool = True
    route: bool = True
    router: str = "refuses"
    router_gone_at: float | None = None
    resolver: str = "good"
    tcp: str = "good"
    tls: str = "good"
    portal: str = ""
    published: str = PUBLIC
    port: str = "connected"
    keep: str = "good"
    bridge: str = "up"
    database: str = "up"
    gateways: str = "good"
    _listening: list[asyncio.Event] = field(default_factory=list)

    def change(self) -> None:
        for event in self._listening:
            event.set()

    def put_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the real runner and the real checks meet this line."""
        outside = self

        class Changes:
            def __init__(self) -> None:
                self.happened = asyncio.Event()

            def __enter__(self) -> Self:
                outside._listening.append(self.happened)
                return self

            def __exit__(self, *_: object) -> None:
                outside._listening.remove(self.happened)

        monkeypatch.setattr(runner, "Changes", Changes)
        monkeypatch.setattr(runner, "dump_network", self._network)
        monkeypatch.setattr(router, "_provoke", self._provoke)
        monkeypatch.setattr(router, "find_neighbour", self._neighbour)
        for module in (dns, name, line):
            monkeypatch.setattr(module, "ask", self._ask)
        for module in (https, port, bridge):
            monkeypatch.setattr(module, "connected", self._connected)
        monkeypatch.setattr(https, "exchange", self._redirect)
        monkeypatch.setattr(port, "exchange", self._mirror)
        monkeypatch.setattr(bridge, "ask_gateway", self._gateway)

    def _network(self) -> Network:
        eth = Link(2, "eth0", is_up=self.is_up, has_carrier=self.is_up and self.carrier, is_loopback=False)
        address = Address(2, "10.77.0.4", 24, is_global=True, is_usable=True)
        has_route = self.route and self.is_up and self.address
        return Network(
            (eth,), (address,) if self.address else (), (Route(2, ROUTER, 0, is_ipv6=False),) if has_route else ()
        )

    @property
    def _is_cut_off(self) -> bool:
        return self.router_gone_at is not None or self.tcp == "silent"

    async def _provoke(self, _route: Route, _gateway: str) -> str:
        if self.router == "refuses" and self.router_gone_at is None:
            return "connection refused"
        await asyncio.sleep(router._ANSWER_S)
        return ""

    def _neighbour(self, _index: int, _value: str) -> Neighbour:
        gone_s = 0.0 if self.router_gone_at is None else self.clock.monotonic() - self.router_gone_at
        state = "reachable" if gone_s < BELIEVED_S else "probe" if gone_s < BELIEVED_S + ASKS_S else "failed"
        return Neighbour(ROUTER, state, "02:00:00:00:00:01")

    async def _ask(self, server: str, asked: str, kind: Kind, *, clock: object, recursive: bool = True) -> Answer:
        if self._is_cut_off or self.resolver == "silent":
            await asyncio.sleep(DEADLINE_S)
            return Answer(server, None, SILENT, DEADLINE_S * 1000)
        await asyncio.sleep(ROUND_TRIP_S)
        rcode, data = Rcode.OK, self._records(asked, kind)
        if self.resolver == "refused":
            rcode, data = Rcode.REFUSED, ""
        elif self.resolver == "lying" and kind is Kind.A:
            data = "198.51.100.66"
        elif not data:
            rcode = Rcode.NO_SUCH_NAME
        records = (Record(asked, kind, 60, data),) if data else ()
        message = Message(
            1, is_response=True, rcode=rcode, name=asked, kind=kind, answers=records, authority=(), additional=()
        )
        return Answer(server, message, "", ROUND_TRIP_S * 1000)

    def _records(self, asked: str, kind: Kind) -> str:
        if kind is Kind.NS:
            return "ns.example.org" if asked == "example.org" else ""
        hosts = {**TARGETS, "ns.example.org": RESOLVER, "mirror.example.org": MIRROR, NAME: self.published}
        return hosts.get(asked, "")

    @asynccontextmanager
    async def _connected(
        self, address: str, number: int, *, tls: object = None, name: str = ""
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        is_keep = address == KEEP
        tcp = self.keep if is_keep else "silent" if self._is_cut_off else self.tcp
        if tcp == "silent":
            await asyncio.sleep(CONNECT_S)
            raise Failed(SILENT)
        if not self.is_up or not self.address or (not self.route and not is_keep):
            raise Failed(UNREACHABLE)
        await asyncio.sleep(ROUND_TRIP_S)
        if tcp == "refused":
            raise Failed(REFUSED)
        if tls is not None and address in TARGETS.values():
            if self.tls == "silent":
                await asyncio.sleep(TLS_S)
                raise Failed(SILENT)
            await asyncio.sleep(2 * ROUND_TRIP_S)
            if self.tls in {"foreign", "expired"}:
                reason = "certificate: it is not good"
                raise Failed(reason, verify_code=20 if self.tls == "foreign" else 10)
        yield cast("Any", None), cast("Any", None)

    async def _redirect(self, *_: object, host: str, **__: object) -> Reply:
        await asyncio.sleep(ROUND_TRIP_S)
        return Reply(302, {"location": self.portal or f"https://{host}/"}, b"")

    async def _mirror(self, *_: object, **__: object) -> Reply:
        await asyncio.sleep(MIRROR_S if self.port == "silent" else ROUND_TRIP_S)
        body = {"reachable": self.port == "connected", "reason": self.port}
        return Reply(200, {}, json.dumps(body).encode())

    async def _gateway(self, _path: object, _what: str) -> Reply:
        if self.gateways == "gone":
            raise Failed(REFUSED)
        if self.gateways == "hanging":
            await asyncio.sleep(bridge._ANSWER_S)
            raise Failed(SILENT)
        is_up = self.keep == "good" and self.bridge == "up"
        if not is_up:
            await asyncio.sleep((STATUS.deadline_ms or 0) / 1000)
        states = {"bridge": "up", "store": self.database} if is_up else {"bridge": "down"}
        body = {"dependencies": [{"name": each, "state": state} for each, state in states.items()]}
        return Reply(200, {}, json.dumps(body).encode())
