"""Where the facts come from: sockets, files and this machine, each looked at as often as it may have changed.

Nothing here fails: what does not answer is a fact too.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bridge.process.bans import HelperAway, ask_bans
from bridge.process.clock import Clock
from bridge.process.host import Places, ThisHost
from bridge.process.host_report import HostReport
from bridge.process.http_unix import NoAnswer, ask
from gateway.alerts.watches.certificate_end import NoCertificate, read_end
from gateway.alerts.watches.facts import (
    BackupFacts,
    Ban,
    BanFacts,
    DdnsFacts,
    Facts,
    GatewayFacts,
    KeepFacts,
    MailFacts,
)
from gateway.alerts.watches.figures import TARGET, TEXT_MAX_BYTES, Window, parse
from gateway.alerts.watches.settings import Settings

GATEWAYS_EVERY_S: Final = 30.0
HOSTS_EVERY_S: Final = 60.0
SENSORS_EVERY_S: Final = 15.0
"""The Pi's driver says of the last two seconds alone whether the power was weak."""
CERTIFICATES_EVERY_S: Final = 3600.0
CERTIFICATES_AGAIN_S: Final = 600.0
"""After one could not be had."""

_OK: Final = 200
_FORBIDDEN: Final = 403
_FILE_MAX_BYTES: Final = 1 << 20
_TIME_MAX: Final = 1e12
_KEEP_S: Final = 8.0
"""Longer than the gateway gives a request."""


class Sources:
    """Everything that is looked at. :meth:`read` what is due, and get it together with what is known from before."""

    def __init__(self, settings: Settings, clock: Clock, host: ThisHost | None = None) -> None:
        self._settings = settings
        self._clock = clock
        places = Places(disk=settings.disk, release=settings.release)
        self._host = host or ThisHost("door", settings.units, clock=clock, places=places)
        self._windows = {socket: Window(settings.window_s) for socket in settings.sockets}
        self._restarts: deque[tuple[float, dict[tuple[str, str], int]]] = deque()
        self._due: dict[str, float] = {}
        self._gateways: tuple[GatewayFacts, ...] = ()
        self._door: HostReport | None = None
        self._keep: KeepFacts | None = None
        self._keep_refusal = ""
        self._web_ends: dict[str, float | str] = {}
        self._bans: BanFacts | None = None
        self._ddns: DdnsFacts | None = None

    async def read(self) -> Facts:
        """Return the facts, after looking at what is due. Takes as long as the slowest does not answer: some 8 s."""
        looks: tuple[tuple[str, float, Callable[[], Awaitable[None]]], ...] = (
            ("gateways", GATEWAYS_EVERY_S, self._read_gateways),
            ("door", HOSTS_EVERY_S, self._read_door),
            ("sensors", SENSORS_EVERY_S, self._read_sensors),
            ("keep", HOSTS_EVERY_S, self._read_keep),
            ("bans", HOSTS_EVERY_S, self._read_bans),
            ("ddns", HOSTS_EVERY_S, self._read_ddns),
            ("web", CERTIFICATES_EVERY_S, self._read_web),
        )
        now = self._clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for name, every_s, look in looks:
                if now >= self._due.get(name, now):
                    self._due[name] = now + every_s
                    tasks.create_task(_run(look))
        return Facts(
            now=self._clock.time(),
            gateways=self._gateways,
            door=self._door,
            keep=self._keep,
            keep_refusal=self._keep_refusal,
            web_ends=dict(self._web_ends),
            bans=self._bans,
            ddns=self._ddns,
            restarted=self._restarted(),
        )

    async def acknowledge(self, ids: Iterable[str]) -> bool:
        """Tell the keep which of its reports are on this machine's disk. Returns whether it heard."""
        body = json.dumps({"ids": list(ids)}).encode()
        for socket in self._settings.sockets:
            try:
                answer = await ask(socket, "/health/keep/taken", method="POST", json=body, timeout_s=_KEEP_S)
            except NoAnswer:
                continue
            if answer.status == _OK:
                return True
        return False

    async def _read_gateways(self) -> None:
        self._gateways = tuple([await self._read_gateway(socket) for socket in self._settings.sockets])

    async def _read_gateway(self, socket: Path) -> GatewayFacts:
        name = socket.stem.replace("-", "@")
        window = self._windows[socket]
        try:
            answer = await ask(socket, TARGET, answer_max_bytes=TEXT_MAX_BYTES)
        except NoAnswer as error:
            return GatewayFacts(name, str(error))
        if answer.status != _OK:
            hint = ": web.metrics_networks has to hold 127.0.0.0/8" if answer.status == _FORBIDDEN else ""
            return GatewayFacts(name, f"it answers {answer.status}{hint}")
        figures = parse(answer.body.decode("utf-8", "replace"))
        window.add(self._clock.monotonic(), figures)
        return GatewayFacts(name, "", window.traffic(), figures.breakers, figures.cache, figures.certificates)

    async def _read_door(self) -> None:
        self._door = await self._host.read()
        self._remember_restarts()

    async def _read_sensors(self) -> None:
        hot, weak = await self._host.read_sensors()
        if self._door is not None:
            self._door = replace(self._door, temperature_c=hot, under_voltage=weak)

    async def _read_keep(self) -> None:
        refusal = "no gateway answers"
        for socket in self._settings.sockets:
            try:
                answer = await ask(socket, "/health/keep", timeout_s=_KEEP_S)
                if answer.status == _OK:
                    self._keep, self._keep_refusal = keep_facts(json.loads(answer.body), self._clock.time()), ""
                    return
                refusal = _problem(answer.status, answer.body)
            except NoAnswer:
                continue
            except (ValueError, KeyError, TypeError, OverflowError):
                refusal = "its report cannot be read"
        self._keep, self._keep_refusal = None, refusal

    async def _read_bans(self) -> None:
        socket = self._settings.bans_socket
        try:
            status = await ask_bans("status", socket)
            listed = (await ask_bans("list", socket))["bans"] if status["bans"] else []
            bans = tuple(
                Ban(str(ban["address"]), str(ban["reason"]), float(ban["began_unix"]), float(ban["remaining_s"]))
                for ban in listed
            )
            self._bans = BanFacts(in_force=bool(status["in_force"]), bans=bans)
        except HelperAway as error:
            self._bans = BanFacts(refusal=str(error))
        except (KeyError, TypeError, ValueError, OverflowError):
            self._bans = BanFacts(refusal="its answer cannot be read")

    async def _read_ddns(self) -> None:
        self._ddns = DdnsFacts(await asyncio.to_thread(_time_of, self._settings.ddns_status))

    async def _read_web(self) -> None:
        for name in self._settings.web_names:
            try:
                self._web_ends[name] = await read_end(name, port=self._settings.web_port)
            except NoCertificate as error:
                self._web_ends[name] = str(error)
                self._due["web"] = self._clock.monotonic() + CERTIFICATES_AGAIN_S

    def _remember_restarts(self) -> None:
        now = self._clock.monotonic()
        counts: dict[tuple[str, str], int] = {}
        for host in (self._door, self._keep.host if self._keep else None):
            if host is not None:
                counts |= {(host.host, unit.name): unit.restarts for unit in host.units}
        self._restarts.append((now, counts))
        while self._restarts[0][0] < now - self._settings.restarts_within_s:
            self._restarts.popleft()

    def _restarted(self) -> dict[tuple[str, str], int]:
        """Return how often each unit was restarted within the while that is remembered."""
        total: dict[tuple[str, str], int] = {}
        for (_, before), (_, after) in zip(self._restarts, list(self._restarts)[1:], strict=False):
            for unit, count in after.items():
                # one that was started by hand counts anew
                more = count - before.get(unit, count)
                total[unit] = total.get(unit, 0) + max(more, 0)
        return {unit: count for unit, count in total.items() if count}


async def _run(look: Callable[[], Awaitable[None]]) -> None:
    await look()


def keep_facts(values: dict[str, Any], heard_at: float) -> KeepFacts:
    """Return what the keep said. Raises KeyError, TypeError or ValueError for what is no report of it."""
    backup, mail = values["backup"], values.get("mail")  # an older keep says nothing of mail
    return KeepFacts(
        host=HostReport.of(values["host"]),
        heard_at=heard_at,
        backup=None
        if backup is None
        else BackupFacts(
            last=None if backup["last"] is None else float(backup["last"]),
            last_ok=bool(backup["last_ok"]),
            drill=None if backup["drill"] is None else float(backup["drill"]),
            drill_ok=bool(backup["drill_ok"]),
            detail=str(backup["detail"]),
        ),
        certificates={str(each["name"]): float(each["ends"]) for each in values["certificates"]},
        events=tuple(_objects(values["events"])),
        mail=None
        if mail is None
        else MailFacts(
            waiting=int(mail["waiting"]),
            oldest=None if mail["oldest"] is None else float(mail["oldest"]),
            parked=int(mail["parked"]),
        ),
    )


def _objects(values: list[Any]) -> Iterator[dict[str, Any]]:
    return (value for value in values if isinstance(value, dict))


def _problem(status: int, body: bytes) -> str:
    """Return the title of an RFC 9457 problem, or the status."""
    try:
        title = json.loads(body)["title"]
    except (ValueError, KeyError, TypeError):
        title = None
    return title if isinstance(title, str) and title else f"the gateway answers {status}"


def _time_of(path: Path) -> float | None:
    try:
        with path.open("rb") as file:
            at = json.loads(file.read(_FILE_MAX_BYTES))["at"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(at) if isinstance(at, int | float) and abs(at) < _TIME_MAX else None
