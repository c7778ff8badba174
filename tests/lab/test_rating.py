"""What takes its time and goes on beside other tests: testssl.sh's grade, and the end of half-open handshakes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.lab.conftest import HalfOpen, Stalled
from tests.lab.report import note
from tests.lab.shell import wait_until

GIVEN_UP_S = 20
"""Twice what the door gives a handshake, or a request's head."""


@pytest.mark.story("health/US-BE-27.4")
def test_tls_is_rated_a_plus_when_testssl_looks(testssl: Callable[[], str]) -> None:
    said = testssl()
    grade = re.search(r"Overall Grade +(\S+)", said)
    assert grade is not None, said
    note(f"testssl.sh's grade: {grade[1]}")
    assert grade[1] == "A+", said


def test_handshakes_are_given_up_when_nobody_goes_on_with_them(half_open: HalfOpen) -> None:
    """A minute after they were begun: in a whole run, that is long over."""
    wait_until(lambda: half_open.left() == 0, timeout_s=120, what="the end of the last")
    assert half_open.waited_for > 0


def test_connections_are_given_up_when_they_stop_half_way(stalled: Stalled) -> None:
    wait_until(lambda: all(len(words) > 1 for words in stalled.words()), timeout_s=60, what="their end")
    given_up_s = [float(words[1]) for words in stalled.words()]
    assert max(given_up_s) < GIVEN_UP_S
    note(f"connections that stopped in the handshake or the headers: given up after {max(given_up_s):.0f} s")
