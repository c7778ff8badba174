"""The answering side of the bridge, used by the agent. Begin reading at ``endpoint.py``."""

from __future__ import annotations

from bridge.server.callers import (
    NOTHING,
    AnonymousCaller,
    Answer,
    Caller,
    CallerContext,
    Handler,
    MachineCaller,
    UserCaller,
)
from bridge.server.endpoint import BridgeServer, CallRules
from bridge.server.renewal import Issuer
from bridge.server.slots import SlotRule

__all__ = [
    "NOTHING",
    "AnonymousCaller",
    "Answer",
    "BridgeServer",
    "CallRules",
    "Caller",
    "CallerContext",
    "Handler",
    "Issuer",
    "MachineCaller",
    "SlotRule",
    "UserCaller",
]
