"""What a browser carries between leaving for the provider and coming back."""

from __future__ import annotations

import base64
import hashlib

import pytest

from agent.accounts.oidc.flow import LIFETIME_S, Flow, FlowSeal, NotOurs

KEY = b"k" * 32
NOW = 1_780_000_000.0
SEAL = FlowSeal(lambda: KEY, "https://login.example.org drawbridge")


def test_flow_comes_back_as_it_left_when_its_state_does() -> None:
    flow = Flow.begin(NOW)
    assert SEAL.open(SEAL.seal(flow), flow.state, NOW + LIFETIME_S - 1) == flow
    assert len({flow.state, flow.nonce, flow.verifier}) == 3
    assert {len(each) for each in (flow.state, flow.nonce, flow.verifier)} == {
        43
    }  # 256 bits; RFC 7636 wants 43 or more


def test_challenge_is_rfc_7636s_when_the_verifier_is() -> None:
    flow = Flow(0, "", "", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert flow.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_flow_shows_nothing_of_itself() -> None:
    flow, sealed = Flow.begin(NOW), SEAL.seal(Flow.begin(NOW))
    assert not any(each in repr(flow) for each in (flow.state, flow.nonce, flow.verifier))
    assert flow.digest == hashlib.sha256(flow.state.encode()).digest()
    assert SEAL.seal(flow) != SEAL.seal(flow) != sealed


@pytest.mark.parametrize("after_s", [LIFETIME_S, LIFETIME_S + 86_400, -1])
def test_flow_is_refused_when_it_is_not_of_now(after_s: float) -> None:
    flow = Flow.begin(NOW)
    with pytest.raises(NotOurs):
        SEAL.open(SEAL.seal(flow), flow.state, NOW + after_s)


def test_flow_is_refused_when_the_state_is_anothers() -> None:
    flow, other = Flow.begin(NOW), Flow.begin(NOW)
    for state in (other.state, "", flow.state[:-1], flow.state + "A", "\ud800"):
        with pytest.raises(NotOurs):
            SEAL.open(SEAL.seal(flow), state, NOW)


def test_flow_is_refused_when_it_was_sealed_for_another_provider_or_with_another_key() -> None:
    flow = Flow.begin(NOW)
    for other in (FlowSeal(lambda: KEY, "https://login.example.org another"), FlowSeal(lambda: b"o" * 32, "")):
        with pytest.raises(NotOurs):
            SEAL.open(other.seal(flow), flow.state, NOW)


def test_flow_is_refused_when_any_byte_of_it_was_altered() -> None:
    flow = Flow.begin(NOW)
    raw = base64.urlsafe_b64decode(SEAL.seal(flow) + "==")
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 1
        with pytest.raises(NotOurs):
            SEAL.open(base64.urlsafe_b64encode(altered).decode().rstrip("="), flow.state, NOW)


@pytest.mark.parametrize("sealed", ["", "AQ", "!", "é", "A" * 7, "AQ" + "A" * 200, "\ud800"])
def test_what_was_not_sealed_here_is_refused(sealed: str) -> None:
    with pytest.raises(NotOurs):
        SEAL.open(sealed, "", NOW)
