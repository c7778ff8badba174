"""What the signatures promise of whole messages, and at which step the others end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Invalid
from bridge.replay import ReplayMemory
from bridge.signing import (
    LIFETIME_S,
    VALUE_MAX_BYTES,
    SigningKey,
    Step,
    VerifiedRequest,
    VerifiedResponse,
    check_freshness,
    content_digest,
    feed_mac,
    sign_request,
)
from tests.signed_messages import (
    AUTHORITY,
    BODY,
    BOOT,
    CREATED,
    NEVER_SENT,
    PATH,
    REQUEST_KEY,
    RESPONSE_KEY,
    TRACEPARENT,
    Request,
    signed_request,
    signed_response,
    step_of,
)

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=100)
WORDS = st.text(st.sampled_from("abcXYZ019_-"), min_size=8, max_size=32)


@given(
    body=st.binary(max_size=200),
    authorization=PRINTABLE,
    deadline_ms=st.none() | st.integers(1, 9_999_999),
    boot=st.just("") | WORDS,
    idempotency_key=PRINTABLE,
    created=st.integers(0, 10**12),
    process=WORDS,
    counter=st.integers(0, 10**19 - 1),
)
def test_request_opens_with_what_was_signed_when_untouched(
    *,
    body: bytes,
    authorization: str,
    deadline_ms: int | None,
    boot: str,
    idempotency_key: str,
    created: int,
    process: str,
    counter: int,
) -> None:
    request = signed_request(
        body=body, authorization=authorization, deadline_ms=deadline_ms, boot=boot,
        idempotency_key=idempotency_key, created=created, nonce=f"{process}.{counter}",
    )  # fmt: skip
    assert request.open() == VerifiedRequest(
        key_id=REQUEST_KEY.key_id,
        process=process,
        counter=counter,
        created=created,
        expires=created + LIFETIME_S,
        boot=boot,
        deadline_ms=deadline_ms,
        authorization=authorization,
        idempotency_key=idempotency_key,
        traceparent=TRACEPARENT,
        content_digest=content_digest(body),
        signature=request.headers["signature"].removeprefix("b=:").removesuffix(":").encode(),
    )


@given(status=st.integers(200, 599), content_type=PRINTABLE, body=st.binary(max_size=200), next_cursor=PRINTABLE)
def test_response_verifies_with_what_was_signed_when_untouched(
    status: int, content_type: str, body: bytes, next_cursor: str
) -> None:
    response = signed_response(status=status, content_type=content_type, body=body, next_cursor=next_cursor)
    assert response.verify() == VerifiedResponse(CREATED + 1, BOOT, next_cursor, RESPONSE_KEY.key_id)


def test_request_is_bound_to_the_signature_that_signing_returned() -> None:
    signed = sign_request(
        key=REQUEST_KEY, authority=AUTHORITY, path=PATH, body=BODY, authorization="", deadline_ms=None, boot="",
        idempotency_key="", traceparent="", created=CREATED, nonce="kQ7xw2mNpL4z.0",
    )  # fmt: skip
    assert Request(signed.headers).open().signature == signed.signature


# the steps, in their order


@pytest.mark.parametrize("name", sorted(signed_request().headers))
def test_request_is_refused_at_components_when_a_header_is_missing(name: str) -> None:
    assert step_of(signed_request().with_header(name, NEVER_SENT).open) is Step.COMPONENTS


@pytest.mark.parametrize("name", sorted(signed_response().headers))
def test_response_is_refused_at_components_when_a_header_is_missing(name: str) -> None:
    assert step_of(signed_response().with_header(name, NEVER_SENT).verify) is Step.COMPONENTS


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param("b=(", "sig1=(", id="label"),
        pytest.param(' "authorization"', "", id="less covered"),
        pytest.param('"@method" "@authority"', '"@authority" "@method"', id="another order"),
        pytest.param('"traceparent")', '"traceparent" "date")', id="more covered"),
        pytest.param('"@path"', '"@path";req', id="a parameter"),
        pytest.param('alg="hmac-sha256"', 'alg="hmac-sha512"', id="another algorithm"),
        pytest.param(';alg="hmac-sha256"', "", id="no algorithm"),
        pytest.param("bridge-req-v1", "bridge-req-v2", id="another version"),
        pytest.param("bridge-req-v1", "bridge-res-v1", id="the other direction"),
        pytest.param(f"expires={CREATED + 30}", f"expires={CREATED + 3600}", id="a longer life"),
        pytest.param(f"created={CREATED}", f"created=0{CREATED}", id="a leading zero"),
        pytest.param(f"created={CREATED}", f"created=+{CREATED}", id="a sign"),
        pytest.param(f"created={CREATED}", f"created={CREATED}.0", id="a decimal"),
        pytest.param(f"created={CREATED}", "created=1٨00000000", id="a digit of another script"),
        pytest.param("kQ7xw2mNpL4z.17", "kQ7xw2mNpL4z.017", id="a counter with a leading zero"),
        pytest.param("kQ7xw2mNpL4z.17", "kQ7xw2mNpL4z.-1", id="a negative counter"),
        pytest.param("kQ7xw2mNpL4z.17", "kQ7xw2mNpL4z.10000000000000000000", id="a counter of 20 digits"),
        pytest.param("kQ7xw2mNpL4z.17", "short.17", id="a short process id"),
        pytest.param("kQ7xw2mNpL4z.17", f"{'p' * 33}.17", id="a long process id"),
        pytest.param("k3f9", "k3f9\\", id="an escape in the key id"),
        pytest.param('tag="bridge-req-v1"', 'tag="bridge-req-v1", c=("@path")', id="a second signature"),
    ],
)
def test_request_is_refused_at_components_when_the_input_deviates(was: str, becomes: str) -> None:
    request = signed_request()
    signature_input = request.headers["signature-input"]
    assert was in signature_input
    deviating = signature_input.replace(was, becomes, 1)
    assert step_of(request.with_header("signature-input", deviating).open) is Step.COMPONENTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "application/json; charset=utf-8"),
        ("bridge-deadline-ms", "0"),
        ("bridge-deadline-ms", "01"),
        ("bridge-deadline-ms", "-1"),
        ("bridge-deadline-ms", "10000000"),
        ("bridge-boot", "short"),
        ("bridge-boot", "with space"),
        ("authorization", "Bearer\tx"),
        ("authorization", "Bearer\u00e9"),
        ("authorization", "Bearer\udce9"),
        ("traceparent", "\x7f"),
    ],
)
def test_request_is_refused_at_components_when_a_value_is_malformed(name: str, value: str) -> None:
    assert step_of(signed_request().with_header(name, value).open) is Step.COMPONENTS


@pytest.mark.parametrize(
    ("name", "value"),
    [("bridge-boot", ""), ("bridge-boot", "short"), ("bridge-next", "a\nb"), ("content-type", "caf\u00e9")],
)
def test_response_is_refused_at_components_when_a_value_is_malformed(name: str, value: str) -> None:
    assert step_of(signed_response().with_header(name, value).verify) is Step.COMPONENTS


@pytest.mark.parametrize("path", ["", "/", "/v1/", "/v2/x", "/v1/x?y=1", "/v1/x%20y", "/v1/../x", "/v1/" + "x" * 101])
def test_request_is_refused_at_components_when_the_path_names_no_operation(path: str) -> None:
    assert step_of(signed_request(path=path).open) is Step.COMPONENTS


def test_message_is_refused_at_keyid_when_the_key_is_unknown() -> None:
    stranger = SigningKey("gateway.2026-11-21.zzzz", bytes(32))
    assert step_of(lambda: signed_request().open(stranger)) is Step.KEYID
    assert step_of(lambda: signed_response().verify(stranger)) is Step.KEYID


def test_message_is_refused_at_mac_when_the_key_is_the_other_directions() -> None:
    assert step_of(lambda: signed_request().open(RESPONSE_KEY)) is Step.MAC
    assert step_of(lambda: signed_response().verify(REQUEST_KEY)) is Step.MAC


def test_message_is_refused_at_mac_before_its_digest_is_computed() -> None:
    request = replace(signed_request(), body=b"another").with_header("authorization", "Bearer other")
    assert step_of(request.open) is Step.MAC


@pytest.mark.parametrize(
    "signature", ["", "b=::", "b=:{}", "r=:{}:", "b=:{}:;x", "b=:{}:, c=:{}:", "b=:{}é:", "b=:\udce9:"]
)
def test_request_is_refused_at_mac_when_the_signature_is_spelled_otherwise(signature: str) -> None:
    mac = signed_request().open().signature.decode()
    assert step_of(signed_request().with_header("signature", signature.format(mac, mac)).open) is Step.MAC


def test_request_is_refused_at_mac_when_base64_has_other_pad_bits() -> None:
    """The same 32 bytes, spelled in another way: a decoder would see no difference (RFC 4648, section 3.5)."""
    mac = signed_request().open().signature.decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = mac[:-2] + alphabet[alphabet.index(mac[-2]) ^ 1] + "="
    assert step_of(signed_request().with_header("signature", f"b=:{other}:").open) is Step.MAC


# freshness


def test_freshness_passes_once_when_all_is_right() -> None:
    request, replay = signed_request().open(), ReplayMemory()
    check_freshness(request, now=CREATED, boot=BOOT, replay=replay)
    assert step_of(lambda: check_freshness(request, now=CREATED, boot=BOOT, replay=replay)) is Step.NONCE


@pytest.mark.parametrize("age_s", [-30.0, 30.0])
def test_freshness_passes_when_the_age_is_at_the_limit(age_s: float) -> None:
    check_freshness(signed_request().open(), now=CREATED + age_s, boot=BOOT, replay=ReplayMemory())


@pytest.mark.parametrize("age_s", [-3600.0, -30.001, 30.001, 3600.0])
def test_freshness_is_refused_at_time_when_the_age_is_over_the_limit(age_s: float) -> None:
    request = signed_request(boot="another-start").open()
    refused = step_of(lambda: check_freshness(request, now=CREATED + age_s, boot=BOOT, replay=ReplayMemory()))
    assert refused is Step.TIME


def test_freshness_is_refused_at_time_when_the_window_is_narrower() -> None:
    request, replay = signed_request().open(), ReplayMemory()
    refused = step_of(lambda: check_freshness(request, now=CREATED + 6, boot=BOOT, replay=replay, window_s=5.0))
    assert refused is Step.TIME
    check_freshness(request, now=CREATED + 5, boot=BOOT, replay=replay, window_s=5.0)


@pytest.mark.parametrize("boot", ["", "another-start"])
def test_freshness_is_refused_at_boot_and_the_nonce_stays_unused_when_the_boot_id_is_another(boot: str) -> None:
    request, replay = signed_request(boot=boot).open(), ReplayMemory()
    assert step_of(lambda: check_freshness(request, now=CREATED, boot=BOOT, replay=replay)) is Step.BOOT
    check_freshness(signed_request().open(), now=CREATED, boot=BOOT, replay=replay)


# signing


@pytest.mark.parametrize(
    "value",
    ["line\r\nbreak", "tab\t", "\x00", "\x7f", "caf\u00e9", " outer", "outer ", "x" * (VALUE_MAX_BYTES + 1)],
)
@pytest.mark.parametrize("name", ["authorization", "idempotency-key", "traceparent"])
def test_signing_names_the_header_when_http_cannot_carry_its_value(name: str, value: str) -> None:
    values = {"authorization": "", "idempotency-key": "", "traceparent": "", name: value}
    with pytest.raises(Invalid) as invalid:
        signed_request(
            authorization=values["authorization"],
            idempotency_key=values["idempotency-key"],
            traceparent=values["traceparent"],
        )
    assert [field.name for field in invalid.value.fields] == [name]
    assert value not in str(invalid.value.fields), "the value may be a token"


def test_signing_takes_the_longest_value_and_the_response_too() -> None:
    longest = "x" * VALUE_MAX_BYTES
    assert signed_request(authorization=longest).open().authorization == longest
    assert signed_response(next_cursor=longest).verify().next_cursor == longest
    with pytest.raises(Invalid):
        signed_response(next_cursor=longest + "x")


def test_no_secret_shows_when_messages_and_keys_are_printed() -> None:
    verified = signed_request(authorization="Bearer s3cret").open()
    signed = sign_request(
        key=REQUEST_KEY, authority=AUTHORITY, path=PATH, body=BODY, authorization="Bearer s3cret", deadline_ms=None,
        boot="", idempotency_key="", traceparent="", created=CREATED, nonce="kQ7xw2mNpL4z.0",
    )  # fmt: skip
    assert "s3cret" not in f"{verified!r} {signed!r}"
    assert repr(REQUEST_KEY) == "SigningKey(key_id='gateway.2026-11-21.k3f9')"


# the feed


def test_feed_mac_differs_when_line_number_stream_or_key_differ() -> None:
    stream = signed_request().open().signature

    def mac(
        key: SigningKey = RESPONSE_KEY,
        request_signature: bytes = stream,
        sequence: int = 1,
        line: bytes = b'{"kind":1}',
    ) -> bytes:
        return feed_mac(key=key, request_signature=request_signature, sequence=sequence, line=line)

    others = [
        mac(key=REQUEST_KEY), mac(request_signature=stream[::-1]), mac(sequence=2), mac(sequence=11),
        mac(line=b'{"kind":2}'), mac(sequence=0, line=b"1 " + b'{"kind":1}'),
    ]  # fmt: skip
    assert len({mac(), *others}) == len(others) + 1
    assert mac() == mac()
    assert len(mac()) == 32
