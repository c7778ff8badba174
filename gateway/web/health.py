"""How this process and what it needs are doing: liveness, readiness, metrics, version, and what the keep reports."""

from __future__ import annotations

import re
from asyncio import Lock
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Final, Literal

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from pydantic_core import to_json

from bridge.contracts.operation import Model, Nothing
from bridge.contracts.system import (
    METRICS,
    REPORT,
    REPORT_ACK,
    STATUS,
    Dependency,
    FeedEvent,
    Metrics,
    Status,
    TakenReports,
)
from bridge.errors import AppError, Code, Denied
from bridge.process.clock import Clock, utc
from gateway.web.calls import Bridge, call
from gateway.web.client_address import Networks, is_within
from gateway.web.context import ANONYMOUS, CONTEXT, RequestContext
from gateway.web.described import Description, Query, described
from gateway.web.inputs import JSON, read_json
from gateway.web.rate_limits import Counted, counted

_KEPT_S: Final = 1.0
"""How long one look at the agent serves everybody who asks for readiness."""

_REPORT_KEPT_S: Final = 3.0
"""The same for the keep's report."""

_THIS_MACHINE: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

_NAMES: Final = "name[]"

_FAMILY: Final = re.compile(r"^(?:# (?:HELP|TYPE) )?([a-zA-Z_:][a-zA-Z0-9_:]*)")
_OF_EVERY_PROCESS: Final = re.compile(r"^(# (?:HELP|TYPE) )?(?=python_|process_)", re.MULTILINE)


class Live(Model):
    """The answer of ``GET /health``."""

    status: Literal["ok"]


class Release(Model):
    """The answer of ``GET /version``."""

    version: str
    api: Literal["v1"]


class Readiness(Model):
    """The answer of ``GET /health/ready``."""

    status: Literal["ready", "not ready"]
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True)
class _Readiness:
    body: bytes
    status: int
    expires_at: float


class Health:
    """The handlers. Hears from the feed since when the bridge has been up.

    ``metrics_networks`` may read the metrics, and nobody from elsewhere: an administrator's token could be one that the
    agent no longer honours, which only a call that brings it would tell.
    """

    def __init__(self, *, bridge: Bridge, clock: Clock, version: str, metrics_networks: Networks) -> None:
        self._bridge = bridge
        self._clock = clock
        self._metrics_networks = metrics_networks
        self._version = to_json({"version": version, "api": "v1"})
        self._bridge_is_up = False
        self._bridge_since = utc(clock.time())
        self._readiness: _Readiness | None = None
        self._looking = Lock()
        self._report = b""
        self._report_until = float("-inf")
        self._reading = Lock()

    @counted(Counted.ASSET)
    @described(Description("This process answers", name="health.live", result=Live))
    async def live(self, _request: web.Request) -> web.Response:
        """``GET /health``: this process answers. Says nothing of the agent, whose outage must not restart it."""
        return web.Response(body=b'{"status":"ok"}', content_type=JSON)

    @counted(Counted.ASSET)
    @described(Description("The release", name="version", result=Release))
    async def version(self, _request: web.Request) -> web.Response:
        """``GET /version``."""
        return web.Response(body=self._version, content_type=JSON)

    @counted(Counted.ASSET)
    @described(
        Description(
            "Each dependency, its state and since when",
            name="health.ready",
            result=Readiness,
            also={503: Readiness},
        )
    )
    async def ready(self, request: web.Request) -> web.Response:
        """``GET /health/ready``: each dependency, its state and since when; 503 while one is down."""
        async with self._looking:  # who comes meanwhile gets what the first one saw
            readiness = self._readiness
            if readiness is None or readiness.expires_at <= self._clock.monotonic():
                readiness = self._readiness = await self._look(request[CONTEXT])
        return web.Response(body=readiness.body, status=readiness.status, content_type=JSON)

    @described(
        Description(
            "Metrics in the Prometheus text format",
            name="metrics",
            details="For the networks of `web.metrics_networks`. With `name[]` those series alone.",
            query=Query(Nothing, more={_NAMES: {"type": "array", "items": {"type": "string"}}}),
            media_type="text/plain",
            also={200: "Metrics."},
        )
    )
    async def metrics(self, request: web.Request) -> web.Response:
        """``GET /metrics?name[]=``: this process's and the agent's, in the Prometheus text format.

        With names, as of ``gateway_bans_total``, this process's series of these names alone, without asking the agent:
        everything grows to a megabyte with the routes and what became of them.
        """
        context = request[CONTEXT]
        if not is_within(context.address, self._metrics_networks):
            raise Denied(Code.FORBIDDEN)
        if names := request.query.getall(_NAMES, ()):
            some = generate_latest(REGISTRY.restricted_registry(names))
            return web.Response(body=some, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})
        own = generate_latest().decode()
        try:
            reply = await call(self._bridge, context, METRICS, Nothing(), credentials=ANONYMOUS)
            agents = Metrics.model_validate_json(reply.body).text
        except AppError as error:
            context.fail_with(error)
            agents = ""
        return web.Response(body=join_metrics(own, agents).encode(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    @counted(Counted.ASSET)
    async def keep(self, request: web.Request) -> web.Response:
        """``GET /health/keep``: how the keep is (:class:`~bridge.contracts.system.KeepReport`); 503 while it is away.

        For programs of this machine alone, as it names who used the rescue console: nginx says of everybody else's
        requests where they come from.
        """
        context = request[CONTEXT]
        self._require_this_machine(context)
        async with self._reading:
            if self._clock.monotonic() >= self._report_until:
                self._report = (await call(self._bridge, context, REPORT, Nothing(), credentials=ANONYMOUS)).body
                self._report_until = self._clock.monotonic() + _REPORT_KEPT_S
            return web.Response(body=self._report, content_type=JSON)

    @counted(Counted.ASSET)
    async def taken(self, request: web.Request) -> web.Response:
        """``POST /health/keep/taken`` ``{"ids": […]}``: the keep may forget these reports. For this machine alone."""
        context = request[CONTEXT]
        self._require_this_machine(context)
        ids = await read_json(request, TakenReports)
        async with self._reading:
            self._report_until = float("-inf")
            await call(self._bridge, context, REPORT_ACK, ids, credentials=ANONYMOUS)
        return web.Response(body=b"{}", content_type=JSON)

    @staticmethod
    def _require_this_machine(context: RequestContext) -> None:
        if not is_within(context.address, _THIS_MACHINE):
            raise Denied(Code.FORBIDDEN)

    # a listener of the feed

    def on_feed_event(self, event: FeedEvent) -> None:
        """Nothing that the agent says there changes how this process is doing."""

    def on_feed_gap(self) -> None:
        self._set_bridge(is_up=True)

    def _set_bridge(self, *, is_up: bool) -> None:
        if is_up != self._bridge_is_up:
            self._bridge_is_up, self._bridge_since = is_up, utc(self._clock.time())

    async def _look(self, context: RequestContext) -> _Readiness:
        dependencies: tuple[Dependency, ...] = ()
        try:
            reply = await call(self._bridge, context, STATUS, Nothing(), credentials=ANONYMOUS)
            dependencies = Status.model_validate_json(reply.body).dependencies
        except AppError as error:
            context.fail_with(error)
            self._set_bridge(is_up=False)
        else:
            self._set_bridge(is_up=True)
        is_ready = self._bridge_is_up and all(each.state != "down" for each in dependencies)
        seen = [("bridge", "up" if self._bridge_is_up else "down", self._bridge_since)]
        seen += [(each.name, each.state, each.since) for each in dependencies]
        body = {"status": "ready" if is_ready else "not ready", "dependencies": [_as_json(*each) for each in seen]}
        return _Readiness(to_json(body), 200 if is_ready else 503, self._clock.monotonic() + _KEPT_S)


def add_routes(app: web.Application, health: Health) -> None:
    app.router.add_get("/health", health.live)
    app.router.add_get("/health/ready", health.ready)
    app.router.add_get("/health/keep", health.keep)
    app.router.add_post("/health/keep/taken", health.taken)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_get("/version", health.version)


def join_metrics(own: str, agents: str) -> str:
    """Return both processes' metrics as one text, in which no family occurs twice.

    What every Python process exports is called ``agent_process_…`` and ``agent_python_…`` for the agent.
    """
    agents = _OF_EVERY_PROCESS.sub(r"\1agent_", agents)
    known = {family[1] for line in own.splitlines() if line.startswith("# TYPE") and (family := _FAMILY.match(line))}
    kept = []
    is_new = True
    for line in agents.splitlines(keepends=True):
        if line.startswith("# HELP") and (family := _FAMILY.match(line)):
            is_new = family[1] not in known
        if is_new:
            kept.append(line)
    return own + "".join(kept)


def _as_json(name: str, state: str, since: datetime) -> dict[str, object]:
    return {"name": name, "state": state, "since": since}
