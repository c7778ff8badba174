from __future__ import annotations

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from gateway.ddns.mapping import routes


@pytest.mark.parametrize(
    "error",
    [NetlinkError(101), TimeoutError(), OSError(24, "Too many open files")],
    ids=["netlink", "timeout", "files"],
)
async def test_default_gateway_is_none_when_the_kernel_does_not_say(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fails() -> None:
        raise error

    monkeypatch.setattr(routes, "_ask_kernel", fails)
    assert await routes.default_gateway() is None
