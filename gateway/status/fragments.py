"""The page's parts as HTML, made anew only when what they show has changed, however many look."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from jinja2 import Environment
from markupsafe import Markup

from bridge.process.clock import Clock, rfc3339
from gateway.status import history, judging, snapshots, words
from gateway.status.judging import AVAILABILITY_GOAL, Headline, Section
from gateway.status.model import Model, OwnFacts
from gateway.status.snapshots import Files
from gateway.status.text import describe, host_figures

HEADLINE: Final = "headline"
_ANEW_S: Final = 15.0
"""How often it is made anew though no file has changed: that a writer fell silent changes no file."""

_HASH_DIGITS: Final = 12


class Process(Protocol):
    """The gateway process that shows the page."""

    def own_facts(self) -> OwnFacts:
        """Return what it knows of itself now."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part's inside; ``version`` changes with it."""

    version: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything at one moment: the parts by their id, the headline first."""

    headline: Headline
    at: str
    fragments: dict[str, Fragment]


class Fragments:
    def __init__(self, *, environment: Environment, files: Files, process: Process, clock: Clock, zone: tzinfo) -> None:
        self._environment = environment
        self._files = files
        self._process = process
        self._clock = clock
        self._zone = zone
        self._seen: tuple[object, ...] = ()
        self._shown: Shown | None = None
        self._making = asyncio.Lock()

    async def current(self) -> Shown:
        """Return what there is to show. Costs two looks at files where nothing has changed.

        Making it takes 10 ms as a rule and 40 with 500 outages, of a PC's processor: in a thread, so that nobody else's
        request waits for it.
        """
        async with self._making:  # who comes meanwhile gets what the first one made
            now = self._clock.time()
            own = self._process.own_facts()
            seen = (*map(_signature, self._files), own.breakers, [client for client, _ in own.bans], now // _ANEW_S)
            if self._shown is None or seen != self._seen:
                self._shown = await asyncio.to_thread(self._make, now, own)
                self._seen = seen
            return self._shown

    def _make(self, now: float, own: OwnFacts) -> Shown:
        model = snapshots.read(self._files, now)
        found = judging.findings(model)
        line = judging.headline(model, found)
        at = words.moment(now, self._zone, now=now)
        values = {
            "model": model,
            "monitor": model.monitor,
            "ddns": model.ddns,
            "now": now,
            "own": own,
            "own_bans": _unlisted(own, model),
            "found": found,
            "states": judging.states(model, found),
            "headline": line,
            "days": history.days(model.monitor.outages, now=now, zone=self._zone),
            "kinds": history.Kind,
            "kind": history.kind,
            "minutes": history.MINUTES,
            "shortest": history.SHORTEST,
            "goal": AVAILABILITY_GOAL,
            "judging": judging,
            "words": words,
            "describe": describe,
            "host_figures": host_figures,
            "when": partial(self._when, now),
            "clock_time": partial(words.moment, zone=self._zone, now=now),
            "zone": str(self._zone),
        }
        parts = {name: self._fragment(name, values) for name in (HEADLINE, *Section)}
        return Shown(line, at, parts)

    def _fragment(self, name: str, values: dict[str, object]) -> Fragment:
        html = self._environment.get_template(f"status/{name}.html").render(values)
        return Fragment(hashlib.sha256(html.encode()).hexdigest()[:_HASH_DIGITS], Markup(html))  # noqa: S704 - escaped by its template

    def _when(self, now: float, unix_s: float) -> Markup:
        """Return a moment for people and for machines."""
        said = words.moment(unix_s, self._zone, now=now)
        return Markup('<time datetime="{}">{}</time>').format(rfc3339(unix_s, timespec="seconds"), said)


def _unlisted(own: OwnFacts, model: Model) -> list[tuple[str, float]]:
    """Return whom this process alone keeps out: where the firewall has a ban as well, the monitor tells of it."""
    listed = {ban.address for ban in model.monitor.bans.recent} if model.monitor.bans else frozenset()
    return [(client, left_s) for client, left_s in own.bans if client not in listed]


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is replaced."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
