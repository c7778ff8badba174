"""How much stands against each client: points that drain away, as a leaky bucket. Pure, and bounded."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from bridge.process.bans import Reason
from gateway.protection.rules import Rule


@dataclass(slots=True)
class _Account:
    at: float
    points: float = 0.0
    rules: Counter[str] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Over:
    """A client that has reached the threshold: its points, how often each rule counted, and the weightiest reason."""

    points: float
    rules: Mapping[str, int]
    reason: Reason


class Scores:
    """``drain_per_s`` points leave each second. Of more than ``clients_max``, those quiet longest are forgotten."""

    def __init__(self, *, threshold: float, drain_per_s: float, clients_max: int) -> None:
        self._threshold = threshold
        self._drain_per_s = drain_per_s
        self._clients_max = clients_max
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def add(self, client: str, rule: Rule, now: float) -> Over | None:
        """Count ``rule`` against ``client``; ``now`` in monotonic seconds. Who is over the threshold begins anew."""
        account = self._accounts.get(client)
        if account is not None:
            account.points -= (now - account.at) * self._drain_per_s
        if account is None or account.points <= 0:
            account = self._accounts[client] = _Account(now)
        self._accounts.move_to_end(client)
        if len(self._accounts) > self._clients_max:
            self._accounts.popitem(last=False)
        account.at = now
        account.points += rule.points
        account.rules[rule.id] += 1
        account.reasons[rule.reason] += rule.points
        if ceil(account.points) < self._threshold:  # what drained away within a request's time is not missed
            return None
        del self._accounts[client]
        return Over(account.points, dict(account.rules), account.reasons.most_common(1)[0][0])

    def forget(self, client: str) -> None:
        self._accounts.pop(client, None)
