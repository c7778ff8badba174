from __future__ import annotations

import pytest

from tests.clocks import HurriedClock


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()
