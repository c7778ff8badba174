"""The bridge's signatures: a fixed profile of HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).

The algorithm is ``hmac-sha256``, with a key for each direction. The list of what is covered never varies, so a
signature is checked by building the one text it can be for, not by parsing structured fields. ``bridge/PROTOCOL.md``
specifies it byte by byte, with an example.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Final

from bridge.errors import Code, FieldError, Invalid
from bridge.replay import ReplayMemory

LIFETIME_S: Final = 30
"""How far ``created`` may be from the verifier's clock, either way, and how long after it a request expires."""

CONTENT_TYPE: Final = "application/json"
VALUE_MAX_BYTES: Final = 4096

_REQUEST_COMPONENTS: Final = (
    '("@method" "@authority" "@path" "content-type" "content-digest" "authorization"'
    ' "bridge-deadline-ms" "bridge-boot" "idempotency-key" "traceparent")'
)
_RESPONSE_COMPONENTS: Final = (
    '("@status" "content-type" "content-digest" "bridge-boot" "bridge-next" "signature";req;key="b")'
)
_INTEGER: Final = r"(0|[1-9][0-9]{0,14})"  # RFC 9651 allows 15 digits
_KEY_ID: Final = r'"([A-Za-z0-9._-]{1,64})"'
_REQUEST_INPUT: Final = re.compile(
    rf"b={re.escape(_REQUEST_COMPONENTS)};created={_INTEGER};expires={_INTEGER}"
    rf';nonce="([A-Za-z0-9_-]{{8,32}})\.(0|[1-9][0-9]{{0,18}})";keyid={_KEY_ID};alg="hmac-sha256";tag="bridge-req-v1"'
)
_RESPONSE_INPUT: Final = re.compile(
    rf'r={re.escape(_RESPONSE_COMPONENTS)};created={_INTEGER};keyid={_KEY_ID};alg="hmac-sha256";tag="bridge-res-v1"'
)
_PATH: Final = re.compile(r"/v1/[a-z][a-z0-9_.]{0,99}")
_DEADLINE_MS: Final = re.compile(r"(?:[1-9][0-9]{0,6})?")
_BOOT: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_VALUE: Final = re.compile(rf"(?:[!-~](?:[ -~]{{0,{VALUE_MAX_BYTES - 2}}}[!-~])?)?")

_request_values: Final = itemgetter(
    "signature-input", "signature", "content-type", "content-digest", "authorization",
    "bridge-deadline-ms", "bridge-boot", "idempotency-key", "traceparent",
)  # fmt: skip
_response_values: Final = itemgetter(
    "signature-input", "signature", "content-type", "content-digest", "bridge-boot", "bridge-next"
)


class Step(StrEnum):
    """The steps of verification, in their order."""

    COMPONENTS = "components"
    KEYID = "keyid"
    MAC = "mac"
    DIGEST = "digest"
    TIME = "time"
    BOOT = "boot"
    NONCE = "nonce"


class SignatureRefused(ValueError):
    """A message did not pass ``step``. Nothing that it says may be believed."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"signature refused at step {step.value!r}")
        self.step = step


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key of one direction: 32 bytes, and the name that the peer knows it by."""

    key_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Every header to send beside ``host`` and ``content-length``, and the signature that the response must cover."""

    headers: dict[str, str] = field(repr=False)
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """What a request with a right MAC says. ``created`` and ``expires`` are in Unix seconds.

    ``process`` and ``counter`` are the two halves of its nonce; ``signature`` is its MAC in base64.
    """

    key_id: str
    process: str
    counter: int
    created: int
    expires: int
    boot: str
    deadline_ms: int | None
    authorization: str = field(repr=False)
    idempotency_key: str
    traceparent: str
    content_digest: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifiedResponse:
    """What a response with a right MAC says beside its body. ``created`` is the agent's clock, in Unix seconds."""

    created: int
    boot: str
    next_cursor: str
    key_id: str


def content_digest(body: bytes) -> str:
    """Return the Content-Digest of ``body``: ``sha-256=:<base64>:`` (RFC 9530)."""
    return f"sha-256=:{_base64(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    *,
    key: SigningKey,
    authority: str,
    path: str,
    body: bytes,
    authorization: str,
    deadline_ms: int | None,
    boot: str,
    idempotency_key: str,
    traceparent: str,
    created: int,
    nonce: str,
) -> SignedRequest:
    """Sign a ``POST`` of JSON. ``nonce`` is ``<process id>.<counter>``, never used before; ``created`` Unix seconds.

    ``deadline_ms`` is at least 1, or None for the operation's own. Raises Invalid, which names the header, for a value
    that HTTP cannot carry unchanged: control characters, other than ASCII, outer spaces, over 4,096 bytes.
    """
    for name, value in (
        ("authorization", authorization), ("idempotency-key", idempotency_key), ("traceparent", traceparent),
    ):  # fmt: skip
        _check_value(name, value)
    digest = content_digest(body)
    deadline = "" if deadline_ms is None else str(deadline_ms)
    params = (
        f"{_REQUEST_COMPONENTS};created={created};expires={created + LIFETIME_S}"
        f';nonce="{nonce}";keyid="{key.key_id}";alg="hmac-sha256";tag="bridge-req-v1"'
    )
    base = _request_base(
        authority=authority, path=path, digest=digest, authorization=authorization, deadline=deadline, boot=boot,
        idempotency_key=idempotency_key, traceparent=traceparent, params=params,
    )  # fmt: skip
    signature = _mac(key, base)
    headers = {
        "content-type": CONTENT_TYPE,
        "content-digest": digest,
        "authorization": authorization,
        "bridge-deadline-ms": deadline,
        "bridge-boot": boot,
        "idempotency-key": idempotency_key,
        "traceparent": traceparent,
        "signature-input": f"b={params}",
        "signature": f"b=:{signature.decode()}:",
    }
    return SignedRequest(headers, signature)


def open_request(
    *,
    headers: Mapping[str, str],
    method: str,
    path: str,
    authority: str,
    body: bytes,
    find_key: Callable[[str], SigningKey | None],
) -> VerifiedRequest:
    """Verify who sent a request and that it is whole; :func:`check_freshness` must follow.

    ``headers`` have lower-case names (or ignore case), and each name occurred once in the message: the caller checks
    that. ``path`` is as received, with its query if any. ``authority`` is the verifier's own name, not the one asked
    for. Raises SignatureRefused with the step COMPONENTS, KEYID, MAC or DIGEST, whatever the bytes.
    """
    try:
        (
            signature_input, signature, content_type,
            digest, authorization, deadline, boot, idempotency_key, traceparent,
        ) = _request_values(headers)  # fmt: skip
    except KeyError:
        raise SignatureRefused(Step.COMPONENTS) from None
    params = _REQUEST_INPUT.fullmatch(signature_input)
    base = _request_base(
        authority=authority, path=path, digest=digest, authorization=authorization, deadline=deadline, boot=boot,
        idempotency_key=idempotency_key, traceparent=traceparent, params=signature_input[2:],
    )  # fmt: skip
    if (
        params is None
        or method != "POST"
        or content_type != CONTENT_TYPE
        or not _PATH.fullmatch(path)
        or not _DEADLINE_MS.fullmatch(deadline)
        or (boot and not _BOOT.fullmatch(boot))
        or not _is_unambiguous(base, lines=11)
    ):
        raise SignatureRefused(Step.COMPONENTS)
    created, expires, process, counter, key_id = params.groups()
    if int(expires) - int(created) != LIFETIME_S:
        raise SignatureRefused(Step.COMPONENTS)
    mac = _checked_mac(find_key(key_id), base, "b", signature)
    if digest != content_digest(body):
        raise SignatureRefused(Step.DIGEST)
    return VerifiedRequest(
        key_id=key_id,
        process=process,
        counter=int(counter),
        created=int(created),
        expires=int(expires),
        boot=boot,
        deadline_ms=int(deadline) if deadline else None,
        authorization=authorization,
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        content_digest=digest,
        signature=mac,
    )


def check_freshness(
    request: VerifiedRequest, *, now: float, boot: str, replay: ReplayMemory, window_s: float = LIFETIME_S
) -> None:
    """Check that an opened request is new: its time, the agent start it is meant for, its nonce, in that order.

    ``now`` is in Unix seconds, ``boot`` the verifier's own id; ``window_s`` is at most LIFETIME_S. The nonce counts as
    used only after the rest passed. Raises SignatureRefused with the step TIME, BOOT or NONCE; such a refusal is told
    in a signed response.
    """
    if abs(now - request.created) > window_s:
        raise SignatureRefused(Step.TIME)
    if request.boot != boot:
        raise SignatureRefused(Step.BOOT)
    if not replay.accept(request.process, request.counter, now):
        raise SignatureRefused(Step.NONCE)


def sign_response(
    *,
    key: SigningKey,
    status: int,
    content_type: str,
    body: bytes,
    boot: str,
    next_cursor: str,
    request_signature: bytes,
    created: int,
) -> dict[str, str]:
    """Return every header of a response beside its framing: it answers one request alone, by covering its signature.

    A stream is signed as if its body were empty; its lines have MACs of their own (:func:`feed_mac`).
    Raises Invalid for a ``next_cursor`` that HTTP cannot carry unchanged.
    """
    _check_value("bridge-next", next_cursor)
    digest = content_digest(body)
    params = f'{_RESPONSE_COMPONENTS};created={created};keyid="{key.key_id}";alg="hmac-sha256";tag="bridge-res-v1"'
    base = _response_base(
        status=status, content_type=content_type, digest=digest, boot=boot, next_cursor=next_cursor,
        request_signature=request_signature, params=params,
    )  # fmt: skip
    return {
        "content-type": content_type,
        "content-digest": digest,
        "bridge-boot": boot,
        "bridge-next": next_cursor,
        "signature-input": f"r={params}",
        "signature": f"r=:{_mac(key, base).decode()}:",
    }


def verify_response(
    *,
    headers: Mapping[str, str],
    status: int,
    body: bytes,
    request_signature: bytes,
    find_key: Callable[[str], SigningKey | None],
) -> VerifiedResponse:
    """Verify that the holder of the response key gave this answer, to that request.

    ``headers`` as for :func:`open_request`; ``find_key`` knows the response key of the request's own generation.
    Raises SignatureRefused with the step COMPONENTS, KEYID, MAC or DIGEST, whatever the bytes.
    """
    try:
        signature_input, signature, content_type, digest, boot, next_cursor = _response_values(headers)
    except KeyError:
        raise SignatureRefused(Step.COMPONENTS) from None
    params = _RESPONSE_INPUT.fullmatch(signature_input)
    base = _response_base(
        status=status, content_type=content_type, digest=digest, boot=boot, next_cursor=next_cursor,
        request_signature=request_signature, params=signature_input[2:],
    )  # fmt: skip
    if params is None or not _BOOT.fullmatch(boot) or not _is_unambiguous(base, lines=7):
        raise SignatureRefused(Step.COMPONENTS)
    created, key_id = params.groups()
    _checked_mac(find_key(key_id), base, "r", signature)
    if digest != content_digest(body):
        raise SignatureRefused(Step.DIGEST)
    return VerifiedResponse(int(created), boot, next_cursor, key_id)


def feed_mac(*, key: SigningKey, request_signature: bytes, sequence: int, line: bytes) -> bytes:
    """Return the MAC (32 bytes) of one line of the feed, sent as ``<line> <MAC in base64>`` and a line feed.

    ``key`` is the response key, ``request_signature`` that of the request which opened the stream. ``sequence`` counts
    the stream's lines from 0, so that none can be left out, repeated or moved.
    """
    return hmac.digest(key.secret, b'"bridge-feed-v1": %b %d %b' % (request_signature, sequence, line), "sha256")


def _request_base(
    *,
    authority: str,
    path: str,
    digest: str,
    authorization: str,
    deadline: str,
    boot: str,
    idempotency_key: str,
    traceparent: str,
    params: str,
) -> bytes:
    return (
        f'"@method": POST\n"@authority": {authority}\n"@path": {path}\n"content-type": {CONTENT_TYPE}\n'
        f'"content-digest": {digest}\n"authorization": {authorization}\n"bridge-deadline-ms": {deadline}\n'
        f'"bridge-boot": {boot}\n"idempotency-key": {idempotency_key}\n"traceparent": {traceparent}\n'
        f'"@signature-params": {params}'
    ).encode("utf-8", "surrogatepass")


def _response_base(
    *,
    status: int,
    content_type: str,
    digest: str,
    boot: str,
    next_cursor: str,
    request_signature: bytes,
    params: str,
) -> bytes:
    return (
        f'"@status": {status}\n"content-type": {content_type}\n"content-digest": {digest}\n"bridge-boot": {boot}\n'
        f'"bridge-next": {next_cursor}\n"signature";req;key="b": :{request_signature.decode()}:\n'
        f'"@signature-params": {params}'
    ).encode("utf-8", "surrogatepass")


def _is_unambiguous(base: bytes, lines: int) -> bool:
    """Whether no value broke out of its line: then two messages never share a base."""
    return base.translate(None, delete=_PRINTABLE) == b"\n" * (lines - 1)


def _check_value(name: str, value: str) -> None:
    if not _VALUE.fullmatch(value):
        raise Invalid(Code.INVALID_REQUEST, fields=(FieldError(name, "must be printable ASCII, at most 4,096 bytes"),))


def _checked_mac(key: SigningKey | None, base: bytes, label: str, signature: str) -> bytes:
    if key is None:
        raise SignatureRefused(Step.KEYID)
    mac = _mac(key, base)
    # compared as text: base64 has several spellings of the same bytes, and only one is right
    if not hmac.compare_digest(f"{label}=:{mac.decode()}:".encode(), signature.encode("utf-8", "replace")):
        raise SignatureRefused(Step.MAC)
    return mac


def _mac(key: SigningKey, message: bytes) -> bytes:
    return _base64(hmac.digest(key.secret, message, "sha256"))


def _base64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False)
