"""Discovery, keys and codes, with a provider that says what it likes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agent.accounts.oidc.flow import Flow
from agent.accounts.oidc.https import ANSWER_MAX, Away
from agent.accounts.oidc.id_tokens import Flaw, Identity, IDTokenRefused
from agent.accounts.oidc.provider import AGAIN_S, KEPT_S, KEYS_AGAIN_S, CodeRefused, Provider
from agent.settings import Oidc, Relay
from tests.clocks import HurriedClock
from tests.oidc_peer import DISCOVERY, KEYS, SECRET, TOKEN, Peer, answer, peer
from tests.oidc_tokens import CLIENT, NONCE, NOW, Key, jwks, rsa_key

FLOW = Flow(int(NOW) + 600, "the-state", NONCE, "the-verifier")


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Peer]:
    async with peer(tmp_path) as made:
        yield made


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


def soon(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


def provider_of(settings: Oidc, clock: HurriedClock) -> Provider:
    return Provider(settings, Relay(), clock)


@pytest.fixture
def provider(there: Peer, clock: HurriedClock) -> Provider:
    there.give(there.token(exp=clock.time() + 300, iat=clock.time()))
    return provider_of(there.settings(), clock)


async def away(provider: Provider, seconds: float = 20.0) -> str:
    """Return why the provider cannot be asked."""
    with pytest.raises(Away) as raised:
        await provider.identify("c-1", FLOW, deadline=soon(seconds))
    return str(raised.value)


async def test_browser_is_sent_where_the_provider_says_with_what_binds_its_answer(
    provider: Provider, there: Peer
) -> None:
    url = await provider.authorization_url(FLOW, deadline=soon())
    assert url.startswith(f"{there.description['authorization_endpoint']}?")
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"], "client_id": [CLIENT], "scope": ["openid email profile"], "state": ["the-state"],
        "redirect_uri": ["https://home.example.org/auth/oidc/callback"], "nonce": [NONCE],
        "code_challenge": [FLOW.challenge], "code_challenge_method": ["S256"],
    }  # fmt: skip
    assert "the-verifier" not in url


async def test_query_of_the_provider_stays_when_it_has_one(provider: Provider, there: Peer) -> None:
    there.describe(authorization_endpoint="https://login.example.org/authorize?tenant=7")
    url = await provider.authorization_url(FLOW, deadline=soon())
    assert url.startswith("https://login.example.org/authorize?tenant=7&response_type=code&")


async def test_code_is_exchanged_for_a_person_when_all_is_right(provider: Provider, there: Peer) -> None:
    assert await provider.identify("c-1", FLOW, deadline=soon()) == Identity(
        there.issuer, "s-1", "ann@example.org", "Ann"
    )
    assert there.asked == [DISCOVERY, KEYS, TOKEN]
    heard = there.heard[-1]
    assert heard.form == {
        "grant_type": "authorization_code", "code": "c-1", "code_verifier": "the-verifier",
        "redirect_uri": "https://home.example.org/auth/oidc/callback",
    }  # fmt: skip
    shown = base64.b64decode(heard.headers["Authorization"].removeprefix("Basic ")).decode()
    assert shown == f"{CLIENT}:s3cret%2F%2B%26"


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"client_authentication": "post"}, {"client_id": CLIENT, "client_secret": SECRET}),
        ({"client_secret": None}, {"client_id": CLIENT}),
        ({"client_secret": None, "client_authentication": "post"}, {"client_id": CLIENT}),
    ],
)
async def test_client_shows_who_it_is_in_the_form_when_that_is_wanted(
    there: Peer, clock: HurriedClock, provider: Provider, settings: dict[str, Any], shown: dict[str, str]
) -> None:
    provider = provider_of(there.settings(**settings), clock)
    await provider.identify("c-1", FLOW, deadline=soon())
    assert {name: value for name, value in there.heard[-1].form.items() if name.startswith("client_")} == shown
    assert "Authorization" not in there.heard[-1].headers


async def test_description_and_keys_are_fetched_once_an_hour_whoever_asks(
    provider: Provider, there: Peer, clock: HurriedClock
) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(provider.authorization_url(FLOW, deadline=soon()))
    assert there.asked == [DISCOVERY, KEYS]
    clock.advance(KEPT_S - 1)
    await provider.authorization_url(FLOW, deadline=soon())
    assert there.asked == [DISCOVERY, KEYS]
    clock.advance(1)
    await provider.authorization_url(FLOW, deadline=soon())
    assert there.asked == [DISCOVERY, KEYS] * 2


async def test_keys_are_looked_for_again_when_the_provider_has_a_new_one(
    provider: Provider, there: Peer, clock: HurriedClock
) -> None:
    await provider.authorization_url(FLOW, deadline=soon())
    clock.advance(KEYS_AGAIN_S)
    there.key = Key("k-2", private=rsa_key("the next"))
    there.says[KEYS] = answer(jwks(there.key))
    there.give(there.token(exp=clock.time() + 300, iat=clock.time()))
    assert (await provider.identify("c-1", FLOW, deadline=soon())).subject == "s-1"
    assert there.asked == [DISCOVERY, KEYS, TOKEN, KEYS]


async def test_keys_are_looked_for_once_a_minute_when_tokens_name_unknown_ones(
    provider: Provider, there: Peer, clock: HurriedClock
) -> None:
    there.give(Key("k-9").sign({}))
    for advance_s, asked in ((0, 1), (KEYS_AGAIN_S, 2), (KEYS_AGAIN_S - 1, 2), (1, 3)):
        clock.advance(advance_s)
        with pytest.raises(IDTokenRefused) as refused:
            await provider.identify("c-1", FLOW, deadline=soon())
        assert refused.value.flaw is Flaw.UNKNOWN_KEY
        assert there.asked.count(KEYS) == asked


async def test_token_is_refused_when_it_is_not_good_and_its_key_is_known(provider: Provider, there: Peer) -> None:
    there.give(there.token(nonce="another"))
    with pytest.raises(IDTokenRefused):
        await provider.identify("c-1", FLOW, deadline=soon())
    assert there.asked.count(KEYS) == 1


async def test_code_is_refused_when_the_provider_does_not_know_it(provider: Provider, there: Peer) -> None:
    there.says[TOKEN] = answer({"error": "invalid_grant", "error_description": "used"}, 400)
    with pytest.raises(CodeRefused, match="invalid_grant"):
        await provider.identify("c-1", FLOW, deadline=soon())


@pytest.mark.parametrize("token", [None, 7, {"a": "b"}])
async def test_code_is_refused_when_it_brings_no_id_token(provider: Provider, there: Peer, token: object) -> None:
    there.give(token)
    with pytest.raises(CodeRefused, match="no_id_token"):
        await provider.identify("c-1", FLOW, deadline=soon())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer({"error": "invalid_client"}, 401), "it answers 401 invalid_client"),
        (answer({"error": "<script>"}, 400), "it answers 400"),
        (answer(b"<h1>Oops</h1>", 500), "it answers 500"),
        (answer(b"<h1>Oops</h1>", 403), "its answer is no JSON object"),
        (answer([]), "its answer is no JSON object"),
        (answer(b"[" * 100_000), "its answer is no JSON object"),
        (answer({}, 302, Location="https://evil.example.org"), "it answers 302"),
        (b"SSH-2.0-OpenSSH\r\n", "its answer is no HTTP, or was cut short"),
        (b"", "its answer is no HTTP, or was cut short"),
        (answer({"id_token": "x"})[:-3], "its answer is no HTTP, or was cut short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "its answer is no HTTP, or was cut short"),
        (answer(b" " * ANSWER_MAX), f"its answer has more than {ANSWER_MAX} bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", "its answer is no HTTP, or was cut short"),
    ],
)
async def test_sign_in_fails_and_says_why_when_the_answer_cannot_be_used(
    provider: Provider, there: Peer, said: bytes, reason: str
) -> None:
    there.says[TOKEN] = said
    assert await away(provider) == reason


async def test_answer_in_pieces_is_read_when_it_comes_so(provider: Provider, there: Peer) -> None:
    described = answer(there.description).partition(b"\r\n\r\n")[2]
    there.says[DISCOVERY] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (
        len(described),
        described,
    )
    assert (await provider.identify("c-1", FLOW, deadline=soon())).subject == "s-1"


@pytest.mark.parametrize("path", [DISCOVERY, KEYS, TOKEN])
async def test_sign_in_fails_in_time_when_the_provider_is_silent(provider: Provider, there: Peer, path: str) -> None:
    async def silent(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    there.says[path] = silent
    assert await away(provider, 1.0) == "it did not answer in time"


async def test_those_who_wait_for_others_give_up_in_time_when_the_provider_is_silent(
    provider: Provider, there: Peer
) -> None:
    begun = asyncio.Event()

    async def silent(_writer: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.Event().wait()

    there.says[DISCOVERY] = silent
    first = asyncio.ensure_future(away(provider, 10.0))
    await begun.wait()
    assert await away(provider, 0.1) == "it did not answer others in time"
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_nobody_is_asked_when_there_is_no_time_left(provider: Provider, there: Peer) -> None:
    await provider.authorization_url(FLOW, deadline=soon())
    assert await away(provider, -1.0) in {"it did not answer in time", "it did not answer others in time"}
    assert there.asked == [DISCOVERY, KEYS]


async def test_provider_is_left_alone_for_a_moment_when_it_was_away(
    provider: Provider, there: Peer, clock: HurriedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    there.says[DISCOVERY] = answer({}, 503)
    for _ in range(3):
        assert await away(provider) == "it answers 503"
    assert there.asked == [DISCOVERY]
    clock.advance(AGAIN_S)
    assert await away(provider) == "it answers 503"
    there.describe()
    clock.advance(AGAIN_S)
    await provider.authorization_url(FLOW, deadline=soon())
    events = [record.getMessage() for record in caplog.records if record.name.startswith("agent.accounts.oidc")]
    assert events == ["oidc_provider_lost", "oidc_provider_found"]


async def test_provider_is_away_when_nothing_listens(there: Peer, clock: HurriedClock) -> None:
    issuer = "https://localhost:1/pool"
    reason = await away(provider_of(there.settings(issuer=issuer), clock))
    assert "refused" in reason or "failed" in reason  # the loop's words


async def test_provider_is_away_when_its_certificate_is_not_good(
    tmp_path: Path, there: Peer, clock: HurriedClock
) -> None:
    assert (await away(provider_of(there.settings(ca_file=None), clock))).startswith("its certificate is not good: ")
    async with peer(tmp_path, name="login.example.org") as other:
        assert (await away(provider_of(other.settings(), clock))).startswith("its certificate is not good: ")


async def test_provider_is_away_when_the_relay_does_not_lead_there(there: Peer, clock: HurriedClock) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        relay = Relay(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        reason = await away(Provider(there.settings(), relay, clock))
    assert reason == f"the relay does not lead to localhost:{there.port}: 403 Forbidden"
    assert there.heard == []


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"issuer": "https://evil.example.org"}, "it describes itself as another issuer"),
        (
            {"token_endpoint": "https://evil.example.org/t"},
            "it leads to evil.example.org:443, which oidc.servers does not name",
        ),
        ({"jwks_uri": "https://localhost/keys"}, "it leads to localhost:443, which oidc.servers does not name"),
        ({"token_endpoint": "http://localhost/t"}, "its token_endpoint is no https address"),
        ({"token_endpoint": None}, "its token_endpoint is no https address"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "its authorization_endpoint is no https address"),
        ({"authorization_endpoint": "https://a@b.example.org/"}, "its authorization_endpoint is no https address"),
        ({"authorization_endpoint": "https://b.example.org/#a"}, "its authorization_endpoint is no https address"),
        (
            {"authorization_endpoint": "https://b.example.org/\r\nX: y"},
            "its authorization_endpoint is no https address",
        ),
    ],
)
async def test_provider_is_not_believed_when_it_leads_elsewhere(
    provider: Provider, there: Peer, others: dict[str, object], reason: str
) -> None:
    there.describe(**others)
    assert await away(provider) == reason
    assert there.asked == [DISCOVERY]


async def test_provider_is_away_when_its_keys_cannot_be_read(provider: Provider, there: Peer) -> None:
    there.says[KEYS] = answer({"keys": 7})
    assert await away(provider) == "its keys cannot be read"


async def test_other_servers_are_gone_to_when_the_settings_name_them(there: Peer, clock: HurriedClock) -> None:
    there.describe(jwks_uri=f"https://127.0.0.1:{there.port}{KEYS}")
    reason = await away(provider_of(there.settings(servers=[f"127.0.0.1:{there.port}", "127.0.0.1"]), clock))
    assert reason.startswith("its certificate is not good: ")  # it went there
