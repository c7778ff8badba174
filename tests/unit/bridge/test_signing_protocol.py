"""``bridge/PROTOCOL.md`` is true and enough: its examples run, and what is built from it alone talks with ``bridge``.

The class :class:`FromThePage` is that other implementation. It imports nothing of ours, and was written from the page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Code
from bridge.heads import find_heads, signed_text
from bridge.keys import Generation, Keyring, Ring
from bridge.signing import Step, feed_mac, open_request, sign_request, sign_response, verify_response

PAGE: Final = (Path(__file__).parents[3] / "bridge" / "PROTOCOL.md").read_text()
AUTHORITY: Final = "agent.drawbridge.internal"

REQUEST_COVERS: Final = (
    '"@method" "@authority" "@path" "content-type" "content-digest" "authorization" "bridge-deadline-ms" '
    '"bridge-boot" "idempotency-key" "traceparent"'
)
RESPONSE_COVERS: Final = '"@status" "content-type" "content-digest" "bridge-boot" "bridge-next" "signature";req;key="b"'


@dataclass(frozen=True)
class FromThePage:
    """A unit or an agent, as the page says."""

    key_id: str
    secret: bytes

    def key(self, direction: str) -> bytes:
        """Return the key of one direction: HKDF (RFC 5869) of 32 bytes is one block, so one round."""
        extracted = hmac.digest(self.key_id.encode(), self.secret, "sha256")
        return hmac.digest(extracted, f"drawbridge bridge-v1 {direction}".encode() + b"\x01", "sha256")

    def mac(self, direction: str, base: str) -> str:
        return base64.b64encode(hmac.digest(self.key(direction), base.encode("ascii"), "sha256")).decode("ascii")

    @staticmethod
    def digest(body: bytes) -> str:
        return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"

    @staticmethod
    def base(covers: str, values: dict[str, str], params: str) -> str:
        lines = [f"{component}: {values[component]}" for component in covers.split(" ")]
        return "\n".join([*lines, f'"@signature-params": {params}'])

    def request_base(self, path: str, headers: dict[str, str]) -> str:
        values = {f'"{name}"': value for name, value in headers.items()}
        values |= {'"@method"': "POST", '"@authority"': AUTHORITY, '"@path"': path}
        return self.base(REQUEST_COVERS, values, headers["signature-input"].removeprefix("b="))

    def response_base(self, status: int, headers: dict[str, str], request_signature: str) -> str:
        values = {f'"{name}"': value for name, value in headers.items()}
        values |= {'"@status"': str(status), '"signature";req;key="b"': request_signature.removeprefix("b=")}
        return self.base(RESPONSE_COVERS, values, headers["signature-input"].removeprefix("r="))

    def request(self, path: str, body: bytes, headers: dict[str, str], created: int, nonce: str) -> dict[str, str]:
        signed = headers | {
            "content-type": "application/json",
            "content-digest": self.digest(body),
            "signature-input": (
                f'b=({REQUEST_COVERS});created={created};expires={created + 30};nonce="{nonce}"'
                f';keyid="{self.key_id}";alg="hmac-sha256";tag="bridge-req-v1"'
            ),
        }
        return signed | {"signature": f"b=:{self.mac('request', self.request_base(path, signed))}:"}

    def response(
        self, status: int, body: bytes, headers: dict[str, str], created: int, request_signature: str
    ) -> dict[str, str]:
        signed = headers | {
            "content-digest": self.digest(body),
            "signature-input": (
                f'r=({RESPONSE_COVERS});created={created};keyid="{self.key_id}";alg="hmac-sha256";tag="bridge-res-v1"'
            ),
        }
        return signed | {
            "signature": f"r=:{self.mac('response', self.response_base(status, signed, request_signature))}:"
        }

    def feed_base(self, request_signature: str, number: int, event: str) -> str:
        return f'"bridge-feed-v1": {request_signature.removeprefix("b=:").removesuffix(":")} {number} {event}'


def example(kind: str) -> str:
    """Return the page's example of that kind; ``␠`` there is a space."""
    [found] = re.findall(rf"^```{kind}\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found).replace("␠", " ")


def example_message(kind: str) -> tuple[str, dict[str, str], bytes]:
    head, _, body = example(kind).partition("\n\n")
    first, *lines = head.split("\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert int(headers.pop("content-length")) == len(body)
    return first, headers, body.encode()


KEYS: Final = dict(line.split(": ", 1) for line in example("keys").splitlines())
PEER: Final = FromThePage(KEYS["key id"], bytes.fromhex(KEYS["secret"]))
OURS: Final = Keyring(
    {"gateway": Ring(Generation(PEER.key_id, PEER.secret, datetime(2026, 11, 21, tzinfo=UTC)))}
)  # fmt: skip


# the page's examples


def test_page_derives_the_keys_that_the_keyring_derives() -> None:
    assert PEER.key("request").hex() == KEYS["request key"] == OURS.request_key().secret.hex()
    response_key = OURS.response_key(PEER.key_id)
    assert response_key is not None
    assert PEER.key("response").hex() == KEYS["response key"] == response_key.secret.hex()


def test_request_of_the_page_verifies_by_the_page_and_by_the_code() -> None:
    first, headers, body = example_message("request")
    path = first.split(" ")[1]
    assert headers.pop("host") == AUTHORITY
    assert PEER.request_base(path, headers) == example("request-base")
    assert PEER.digest(body) == headers["content-digest"]
    assert headers["signature"] == f"b=:{PEER.mac('request', example('request-base'))}:"
    opened = open_request(
        headers=headers, method="POST", path=path, authority=AUTHORITY, body=body, find_key=OURS.find_request_key
    )
    assert (opened.process, opened.counter, opened.deadline_ms) == ("kQ7xw2mNpL4z", 17, 1900)


def test_head_of_the_page_verifies_by_the_page_and_is_written_by_the_code() -> None:
    keys = dict(line.split(": ", 1) for line in example("head-key").splitlines())
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys["public key"]))
    assert hashlib.sha256(bytes.fromhex(keys["public key"])).hexdigest()[:16] == keys["key id"]
    values, _, signature = example("head").rpartition(".")
    assert example("head-text") == f"drawbridge audit head v1\n{values}"
    public.verify(base64.urlsafe_b64decode(signature + "=="), example("head-text").encode())

    [head] = find_heads(example("head"))
    assert str(head) == example("head")
    text = signed_text(number=head.number, hash_=head.hash, created=head.created, key_id=keys["key id"])
    assert text.decode() == example("head-text")
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(keys["private key"]))
    assert private.sign(text) == head.signature


def test_response_of_the_page_verifies_by_the_page_and_by_the_code() -> None:
    first, headers, body = example_message("response")
    request_signature = example_message("request")[1]["signature"]
    assert first == "HTTP/1.1 200 OK"
    assert PEER.response_base(200, headers, request_signature) == example("response-base")
    assert PEER.digest(body) == headers["content-digest"]
    assert headers["signature"] == f"r=:{PEER.mac('response', example('response-base'))}:"
    verified = verify_response(
        headers=headers, status=200, body=body, find_key=OURS.response_key,
        request_signature=request_signature.removeprefix("b=:").removesuffix(":").encode(),
    )  # fmt: skip
    assert (verified.boot, verified.next_cursor) == ("Yk3vT0c5Qm2x", "eyJhIjoxfQ")


def test_feed_line_of_the_page_verifies_by_the_page_and_by_the_code() -> None:
    request_signature = example_message("request")[1]["signature"]
    event, _, mac = example("feed-line").rpartition(" ")
    assert PEER.feed_base(request_signature, 1, event) == example("feed-base")
    assert PEER.mac("response", example("feed-base")) == mac
    key = OURS.response_key(PEER.key_id)
    assert key is not None
    ours = feed_mac(
        key=key, request_signature=request_signature[3:-1].encode(), sequence=1, line=event.encode()
    )  # fmt: skip
    assert base64.b64encode(ours).decode() == mac


@pytest.mark.parametrize(
    ("label", "covers"), [("b", REQUEST_COVERS), ("r", RESPONSE_COVERS)], ids=["request", "response"]
)
def test_page_states_the_signature_input_in_one_piece(label: str, covers: str) -> None:
    assert f"{label}=({covers});created=<created>" in PAGE


# built from the page, talking with the code

VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)
WORDS = st.text(st.sampled_from("abcXYZ019_-"), min_size=8, max_size=32)
TIMES = st.integers(0, 10**11)


@given(
    body=st.binary(max_size=100), authorization=VALUES, idempotency_key=VALUES, boot=st.just("") | WORDS,
    created=TIMES, process=WORDS,
)  # fmt: skip
def test_request_is_the_same_whether_the_page_or_the_code_signs_it(
    *, body: bytes, authorization: str, idempotency_key: str, boot: str, created: int, process: str
) -> None:
    ours = sign_request(
        key=OURS.request_key(), authority=AUTHORITY, path="/v1/system.status", body=body,
        authorization=authorization, deadline_ms=None, boot=boot, idempotency_key=idempotency_key,
        traceparent="", created=created, nonce=f"{process}.0",
    )  # fmt: skip
    unsigned = {
        "authorization": authorization, "bridge-deadline-ms": "", "bridge-boot": boot,
        "idempotency-key": idempotency_key, "traceparent": "",
    }  # fmt: skip
    theirs = PEER.request("/v1/system.status", body, unsigned, created, f"{process}.0")
    assert theirs == ours.headers


@given(status=st.integers(200, 599), body=st.binary(max_size=100), next_cursor=VALUES, boot=WORDS, created=TIMES)
def test_response_is_the_same_whether_the_page_or_the_code_signs_it(
    *, status: int, body: bytes, next_cursor: str, boot: str, created: int
) -> None:
    key, request_signature = OURS.response_key(PEER.key_id), base64.b64encode(hashlib.sha256(body).digest())
    assert key is not None
    ours = sign_response(
        key=key, status=status, content_type="application/json", body=body, boot=boot, next_cursor=next_cursor,
        request_signature=request_signature, created=created,
    )  # fmt: skip
    unsigned = {"content-type": "application/json", "bridge-boot": boot, "bridge-next": next_cursor}
    assert PEER.response(status, body, unsigned, created, f"b=:{request_signature.decode()}:") == ours


# the page's tables


@pytest.mark.story("health/US-BE-42.3", "hub/IH-026.3", "health/US-BE-05.2")
def test_page_lists_every_error_code() -> None:
    rows = [f"| `{code.wire}` | {code.status} | {code.outcome.value} | {code.title} |" for code in Code]
    [listed] = re.findall(r"<!-- errors: from bridge/errors.py -->\n.*?\n.*?\n(.*?)\n<!-- /errors -->", PAGE, re.DOTALL)
    assert listed.split("\n") == rows


@pytest.mark.story("health/US-BE-42.3")
def test_page_names_the_steps_in_their_order() -> None:
    section = PAGE[PAGE.index("## 4.") : PAGE.index("## 5.")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [step.value for step in Step]
