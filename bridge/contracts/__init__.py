"""Every operation of the bridge, one file an app."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bridge.contracts import (
    accounts,
    administration,
    audit,
    feedback,
    health,
    invitations,
    joining,
    leaving,
    oidc,
    system,
    users,
)
from bridge.contracts.operation import Operation

OPERATIONS: Final[Mapping[str, Operation[Any, Any]]] = MappingProxyType(
    {
        operation.name: operation
        for app in (
            accounts, oidc, joining, invitations, leaving, users, feedback, administration, audit, health, system
        )
        for operation in app.OPERATIONS
    }
)  # fmt: skip
"""Operation by name."""
