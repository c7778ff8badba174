"""The targets' addresses of earlier answers, kept over restarts: what is tried when no resolver answers from the start.

A power cut often takes router and appliance at once. With these addresses a line that is cut further out is told from a
dead resolver although this process has never had an answer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bridge.process.clock import Clock
from bridge.process.files import replace_file
from gateway.connectivity.checks.dns import is_public
from gateway.connectivity.small_files import read_object

BELIEVED_S: Final = 7 * 86_400.0
"""Older ones may have moved; and a host that has moved looks like a line that is cut."""
SAVED_EVERY_S: Final = 86_400.0
MOVED_EVERY_S: Final = 3600.0
"""Where every answer is of other machines: the card is spared."""

_ADDRESSES_MAX: Final = 16
_TIME_MAX: Final = 1e12

_log: Final = logging.getLogger(__name__)

Addresses = Mapping[str, tuple[str, ...]]


class EarlierAnswers:
    """The file ``targets.json``: ``{"at": 1780000000.0, "addresses": {"deb.debian.org": ["199.232.1.2"]}}``."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._saved: dict[str, tuple[str, ...]] = {}
        self._saved_at = float("-inf")

    @classmethod
    def beside(cls, journal: Path, clock: Clock) -> EarlierAnswers:
        """Return those in the folder of the journal."""
        return cls(journal.with_name("targets.json"), clock)

    def read(self, targets: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return what is known of ``targets``; nothing where it is too old or cannot be read.

        A time that lies ahead is no older: a Pi's clock is behind until the network has set it.
        """
        value = read_object(self._path) or {}
        at, addresses = value.get("at"), value.get("addresses")
        if not isinstance(at, int | float) or not abs(at) < _TIME_MAX or not isinstance(addresses, dict):
            return {}
        if self._clock.time() - at > BELIEVED_S:
            return {}
        found = {name: _addresses(addresses.get(name)) for name in targets}
        self._saved = {name: known for name, known in found.items() if known}
        self._saved_at = float(at)
        return dict(self._saved)

    async def keep(self, addresses: Addresses) -> None:
        """Save ``addresses`` once a day, and sooner where they are of other machines or of one more target.

        What cannot be written is tried again as late.
        """
        now = self._clock.time()
        moved = any(not set(found) & set(self._saved.get(name, ())) for name, found in addresses.items())
        every_s = MOVED_EVERY_S if moved else SAVED_EVERY_S
        if addresses.keys() <= self._saved.keys() and 0 <= now - self._saved_at < every_s:
            return
        self._saved, self._saved_at = dict(addresses), now
        try:
            content = json.dumps({"at": now, "addresses": self._saved}).encode()
            await asyncio.to_thread(replace_file, self._path, content)
        except OSError as error:
            _log.warning("targets_not_saved", extra={"drawbridge_fields": {"error": str(error)}})


def _addresses(value: object) -> tuple[str, ...]:
    """Return the public addresses in a list of texts; what is none is left out."""
    found = []
    for each in value if isinstance(value, list) else []:
        try:
            address = str(ipaddress.ip_address(each)) if isinstance(each, str) else ""
        except ValueError:
            continue
        if address and is_public(address):
            found.append(address)
    return tuple(found[:_ADDRESSES_MAX])
