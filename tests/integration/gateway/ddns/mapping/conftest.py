from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gateway.ddns.mapping import lan as lans
from tests.integration.gateway.ddns.mapping.lan import Lan


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """Make a router whose miniupnpd does not run yet, two devices behind it, and somebody outside."""
    if lack := lans.lacking():
        pytest.skip(lack)
    with lans.lan(tmp_path) as made:
        yield made
