from __future__ import annotations

import base64
import json
from collections.abc import Callable

import jwt
import pytest

from bridge.contracts.operation import Role
from bridge.contracts.system import FeedEvent
from bridge.errors import AppError, Code, Unavailable
from gateway.accounts.tokens import LEEWAY_S, TokenVerifier
from gateway.web.context import Principal
from tests.clocks import TurnedClock
from tests.gateway_door import KID, SESSION, USER, FeedState, Issuer

OUTAGE_GRACE_S = 900.0


class MonotonicClock(TurnedClock):
    """Also its monotonic time stands still until it is advanced."""

    def monotonic(self) -> float:
        return self.time()


@pytest.fixture
def clock() -> MonotonicClock:
    return MonotonicClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def feed() -> FeedState:
    return FeedState()


@pytest.fixture
def verifier(clock: MonotonicClock, issuer: Issuer, feed: FeedState) -> TokenVerifier:
    made = TokenVerifier(clock=clock, agent_time=clock.time, outage_grace_s=OUTAGE_GRACE_S, remembered_max=2)
    made.follow(feed)
    made.on_feed_event(FeedEvent(kind="hello", keys=(issuer.public_key,)))
    return made


@pytest.fixture
def token(clock: MonotonicClock, issuer: Issuer) -> str:
    return issuer.token(expires_at=clock.time() + 3600)


def refusal(verify: Callable[[], object]) -> Code:
    with pytest.raises(AppError) as raised:
        verify()
    return raised.value.code


def test_token_names_its_holder_when_the_agent_signed_it(verifier: TokenVerifier, token: str) -> None:
    principal = verifier.verify(token)

    assert principal == Principal(USER, SESSION, Role.VIEWER, f"{USER}.{SESSION}.1")
    assert verifier.verify(token) is principal


def test_token_is_refused_when_another_key_signed_it(verifier: TokenVerifier, clock: MonotonicClock) -> None:
    forged = Issuer().token(expires_at=clock.time() + 3600)

    assert refusal(lambda: verifier.verify(forged)) is Code.UNAUTHENTICATED


def test_token_is_refused_when_its_key_is_unknown(
    verifier: TokenVerifier, issuer: Issuer, clock: MonotonicClock
) -> None:
    strange = issuer.token(expires_at=clock.time() + 3600, headers={"kid": "k9"})

    assert refusal(lambda: verifier.verify(strange)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"jwk": {"kty": "OKP"}}, {"typ": "at+jwt"}, {"kid": ""}])
def test_token_is_refused_when_its_header_says_more(
    verifier: TokenVerifier, issuer: Issuer, clock: MonotonicClock, header: dict[str, object]
) -> None:
    odd = issuer.token(expires_at=clock.time() + 3600, headers=header)

    assert refusal(lambda: verifier.verify(odd)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_token_is_refused_when_its_algorithm_is_not_ours(
    verifier: TokenVerifier, issuer: Issuer, algorithm: str
) -> None:
    key = "" if algorithm == "none" else issuer.public_key.x.ljust(64, "x")
    weak = jwt.encode({"sub": USER}, key, algorithm=algorithm, headers={"kid": KID})

    assert refusal(lambda: verifier.verify(weak)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "root"}, {"sid": 7}, {"role": "king"}, {"ver": -1}, {"exp": "soon"}, {"sub": None},
        {"iss": "another"}, {"iss": None}, {"iss": ""},
        {"aud": "another"}, {"aud": None}, {"aud": ""}, {"aud": []}, {"aud": ["another"]},
    ],
)  # fmt: skip
def test_token_is_refused_when_a_claim_is_wrong(
    verifier: TokenVerifier, issuer: Issuer, clock: MonotonicClock, claims: dict[str, object]
) -> None:
    odd = issuer.token(expires_at=clock.time() + 3600, headers=None, **claims)

    assert refusal(lambda: verifier.verify(odd)) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("text", ["x", "a.b.c", "ä.ö.ü", "\ud800", "x" * 5000, "..", "e30.e30."])
def test_token_is_refused_when_it_is_none(verifier: TokenVerifier, text: str) -> None:
    assert refusal(lambda: verifier.verify(text)) is Code.UNAUTHENTICATED


def test_token_is_refused_when_its_content_was_altered(verifier: TokenVerifier, token: str) -> None:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    altered = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).decode().rstrip("=")

    assert refusal(lambda: verifier.verify(f"{header}.{altered}.{signature}")) is Code.UNAUTHENTICATED


def test_session_has_ended_when_the_token_expired(verifier: TokenVerifier, token: str, clock: MonotonicClock) -> None:
    verifier.verify(token)

    clock.advance(3600 + LEEWAY_S - 1)
    verifier.verify(token)
    clock.advance(1)

    assert refusal(lambda: verifier.verify(token)) is Code.SESSION_ENDED


def test_nobody_is_known_when_no_key_has_come_yet(clock: MonotonicClock, token: str) -> None:
    verifier = TokenVerifier(clock=clock, agent_time=clock.time, outage_grace_s=OUTAGE_GRACE_S, remembered_max=2)

    with pytest.raises(Unavailable) as raised:
        verifier.verify(token)
    assert raised.value.retry_after_s


def test_verified_token_stays_good_for_a_while_when_an_outage_begins(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState
) -> None:
    verifier.verify(token)
    feed.lost_at = clock.monotonic()

    clock.advance(OUTAGE_GRACE_S)
    verifier.verify(token)
    clock.advance(1)

    assert refusal(lambda: verifier.verify(token)) is Code.UNREACHABLE


def test_unverified_token_must_wait_when_an_outage_began_before_it_came(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState
) -> None:
    feed.lost_at = clock.monotonic()

    assert refusal(lambda: verifier.verify(token)) is Code.UNREACHABLE


@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(kind="users_changed", users=(USER,)),
        FeedEvent(kind="users_changed", sessions=(SESSION,)),
        FeedEvent(kind="keys_changed"),
    ],
)
def test_token_is_looked_at_anew_when_the_agent_says_that_something_changed(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState, event: FeedEvent
) -> None:
    verifier.verify(token)

    verifier.on_feed_event(event)

    feed.lost_at = clock.monotonic()  # only what is remembered is good now
    assert refusal(lambda: verifier.verify(token)) is Code.UNREACHABLE


@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(kind="users_changed", users=("33333333-3333-4333-8333-333333333333",)),
        FeedEvent(kind="tags_invalidated", tags=("health.records",)),
    ],
)
def test_token_stays_remembered_when_it_is_not_its_users_that_changed(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState, event: FeedEvent
) -> None:
    verifier.verify(token)

    verifier.on_feed_event(event)

    feed.lost_at = clock.monotonic()
    assert verifier.verify(token).user_id == USER


def test_everything_is_forgotten_when_events_may_have_been_missed(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState
) -> None:
    verifier.verify(token)

    verifier.on_feed_gap()

    feed.lost_at = clock.monotonic()
    assert refusal(lambda: verifier.verify(token)) is Code.UNREACHABLE


def test_one_token_is_forgotten_when_it_was_signed_out(
    verifier: TokenVerifier, token: str, clock: MonotonicClock, feed: FeedState
) -> None:
    verifier.verify(token)

    verifier.forget(token)

    feed.lost_at = clock.monotonic()
    assert refusal(lambda: verifier.verify(token)) is Code.UNREACHABLE


def test_memory_is_bounded_when_more_tokens_come(
    verifier: TokenVerifier, issuer: Issuer, clock: MonotonicClock, feed: FeedState
) -> None:
    tokens = [issuer.token(expires_at=clock.time() + 3600, ver=version) for version in range(3)]
    for each in tokens:
        verifier.verify(each)

    feed.lost_at = clock.monotonic()

    assert refusal(lambda: verifier.verify(tokens[0])) is Code.UNREACHABLE
    assert verifier.verify(tokens[1]).scope.endswith(".1")
    assert verifier.verify(tokens[2]).scope.endswith(".2")


def test_token_counts_as_accepted_when_the_agent_took_it(verifier: TokenVerifier, token: str) -> None:
    verifier.verify(token)
    assert not verifier.is_accepted(token)

    verifier.accept(token)

    assert verifier.is_accepted(token)


@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(kind="users_changed", users=(USER,)),
        FeedEvent(kind="users_changed", sessions=(SESSION,)),
        None,
    ],
    ids=["user changed", "session ended", "gap"],
)
def test_token_counts_as_accepted_no_longer_when_it_may_have_been_revoked(
    verifier: TokenVerifier, token: str, event: FeedEvent | None
) -> None:
    verifier.accept(token)
    generation = verifier.generation

    if event is None:
        verifier.on_feed_gap()
    else:
        verifier.on_feed_event(event)
    verifier.verify(token)  # its signature is as good as ever

    assert not verifier.is_accepted(token)
    assert verifier.generation > generation
