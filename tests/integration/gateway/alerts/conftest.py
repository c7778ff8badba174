from __future__ import annotations

import pytest
import trustme

from gateway.alerts.wording import Words


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def words() -> Words:
    return Words(
        id="abc-1", severity="critical", at=1_780_000_000.0, title="The line is down",
        subject="[Drawbridge] box: The line is down", text="Since 14:02 on 21 Nov. <&> Zürich\n",
    )  # fmt: skip
