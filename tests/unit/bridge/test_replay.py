"""The window against a memory that never forgets, and what it does when it must forget."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.replay import FORGET_AFTER_S, PROCESSES_MAX, WINDOW_COUNTERS, ReplayMemory

NOW = 1_800_000_000.0


def full_memory(now: float = NOW) -> ReplayMemory:
    """Return a memory without a free place: process p0 spoke first, one second before p1, and so on until ``now``."""
    memory = ReplayMemory()
    for number in range(PROCESSES_MAX):
        assert memory.accept(f"p{number}", 1, now - PROCESSES_MAX + 1 + number)
    return memory


class Model:
    """What the memory must do, with all the room in the world."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.used: dict[str, set[int]] = {}

    def accept(self, process: str, counter: int) -> bool:
        used = self.used.setdefault(process, set())
        if counter in used or counter <= max(used, default=counter) - self.window:
            return False
        used.add(counter)
        return True


@given(
    window=st.sampled_from([1, 2, 8, 64]),
    nonces=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200) | st.integers(0, 10**19)), max_size=300),
)
def test_memory_agrees_with_a_set_of_all_nonces_when_nobody_is_forgotten(
    window: int, nonces: list[tuple[str, int]]
) -> None:
    memory, model = ReplayMemory(window=window), Model(window)
    for process, counter in nonces:
        assert memory.accept(process, counter, NOW) is model.accept(process, counter)


@given(nonces=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(-100, 100)), max_size=300))
@example(nonces=[(2, 1, 0), (3, 0, 0), (0, 0, 0), (1, 0, 61), (2, 0, 0), (2, 1, -1)])  # forgotten, back, clock set back
def test_memory_accepts_no_nonce_twice_within_its_lifetime_when_processes_come_and_go(
    nonces: list[tuple[int, int, float]],
) -> None:
    memory, now, accepted_at = ReplayMemory(processes_max=3), NOW, dict[tuple[int, int], float]()
    for process, counter, passes_s in nonces:
        now += passes_s
        if memory.accept(f"p{process}", counter, now):
            before = accepted_at.get((process, counter))
            assert before is None or now - before > FORGET_AFTER_S
            accepted_at[process, counter] = now


def test_counter_is_accepted_once_when_it_is_the_oldest_in_the_window() -> None:
    memory = ReplayMemory()
    assert memory.accept("p", WINDOW_COUNTERS, NOW)
    assert memory.accept("p", 1, NOW)
    assert not memory.accept("p", 1, NOW)
    assert not memory.accept("p", 0, NOW), "just behind the window"


def test_window_is_empty_when_a_counter_jumps_over_it() -> None:
    memory = ReplayMemory()
    assert memory.accept("p", 1, NOW)
    assert memory.accept("p", 10**18, NOW)
    assert memory.accept("p", 10**18 - WINDOW_COUNTERS + 1, NOW)
    assert not memory.accept("p", 10**18, NOW)
    assert not memory.accept("p", 1, NOW)


def test_window_stays_small_when_counters_run_on() -> None:
    memory = ReplayMemory()
    assert all(memory.accept("p", counter, NOW) for counter in range(3 * WINDOW_COUNTERS))
    assert memory._windows["p"].used.bit_length() == WINDOW_COUNTERS


def test_process_is_refused_when_every_place_is_held_by_a_live_one() -> None:
    memory = full_memory()
    assert not memory.accept("new", 1, NOW)
    assert memory.accept("p0", 2, NOW), "the others go on"


def test_process_takes_the_place_of_the_longest_silent_when_that_is_silent_long_enough() -> None:
    memory = full_memory()
    p0_spoke_at = NOW - PROCESSES_MAX + 1
    assert not memory.accept("new", 1, p0_spoke_at + FORGET_AFTER_S)
    assert memory.accept("new", 1, p0_spoke_at + FORGET_AFTER_S + 0.001)
    assert not memory.accept("newer", 1, p0_spoke_at + FORGET_AFTER_S + 0.001), "p1 may not be forgotten yet"
    assert not memory.accept("p1", 1, NOW), "p1 is remembered"


def test_process_is_refused_when_the_clock_is_set_back_to_before_one_was_forgotten() -> None:
    """A message of the forgotten process, kept by an eavesdropper, would look fresh again."""
    memory = full_memory()
    assert memory.accept("new", 1, NOW + 1000)
    assert not memory.accept("p0", 1, NOW)
    assert not memory.accept("new", 2, NOW), "it may have been here before, and have used this then"
    assert memory.accept("p1", 2, NOW), "who was never forgotten goes on"
    assert memory.accept("new", 2, NOW + 1000)


@pytest.mark.parametrize("set_back_s", [1.0, 3600.0])
def test_process_keeps_its_place_when_the_clock_is_set_back(set_back_s: float) -> None:
    memory = full_memory()
    assert memory.accept("p0", 2, NOW + 30)
    assert memory.accept("p0", 3, NOW + 30 - set_back_s)
    assert memory._windows["p0"].accepted_at == NOW + 30
