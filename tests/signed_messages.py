"""Signed requests and responses, whole, for tests to send on or to alter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from bridge.signing import (
    SignatureRefused,
    SigningKey,
    Step,
    VerifiedRequest,
    VerifiedResponse,
    open_request,
    sign_request,
    sign_response,
    verify_response,
)

REQUEST_KEY = SigningKey("gateway.2026-11-21.k3f9", bytes(range(32)))
RESPONSE_KEY = SigningKey("gateway.2026-11-21.k3f9", bytes(range(32, 64)))
AUTHORITY = "agent.drawbridge.internal"
PATH = "/v1/health.symptoms.list"
BODY = b'{"limit":50}'
BOOT = "Yk3vT0c5Qm2x"
CREATED = 1_800_000_000
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NEVER_SENT = "\x00"  # stands for a header that is missing


def keys(*known: SigningKey) -> Callable[[str], SigningKey | None]:
    return {key.key_id: key for key in known}.get


@dataclass(frozen=True)
class Request:
    """A request as it arrives."""

    headers: Mapping[str, str]
    method: str = "POST"
    path: str = PATH
    authority: str = AUTHORITY
    body: bytes = BODY

    def open(self, *known: SigningKey) -> VerifiedRequest:
        return open_request(
            headers=self.headers,
            method=self.method,
            path=self.path,
            authority=self.authority,
            body=self.body,
            find_key=keys(*(known or (REQUEST_KEY,))),
        )

    def with_header(self, name: str, value: str) -> Request:
        headers = {**self.headers, name: value}
        return replace(self, headers={name: value for name, value in headers.items() if value != NEVER_SENT})


@dataclass(frozen=True)
class Response:
    """A response as it arrives."""

    headers: Mapping[str, str]
    status: int = 200
    body: bytes = b'{"items":[]}'
    request_signature: bytes = b"A" * 43 + b"="

    def verify(self, *known: SigningKey) -> VerifiedResponse:
        return verify_response(
            headers=self.headers,
            status=self.status,
            body=self.body,
            request_signature=self.request_signature,
            find_key=keys(*(known or (RESPONSE_KEY,))),
        )

    def with_header(self, name: str, value: str) -> Response:
        headers = {**self.headers, name: value}
        return replace(self, headers={name: value for name, value in headers.items() if value != NEVER_SENT})


def signed_request(
    *,
    key: SigningKey = REQUEST_KEY,
    path: str = PATH,
    body: bytes = BODY,
    authorization: str = "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln",
    deadline_ms: int | None = 1900,
    boot: str = BOOT,
    idempotency_key: str = "5f0c",
    traceparent: str = TRACEPARENT,
    created: int = CREATED,
    nonce: str = "kQ7xw2mNpL4z.17",
) -> Request:
    signed = sign_request(
        key=key, authority=AUTHORITY, path=path, body=body, authorization=authorization, deadline_ms=deadline_ms,
        boot=boot, idempotency_key=idempotency_key, traceparent=traceparent, created=created, nonce=nonce,
    )  # fmt: skip
    return Request(signed.headers, path=path, body=body)


def signed_response(
    *,
    status: int = 200,
    content_type: str = "application/json",
    body: bytes = b'{"items":[]}',
    next_cursor: str = "eyJhIjoxfQ",
    request_signature: bytes = b"A" * 43 + b"=",
) -> Response:
    headers = sign_response(
        key=RESPONSE_KEY, status=status, content_type=content_type, body=body, boot=BOOT, next_cursor=next_cursor,
        request_signature=request_signature, created=CREATED + 1,
    )  # fmt: skip
    return Response(headers, status, body, request_signature)


def step_of(verify: Callable[[], object]) -> Step:
    """Return the step that refuses; fails when nothing does."""
    with pytest.raises(SignatureRefused) as refused:
        verify()
    return refused.value.step
