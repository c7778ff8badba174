"""``system.report`` and ``system.report_ack``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal

from agent.mail.upkeep import Upkeep
from agent.report.backups import read_backup
from agent.report.outbox import Outbox
from agent.settings import AgentSettings
from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.system import REPORT, REPORT_ACK, CertificateEnd, KeepReport, MailState, TakenReports
from bridge.errors import AppError, Code, Unavailable
from bridge.process.bans import HelperAway, ask_bans
from bridge.process.clock import Clock
from bridge.process.host import Places, ThisHost
from bridge.server import NOTHING, Answer, CallerContext, Handler
from bridge.tls import ReloadingServerTLS

_QUERY_S: Final = 1.0
_CERTIFICATES: Final[Mapping[str, Literal["agent", "intermediate", "root"]]] = {
    "leaf": "agent", "intermediate": "intermediate", "root": "root",
}  # fmt: skip


class Reporting:
    """Looks at this machine when asked, and not more often than every ``report.kept_s``, however many ask."""

    def __init__(
        self, settings: AgentSettings, tls: ReloadingServerTLS, clock: Clock, *, mail: Upkeep | None = None
    ) -> None:
        figures = settings.report
        places = Places(
            disk=figures.disk,
            release=figures.release,
            systemctl=figures.systemctl,
            timedatectl=figures.timedatectl,
        )
        self._host = ThisHost("keep", figures.units, clock=clock, places=places)
        self._state_file = settings.backup.state_file if settings.backup.target else None
        self._tls = tls
        self._mail = mail
        self._bans_socket = figures.bans_socket
        self._outbox = Outbox(figures.outbox)
        self._clock = clock
        self._kept_s = figures.kept_s
        self._looking = asyncio.Lock()
        self._kept: bytes | None = None
        self._kept_until = float("-inf")

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {REPORT: self._report, REPORT_ACK: self._acknowledge}

    async def _report(self, _context: CallerContext, _params: Nothing) -> Answer:
        async with self._looking:  # who comes meanwhile gets what the first one saw
            if self._kept is None or self._clock.monotonic() >= self._kept_until:
                self._kept = await self._look()
                self._kept_until = self._clock.monotonic() + self._kept_s
            return Answer(self._kept)

    async def _acknowledge(self, _context: CallerContext, params: TakenReports) -> Answer:
        async with self._looking:
            try:
                await asyncio.to_thread(self._outbox.remove, params.ids)
            except OSError as error:
                raise Unavailable(Code.INTERNAL, "The reports cannot be removed") from error
            self._kept = None
        return NOTHING

    async def _look(self) -> bytes:
        async with asyncio.TaskGroup() as tasks:
            host, bans = tasks.create_task(self._host.read()), tasks.create_task(self._count_bans())
            mail = tasks.create_task(self._look_at_mail())
        waiting, backup = await asyncio.to_thread(
            lambda: (self._outbox.waiting(), read_backup(self._state_file) if self._state_file else None)
        )
        report = KeepReport(
            host=host.result(),
            backup=backup,
            certificates=tuple(
                CertificateEnd(name=_CERTIFICATES[name], ends=end.timestamp()) for name, end in self._tls.ends.items()
            ),
            bans=bans.result(),
            events=waiting.oldest,
            waiting=waiting.count,
            mail=mail.result(),
        )
        return report.model_dump_json().encode()

    async def _look_at_mail(self) -> MailState | None:
        if self._mail is None:
            return None
        try:
            return await self._mail.state(deadline=self._clock.monotonic() + _QUERY_S)
        except AppError:  # that the store is away is told otherwise
            return None

    async def _count_bans(self) -> int | None:
        try:
            bans = (await ask_bans("status", self._bans_socket))["bans"]
        except (HelperAway, KeyError):
            return None
        return bans if isinstance(bans, int) else None
