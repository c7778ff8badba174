"""What the agent says of itself and of its machine: ``system.*``, but for the feed and renewals."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import REGISTRY, generate_latest

from agent.component import Component, Handlers
from agent.db.availability import Availability
from agent.mail.component import Mailing
from agent.report.operations import Reporting
from agent.settings import AgentSettings
from bridge.contracts.operation import Nothing
from bridge.contracts.system import METRICS, STATUS, Dependency, Metrics, Status
from bridge.process.clock import Clock, utc
from bridge.process.version import VERSION
from bridge.server import Answer, CallerContext
from bridge.tls import ReloadingServerTLS


class System(Component):
    """``boot`` is this start's random id, ``dependencies`` are what the agent needs, as listed to who asks."""

    def __init__(
        self,
        settings: AgentSettings,
        clock: Clock,
        *,
        boot: str,
        tls: ReloadingServerTLS,
        mailing: Mailing,
        dependencies: Sequence[Availability],
    ) -> None:
        self._boot = boot
        self._started_at = utc(clock.time())
        self._dependencies = dependencies
        mail = mailing.upkeep if mailing.outbox.is_on else None
        self._reporting = Reporting(settings, tls, clock, mail=mail)

    @property
    def handlers(self) -> Handlers:
        return {**self._reporting.handlers, STATUS: self._status, METRICS: _metrics}

    async def _status(self, _context: CallerContext, _params: Nothing) -> Answer:
        status = Status(
            version=VERSION,
            boot=self._boot,
            started_at=self._started_at,
            dependencies=tuple(_as_dependency(part) for part in self._dependencies),
        )
        return Answer(status.model_dump_json().encode())


def _as_dependency(part: Availability) -> Dependency:
    condition = part.condition
    return Dependency(name=part.name, state=condition.state, since=utc(condition.since), reason=condition.reason)


async def _metrics(_context: CallerContext, _params: Nothing) -> Answer:
    return Answer(Metrics(text=generate_latest(REGISTRY).decode()).model_dump_json().encode())
