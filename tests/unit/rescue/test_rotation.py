"""The order of a rotation, against the bridge's own, and cut off anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bridge.keys import (
    KeysRefused,
    Ring,
    RotationStep,
    generate,
    generation_text,
    parse_generation,
    rotate_once,
    rotation_under_way,
)
from rescue.ours import StepFailed
from rescue.rotation import SETTLE_S, Step, after, key_id_of, rotate, step_under_way

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class CutOff(Exception):
    pass


@dataclass
class Side:
    """One host's real ring, which is cut off after some changes."""

    ring: Ring
    changes_left: list[int]
    done: list[str] = field(default_factory=list)

    def ids(self) -> dict[str, str]:
        named = {"previous": self.ring.previous, "current": self.ring.current, "next": self.ring.next}
        return {name: one.key_id for name, one in named.items() if one is not None}

    def offer(self) -> bytes:
        if self.ring.next is None:
            self._change(self.ring.stage(generate("gateway", now=NOW)))
        assert self.ring.next is not None
        return generation_text(self.ring.next).encode()

    def take(self, generation: bytes) -> None:
        self._change(self.ring.stage(parse_generation(generation)))

    def promote(self) -> None:
        self._change(self.ring.promote())

    def retire(self) -> None:
        self._change(self.ring.retire())

    def _change(self, ring: Ring) -> None:
        self.ring = ring
        self.changes_left[0] -= 1
        if self.changes_left[0] == 0:
            raise CutOff


@pytest.mark.parametrize("changes", range(1, 7))
def test_rotation_goes_on_when_it_was_cut_off_after_any_change(changes: int) -> None:
    ring, left = Ring(generate("gateway", now=NOW)), [changes]
    agent, unit = Side(ring, left), Side(ring, left)
    with pytest.raises(CutOff):
        rotate(agent, unit, lambda _line: None, lambda _s: None)
    left[0] = 100

    rotate(agent, unit, lambda _line: None, lambda _s: None)

    assert agent.ring == unit.ring
    assert agent.ring.current != ring.current
    assert agent.ring.generations == (agent.ring.current,)


def test_rotation_waits_before_what_could_lose_a_call_when_run() -> None:
    ring, said, waited = Ring(generate("gateway", now=NOW)), list[str](), list[float]()
    rotate(Side(ring, [100]), Side(ring, [100]), said.append, waited.append)

    steps = [line for line in said if line in list(Step)]
    assert steps == [step.value for step in RotationStep]
    assert waited == [SETTLE_S, SETTLE_S]
    assert [Step(step.value).needs_settling for step in RotationStep] == [one.needs_settling for one in RotationStep]


def test_rotation_says_the_bridges_next_step_when_both_look_at_the_same_rings() -> None:
    ring = Ring(generate("gateway", now=NOW))
    agent, unit = ring, ring
    for step in RotationStep:
        before = Side(agent, [100]).ids(), Side(unit, [100]).ids()
        agent, unit = rotate_once(agent, unit, step=step, now=NOW)
        ids = Side(agent, [100]).ids(), Side(unit, [100]).ids()
        assert after(Step(step.value), *before, staged=ids[0].get("next", "")) == ids
        following = rotation_under_way(agent, unit)
        assert (step_under_way(*ids) or "none") == (following.value if following else "none")


def test_rotation_is_refused_when_the_two_hosts_share_no_key() -> None:
    one, other = Ring(generate("gateway", now=NOW)), Ring(generate("gateway", now=NOW))
    with pytest.raises(KeysRefused):
        rotation_under_way(one, other)
    with pytest.raises(StepFailed, match="readmit-door"):
        step_under_way(Side(one, [9]).ids(), Side(other, [9]).ids())
    with pytest.raises(StepFailed):
        step_under_way({}, {})


@pytest.mark.parametrize("printed", [b"", b"[]", b"{}", b'{"gateway": 1}', b'{"gateway": {"next": {}}}'])
def test_key_id_is_refused_when_nothing_was_offered(printed: bytes) -> None:
    with pytest.raises(StepFailed):
        key_id_of(printed)
