"""Signing in through a provider (OpenID Connect): the gateway leads there and back, the agent asks and decides.

``sealed`` is what a browser keeps meanwhile. The gateway carries it and cannot open it: state, nonce and verifier are
in it, bound to this agent and its provider.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from bridge.contracts.accounts import Secret, Tokens
from bridge.contracts.joining import ClientAddress
from bridge.contracts.operation import Anonymous, Effect, Lane, Model, Nothing, Operation


class BegunOidc(Model):
    """Where to send the browser, and what it is to keep for ``expires_in`` seconds."""

    url: Annotated[str, Field(repr=False)]
    sealed: Annotated[str, Field(repr=False)]
    expires_in: int


class FinishOidc(Model):
    """What the browser brought back, and what it kept. ``issuer`` is who sent it, where that is said (RFC 9207)."""

    sealed: Annotated[Secret, Field(min_length=1, max_length=500)]
    state: Annotated[Secret, Field(min_length=1, max_length=500)]
    code: Annotated[Secret, Field(min_length=1, max_length=4096)]
    issuer: Annotated[str, StringConstraints(max_length=2048)] | None = None
    address: ClientAddress = ""


BEGIN_OIDC: Final = Operation(
    name="accounts.begin_oidc", params=Nothing, result=BegunOidc, principal=Anonymous(), deadline_ms=5_000,
    lane=Lane.PROVIDER, issues_tokens=True,
)  # fmt: skip
FINISH_OIDC: Final = Operation(
    name="accounts.finish_oidc", params=FinishOidc, result=Tokens, principal=Anonymous(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.PROVIDER, issues_tokens=True,
)  # fmt: skip

OPERATIONS: Final = (BEGIN_OIDC, FINISH_OIDC)
