from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import namespaces
from tests.namespaces import Edge


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Make a host without rules, and the world around it."""
    with namespaces.edge() as made:
        yield made
