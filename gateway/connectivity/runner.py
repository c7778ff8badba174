"""Looks at each rung when it is due, at once when the kernel says that something changed, and faster while in doubt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bridge.process.clock import Clock
from gateway.connectivity.checks import CHECKS
from gateway.connectivity.config import Config
from gateway.connectivity.diagnosis import beyond_dns
from gateway.connectivity.earlier_answers import EarlierAnswers
from gateway.connectivity.findings import KEEP, LINE, Finding, Rung, unknown
from gateway.connectivity.line import Line
from gateway.connectivity.netlink import Changes, NetlinkFailed, Network, dump_network
from gateway.connectivity.small_files import write_object
from gateway.connectivity.watch import Watch

SNAPSHOT_EVERY_S: Final = 10.0
DUMP_EVERY_S: Final = 30.0
"""The kernel says what changes; this is for an event that never came."""
_LOOK_S: Final = 20.0
"""Every check has shorter deadlines of its own; this one is for what nobody thought of."""

_REST_MIN_S: Final = 0.05

_log: Final = logging.getLogger(__name__)

Look = Callable[[Rung, Finding, float], None]


async def look(line: Line, rung: Rung) -> tuple[Finding, float]:
    """Return what one check finds, and the milliseconds it took. Its own failure is no finding about the line."""
    began = line.clock.monotonic()
    try:
        async with asyncio.timeout(_LOOK_S):
            finding = await CHECKS[rung](line)
    except Exception as error:  # noqa: BLE001 - one check's mistake must not end the others
        _log.error("check_failed", exc_info=error, extra={"drawbridge_fields": {"rung": rung.value}})
        finding = unknown("The check itself failed; its log says how", {"error": type(error).__name__})
    return finding, (line.clock.monotonic() - began) * 1000


async def climb(
    line: Line, branch: Sequence[Rung], on_look: Look, *, is_due: Callable[[Rung], bool] = lambda _: True
) -> None:
    """Look at the rungs of ``branch`` that are due, up to the first broken one; each finding goes to ``on_look``.

    When DNS is broken, the targets are tried at the addresses of earlier answers, to tell a cause from a consequence.
    """
    network = line.network
    for rung in branch:
        if not is_due(rung):
            continue
        finding, took_ms = await look(line, rung)
        further: Finding | None = None
        if rung is Rung.DNS and finding.state == "down":
            line.is_in_doubt = True
            https, _ = await look(line, Rung.HTTPS)
            finding, further = beyond_dns(finding, https)
        if line.network is not network:
            return  # it changed under the look, and all is looked at anew
        on_look(rung, finding, took_ms)
        if further is not None:
            on_look(Rung.HTTPS, further, took_ms)
            return
        if finding.state == "down":
            return


class Runner:
    """The monitor's loop. ``others`` returns the snapshot's keys that are not of the line."""

    def __init__(
        self, config: Config, *, clock: Clock, watch: Watch, others: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self._config = config
        self._clock = clock
        self._watch = watch
        self._others = others
        self._earlier = EarlierAnswers.beside(config.journal, clock)
        self._line = Line(config, clock, target_addresses=self._earlier.read(config.targets))
        self._due = dict.fromkeys(Rung, 0.0)
        self._wake = asyncio.Event()
        self._written_at = -SNAPSHOT_EVERY_S
        self._dumped_at = -DUMP_EVERY_S
        self._is_unwritten = False
        every = config.every_s
        self._every_s: dict[Rung, float] = {
            **dict.fromkeys(Rung, every),
            Rung.HTTPS: config.https_every_s,
            Rung.NAME: config.name_every_s,
            Rung.PORT: config.mirror_every_s,
        }

    async def run(self) -> None:
        """Look until cancelled."""
        with Changes() as changes:
            self._refresh()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(changes))
                group.create_task(self._follow(LINE))
                group.create_task(self._follow(KEEP))

    async def _listen(self, changes: Changes) -> None:
        """Take what the kernel says at once, even while a look waits for an answer that will not come."""
        while True:
            await changes.happened.wait()
            changes.happened.clear()
            if self._refresh():
                finding, took_ms = await look(self._line, Rung.LINK)
                self._take(Rung.LINK, finding, took_ms)
                self._conclude()
                self._wake.set()

    async def _follow(self, branch: Sequence[Rung]) -> None:
        while True:
            began = self._clock.monotonic()
            if branch is LINE:
                self._wake.clear()
                if began - self._dumped_at >= DUMP_EVERY_S:
                    self._refresh()
                self._line.turn += 1
            await climb(self._line, branch, self._take, is_due=self._is_due)
            self._conclude()
            if branch is LINE and self._watch.ladder.steps[Rung.HTTPS].state == "up":  # a target has proved itself
                await self._earlier.keep(self._line.target_addresses)
            rest_s = self._rest_s(branch, began)
            if branch is KEEP:
                await asyncio.sleep(rest_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()

    def _rest_s(self, branch: Sequence[Rung], began: float) -> float:
        now = self._clock.monotonic()
        if self._watch.ladder.is_well(branch):
            return max(_REST_MIN_S, min(self._due[rung] for rung in branch) - now)
        pace_s = self._config.broken_every_s if self._is_clear(branch) else self._config.confirm_every_s
        return max(_REST_MIN_S, began + pace_s - now)

    def _is_clear(self, branch: Sequence[Rung]) -> bool:
        """Say whether it is confirmed what is broken, and the latest look found it so."""
        broken = self._watch.ladder.broken(branch)
        finding = self._watch.ladder.steps[broken].finding if broken else None
        return finding is not None and finding.state == "down"

    def _is_due(self, rung: Rung) -> bool:
        """Whatever has its time, or is in doubt; and what carries that, until it is clear what is broken."""
        ladder = self._watch.ladder
        branch = ladder.branch_of(rung)
        if self._clock.monotonic() >= self._due[rung] - _REST_MIN_S or ladder.is_suspect(rung):
            return True
        if branch is LINE and self._is_clear(branch):
            return False  # a wrong name is no reason to call the targets every few seconds
        return any(ladder.is_suspect(each) for each in branch)

    def _take(self, rung: Rung, finding: Finding, took_ms: float) -> None:
        self._due[rung] = self._clock.monotonic() + self._every_s[rung]
        if self._watch.take(rung, finding, took_ms=took_ms):
            self._is_unwritten = True

    def _refresh(self) -> bool:
        """Read the kernel's tables; return whether they changed, in which case everything on the line is due."""
        self._dumped_at = self._clock.monotonic()
        try:
            network = dump_network()
        except NetlinkFailed as error:
            if self._line.network == Network():
                raise  # not one look at the kernel: nothing could be said of anything
            _log.warning("netlink_failed", extra={"drawbridge_fields": {"error": str(error)}})
            return False
        if network == self._line.network:
            return False
        was_known = self._line.network != Network()
        self._line.network = network
        if was_known:
            for rung in LINE:
                self._due[rung] = 0.0
        return True

    def _conclude(self) -> None:
        before = self._watch.diagnosis
        self._watch.settle()
        after = self._watch.diagnosis
        now = self._clock.monotonic()
        is_news = (before and before.code) != (after and after.code)
        if is_news or self._is_unwritten or now - self._written_at >= SNAPSHOT_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write the snapshot now."""
        self._written_at, self._is_unwritten = self._clock.monotonic(), False
        snapshot = {"at": self._clock.time(), **self._watch.snapshot(), **self._others()}
        try:
            write_object(self._config.status, snapshot)
        except OSError as error:
            _log.warning("status_not_written", extra={"drawbridge_fields": {"error": str(error)}})
