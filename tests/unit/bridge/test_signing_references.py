"""The signatures against what others say: the RFCs' examples, C2SP's vectors, and another implementation."""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature
from http_message_signatures.algorithms import HMAC_SHA256
from http_message_signatures.resolvers import HTTPSignatureKeyResolver
from http_sf.compat import Item

from bridge import signing
from bridge.signing import SigningKey, Step, content_digest, sign_request, sign_response
from tests.signed_messages import (
    AUTHORITY,
    BODY,
    BOOT,
    CREATED,
    PATH,
    REQUEST_KEY,
    RESPONSE_KEY,
    TRACEPARENT,
    Request,
    signed_request,
    step_of,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "hmac_sha256.json").read_text())
REQUEST_COVERS = (
    "@method", "@authority", "@path", "content-type", "content-digest", "authorization", "bridge-deadline-ms",
    "bridge-boot", "idempotency-key", "traceparent",
)  # fmt: skip
RESPONSE_COVERS = (
    "@status", "content-type", "content-digest", "bridge-boot", "bridge-next", '"signature";req;key="b"',
)  # fmt: skip


def test_mac_is_the_rfcs_when_its_example_is_signed() -> None:
    """RFC 9421, appendix B.2.5."""
    key = SigningKey(
        "test-shared-secret",
        base64.b64decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="),
    )
    base = (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        b'"@authority": example.com\n'
        b'"content-type": application/json\n'
        b'"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    )
    assert signing._mac(key, base) == b"pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


def test_digest_is_the_rfcs_when_its_example_is_digested() -> None:
    """RFC 9530: the example without a final line feed."""
    assert content_digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"


@pytest.mark.parametrize(("number", "key", "message", "tag", "result"), VECTORS["tests"])
def test_mac_agrees_with_wycheproof(*, number: int, key: str, message: str, tag: str, result: str) -> None:
    mac = base64.b64decode(signing._mac(SigningKey(str(number), bytes.fromhex(key)), bytes.fromhex(message)))
    assert (mac.hex()[: len(tag)] == tag) is (result == "valid")  # some tags are cut to 128 bits; ours never are


def test_all_of_wycheproofs_vectors_are_there() -> None:
    tags = {number: len(tag) * 4 for number, _, _, tag, _ in VECTORS["tests"]}
    assert list(tags) == list(range(1, 175))
    cut = {*range(82, 163), *range(166, 169), *range(172, 175)}
    assert {number for number, bits in tags.items() if bits == 128} == cut
    assert {bits for number, bits in tags.items() if number not in cut} == {256}


def test_cut_mac_is_refused_when_it_is_the_beginning_of_the_right_one() -> None:
    request = signed_request()
    mac = base64.b64decode(request.headers["signature"].removeprefix("b=:").removesuffix(":"))
    cut = f"b=:{base64.b64encode(mac[:16]).decode()}:"
    assert step_of(request.with_header("signature", cut).open) is Step.MAC


@pytest.mark.parametrize("spelling", ["00", "042", "-0", "-42", "4-2", "2,3", "1.0", "1e9", " 1", "1" * 16, ""])
def test_integer_is_refused_when_spelled_as_the_structured_field_tests_do(spelling: str) -> None:
    """httpwg/structured-field-tests, number.json: what must fail there, and what has a shorter canonical form."""
    request = signed_request()
    deviating = request.headers["signature-input"].replace(f"created={CREATED}", f"created={spelling}")
    assert step_of(request.with_header("signature-input", deviating).open) is Step.COMPONENTS


# another implementation, which takes 100 times as long


@dataclass
class Message:
    """What http-message-signatures takes for a request."""

    headers: dict[str, str]
    method: str = "POST"
    url: str = f"https://{AUTHORITY}{PATH}"


@dataclass
class ResponseMessage:
    """What http-message-signatures takes for a response."""

    headers: dict[str, str]
    request: Message
    status_code: int = 503


class OneKey(HTTPSignatureKeyResolver):
    def __init__(self, key: SigningKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> bytes:
        assert key_id == self.key.key_id
        return self.key.secret

    resolve_private_key = resolve_public_key


def verifier(key: SigningKey) -> HTTPMessageVerifier:
    return HTTPMessageVerifier(signature_algorithm=HMAC_SHA256, key_resolver=OneKey(key))


def request_now() -> tuple[Message, bytes]:
    signed = sign_request(
        key=REQUEST_KEY, authority=AUTHORITY, path=PATH, body=BODY, authorization="Bearer a.b.c", deadline_ms=1900,
        boot=BOOT, idempotency_key="", traceparent=TRACEPARENT, created=int(time.time()), nonce="kQ7xw2mNpL4z.17",
    )  # fmt: skip
    return Message(signed.headers), signed.signature


def test_request_verifies_elsewhere_when_signed_here() -> None:
    message, _ = request_now()
    [result] = verifier(REQUEST_KEY).verify(
        message, expect_tag="bridge-req-v1", expect_label="b", require_components=REQUEST_COVERS, body=BODY
    )
    assert result.nonce == "kQ7xw2mNpL4z.17"
    assert result.body == BODY


def test_response_verifies_elsewhere_when_signed_here() -> None:
    request, request_signature = request_now()
    headers = sign_response(
        key=RESPONSE_KEY, status=503, content_type="application/problem+json", body=b"{}", boot=BOOT, next_cursor="n",
        request_signature=request_signature, created=int(time.time()),
    )  # fmt: skip
    response = ResponseMessage(headers, request)
    [result] = verifier(RESPONSE_KEY).verify(
        response, expect_tag="bridge-res-v1", expect_label="r", require_components=RESPONSE_COVERS, body=b"{}"
    )
    assert result.covered_components['"signature";req;key="b"'] == f":{request_signature.decode()}:"
    response.status_code = 200
    with pytest.raises(InvalidSignature):
        verifier(RESPONSE_KEY).verify(response, expect_tag="bridge-res-v1", body=b"{}")


def test_request_opens_here_when_its_base_was_built_elsewhere() -> None:
    message, _ = request_now()
    signer = HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=OneKey(REQUEST_KEY))
    base, params, _ = signer._build_signature_base(
        message,
        covered_component_ids=[Item(name) for name in REQUEST_COVERS],
        signature_params={
            "created": CREATED, "expires": CREATED + 30, "nonce": "kQ7xw2mNpL4z.18", "keyid": REQUEST_KEY.key_id,
            "alg": "hmac-sha256", "tag": "bridge-req-v1",
        },
    )  # fmt: skip
    mac = base64.b64encode(hmac.digest(REQUEST_KEY.secret, base.encode(), "sha256")).decode()
    headers = {**message.headers, "signature-input": f"b={params}", "signature": f"b=:{mac}:"}
    assert Request(headers).open().counter == 18


def test_request_is_refused_here_when_signed_elsewhere_with_parameters_in_another_order() -> None:
    """RFC 9421 allows any order; the profile allows one, so that there is one spelling of a message."""
    message, _ = request_now()
    headers = {name: value for name, value in message.headers.items() if not name.startswith("signature")}
    elsewhere, now = Message(headers), datetime.now(UTC)
    HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=OneKey(REQUEST_KEY)).sign(
        elsewhere, key_id=REQUEST_KEY.key_id, created=now, expires=now + timedelta(seconds=30),
        nonce="kQ7xw2mNpL4z.18", label="b", tag="bridge-req-v1", covered_component_ids=REQUEST_COVERS,
        use_existing_digest=True,
    )  # fmt: skip
    request = Request({name.lower(): value for name, value in elsewhere.headers.items()})
    assert step_of(request.open) is Step.COMPONENTS
