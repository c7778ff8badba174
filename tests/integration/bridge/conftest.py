from __future__ import annotations

import pytest

from tests.bridge_pair import Certificates


@pytest.fixture(scope="session")
def bridge_certificates() -> Certificates:
    return Certificates()
