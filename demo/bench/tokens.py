"""How long the gateway takes to verify an access token, beside the bare check of its signature."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.accounts.access_tokens import AccessTokens, Claims
from agent.accounts.token_keys import TokenKeys
from agent.settings import Tokens
from bridge.contracts.operation import Role
from bridge.contracts.system import FeedEvent
from bridge.process.clock import SystemClock
from demo.bench.load import Latencies
from gateway.accounts.tokens import TokenVerifier

_TOKENS: Final = 5_000
_WARM: Final = 200
_TOKEN_LIVES_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Verification:
    """``bare``: the signature alone. ``first``: a token that was not seen yet; ``again``: one that was."""

    bare: Latencies
    first: Latencies
    again: Latencies

    @property
    def first_to_bare(self) -> float:
        return round(self.first.p50_ms / self.bare.p50_ms, 2)


def verification(say: Callable[[str], None]) -> Verification:
    """Verify tokens as the agent makes them, in this process, the three ways by turns."""
    say(f"verifying {_TOKENS:,} tokens")
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="drawbridge-bench-") as folder:
        settings = Tokens(keys_dir=Path(folder))
        keys = TokenKeys(settings)
        keys.load(clock.time())
        made = list(_tokens(AccessTokens(keys, settings), clock.time()))
        (public,) = keys.public_keys()
    verifier = TokenVerifier(clock=clock, agent_time=clock.time, outage_grace_s=0.0, remembered_max=2 * _TOKENS)
    verifier.on_feed_event(FeedEvent(kind="hello", keys=(public,)))
    key = Ed25519PublicKey.from_public_bytes(_decoded(public.x))
    times: dict[str, list[float]] = {"bare": [], "first": [], "again": []}
    for number, token in enumerate(made):
        signed, _, signature = token.rpartition(".")
        message, seal = signed.encode(), _decoded(signature)
        marks = [clock.monotonic()]
        key.verify(seal, message)
        marks.append(clock.monotonic())
        for _ in range(2):
            verifier.verify(token)
            marks.append(clock.monotonic())
        if number >= _WARM:
            for name, before, after in zip(times, marks, marks[1:], strict=False):
                times[name].append(after - before)
    return Verification(*(Latencies.of(each) for each in times.values()))


def _tokens(access: AccessTokens, now: float) -> Iterator[str]:
    for number in range(_WARM + _TOKENS):
        claims = Claims(uuid4(), uuid4(), Role.VIEWER, 0, now + _TOKEN_LIVES_S)
        yield access.issue(claims, email=f"user{number}@example.org", now=now)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
