"""From a provider's word to a session, over the bridge, with a provider that says what it likes."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agent.accounts.oidc.provider import Provider
from agent.accounts.users import NewUser
from bridge.contracts.oidc import BEGIN_OIDC, FINISH_OIDC
from bridge.contracts.operation import Role
from bridge.errors import AppError, Busy, Code
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, open_house
from tests.integration.agent.accounts.oidc.conftest import Begun, Way, oidc_section
from tests.integration.agent.conftest import StoreDsns
from tests.oidc_peer import DISCOVERY, KEYS, TOKEN, answer, peer
from tests.oidc_tokens import CLIENT, Key, cognito_access_claims, cognito_claims, rsa_key

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]  # the first waits for the house


async def links(house: House) -> list[tuple[str, str]]:
    """Return which of the provider's people is whose account."""
    rows = await house.run("SELECT l.subject, u.email FROM oidc_links l JOIN users u ON u.id = l.user_id ORDER BY 1")
    return [(row["subject"], row["email"]) for row in rows]


async def test_session_is_as_any_other_when_somebody_comes_back_from_the_provider(way: Way) -> None:
    await way.house.people(ANN, BOB)
    tokens = await way.sign_in(email="Ann@Example.org")
    caller = way.house.nobody
    caller.tokens = json.loads(tokens.model_dump_json())
    assert (await caller.get("/users/profile")).body["email"] == ANN.email
    renewed = await way.house.nobody.post("/auth/refresh", {"refresh_token": tokens.refresh_token})
    assert renewed.status == 200
    assert len((await caller.get("/users/sessions")).body["items"]) == 1
    assert (await caller.post("/auth/logout")).status == 204
    assert (await caller.get("/users/profile")).status == 401
    assert await links(way.house) == [("s-1", ANN.email)]


async def test_first_and_every_sign_in_is_in_the_audit_trail(way: Way) -> None:
    await way.house.people(ANN)
    before = len(await way.entries())
    tokens = [await way.sign_in(), await way.sign_in()]
    user_id = tokens[0].user.id
    entries = (await way.entries())[before:]
    assert [(outcome, entity) for outcome, entity, *_ in entries] == [
        ("done", "account"), ("done", "session"), ("done", "session")
    ]  # fmt: skip
    assert (UUID(entries[0][2]), json.loads(entries[0][3])["new"]) == (
        user_id, {"provider": way.peer.issuer, "subject": "s-1", "is_new": False}
    )  # fmt: skip
    assert json.loads(entries[1][3])["new"] == {"address": "192.0.2.1"}
    await way.house.verify_trail()
    caller = way.house.nobody
    caller.tokens = json.loads(tokens[1].model_dump_json())
    deeds = [deed["action"] for deed in (await caller.get("/users/activity")).body["items"]]
    assert deeds[:2] == ["accounts.finish_oidc"] * 2


@pytest.mark.story("hub/IH-019.2")
@pytest.mark.parametrize("verdict", [True, "true"])
async def test_person_is_let_in_when_the_token_has_cognitos_shape(way: Way, verdict: object) -> None:
    await way.house.people(ANN)
    own = {name: value for name, value in cognito_claims().items() if name not in {"iss", "aud", "iat", "exp", "nonce"}}
    tokens = await way.sign_in(**(own | {"email_verified": verdict, "name": None}))
    assert tokens.user.email == ANN.email


# who comes first, and who comes then


async def test_account_stays_somebodys_when_their_address_at_the_provider_changes(way: Way) -> None:
    """Neither does who has another address there get another account, nor who got theirs the account they left."""
    await way.house.people(ANN, BOB)
    ann = await way.sign_in()
    assert (await way.sign_in(email=BOB.email)).user.id == ann.user.id
    assert (await way.sign_in(email=None, email_verified=None)).user.id == ann.user.id

    refusal = await way.turned_away(sub="s-2", email=ANN.email)

    assert (refusal.code, "linked to another person" in refusal.public_message) == (Code.NO_ACCOUNT, True)
    assert await links(way.house) == [("s-1", ANN.email)]
    assert (await way.entries())[-1][:3] == ("refused", "account", str(ann.user.id))


async def test_account_is_linked_anew_when_the_owner_took_the_link_away(way: Way) -> None:
    await way.house.people(ANN)
    ann = await way.sign_in()
    assert (await way.turned_away(sub="s-2")).code is Code.NO_ACCOUNT
    assert await way.house.users.unlink(ANN.email, deadline=way.house.soon()) == 1
    assert (await way.sign_in(sub="s-2")).user.id == ann.user.id
    assert await links(way.house) == [("s-2", ANN.email)]
    assert (await way.turned_away()).code is Code.NO_ACCOUNT


async def test_account_stays_somebodys_when_its_own_address_changes(way: Way) -> None:
    await way.house.people(ANN)
    ann = await way.sign_in()
    await way.house.run("UPDATE users SET email = 'moved@example.org'")
    assert (await way.sign_in()).user.id == ann.user.id


async def test_nobody_is_let_in_when_no_account_has_the_address(way: Way) -> None:
    await way.house.people(ANN)
    refusal = await way.turned_away(email="stranger@example.org")
    assert (refusal.code, refusal.public_message) == (
        Code.NO_ACCOUNT, "There is no account here with your e-mail address"
    )  # fmt: skip
    assert await links(way.house) == []
    assert (await way.entries())[-1][:3] == ("refused", "account", "")


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email": None},
        {"email": "ann"},
    ],
)
async def test_nobody_is_let_in_when_the_provider_does_not_vouch_for_the_address(
    way: Way, claims: dict[str, object]
) -> None:
    await way.house.people(ANN)
    refusal = await way.turned_away(**claims)
    assert (refusal.code, "does not vouch" in refusal.public_message) == (Code.NO_ACCOUNT, True)
    assert await links(way.house) == []


async def test_nobody_is_let_in_when_their_account_is_disabled(way: Way) -> None:
    await way.house.people(ANN, EVE)
    for is_linked in (False, True):
        if is_linked:
            await way.house.run("UPDATE users SET is_active = true")
            await way.sign_in()
        await way.house.run("UPDATE users SET is_active = false WHERE email = 'ann@example.org'")
        refusal = await way.turned_away()
        assert (refusal.code, refusal.public_message) == (Code.NO_ACCOUNT, "Your account is disabled")
        assert await links(way.house) == ([("s-1", ANN.email)] if is_linked else [])


# what the provider's answer must be


@pytest.mark.parametrize(
    ("claims", "flaw"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "audience"),
        ({"aud": [CLIENT, "another"]}, "audience"),
        ({"iss": "https://evil.example.org"}, "issuer"),
        ({"exp": 1}, "time"),
        ({"iat": 1}, "time"),
        ({"token_use": "access"}, "no_id_token"),
        ({"sub": ""}, "subject"),
    ],
)
async def test_nobody_is_let_in_when_the_token_is_not_for_this_sign_in(
    way: Way, claims: dict[str, object], flaw: str, caplog: pytest.LogCaptureFixture
) -> None:
    await way.house.people(ANN)
    assert (await way.turned_away(**claims)).code is Code.PROVIDER_REFUSED
    said = [record for record in caplog.records if record.getMessage() == "sign_in_refused"]
    assert [vars(record)["drawbridge_fields"]["reason"] for record in said] == [flaw]
    assert (await way.entries())[-1][:3] == ("refused", "account", "")


async def test_nobody_is_let_in_when_another_key_signed(way: Way) -> None:
    await way.house.people(ANN)
    for forger in (Key("k-1", private=rsa_key("somebody's")), Key("k-9", private=rsa_key("somebody's"))):
        begun = await way.begin()
        claims = {"iss": way.peer.issuer, "nonce": begun.nonce, "aud": CLIENT, "sub": "s-1", "iat": 1, "exp": 1}
        way.peer.give(forger.sign(claims))
        assert (await way.refused(begun)).code is Code.PROVIDER_REFUSED


async def test_nobody_is_let_in_when_an_access_token_stands_in_for_the_id_token(way: Way) -> None:
    await way.house.people(ANN)
    begun = await way.begin()
    way.peer.give(way.peer.key.sign(cognito_access_claims(iss=way.peer.issuer)))
    assert (await way.refused(begun)).code is Code.PROVIDER_REFUSED


async def test_nobody_is_let_in_when_the_code_was_used(way: Way) -> None:
    await way.house.people(ANN)
    begun = await way.begin()
    way.peer.says[TOKEN] = answer({"error": "invalid_grant"}, 400)
    assert (await way.refused(begun)).code is Code.PROVIDER_REFUSED


async def test_sign_in_can_be_begun_anew_when_the_provider_was_away(way: Way) -> None:
    await way.house.people(ANN)
    begun = await way.begin()
    way.peer.says[TOKEN] = answer({}, 503)
    refusal = await way.refused(begun)
    assert (refusal.code, refusal.retry_after_s) == (Code.PROVIDER_UNAVAILABLE, 5.0)
    assert (await way.sign_in()).user.email == ANN.email


async def test_no_log_line_has_what_is_secret_whatever_comes_of_it(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await way.house.people(ANN)
    secrets = {"s3cret"}
    for claims in ({}, {"nonce": "another"}, {"email": "stranger@example.org"}):
        begun = await way.begin()
        way.vouch(begun, **claims)
        secrets |= {begun.sealed, begun.state, begun.nonce, "the-code-itself", way.peer.token(nonce=begun.nonce)}
        with suppress(AppError):
            await way.finish(begun, code="the-code-itself")
    assert [secret for secret in secrets if any(secret in str(vars(record)) for record in caplog.records)] == []
    assert "session_started" in caplog.messages


# what the browser brings back


async def test_sign_in_is_taken_once_when_it_comes_twice(way: Way) -> None:
    await way.house.people(ANN)
    begun = await way.begin()
    way.vouch(begun)
    assert (await way.finish(begun)).user.email == ANN.email
    asked = len(way.peer.heard)
    assert (await way.refused(begun)).code is Code.SIGN_IN_EXPIRED
    assert len(way.peer.heard) == asked


async def test_sign_in_is_refused_when_it_was_begun_in_another_browser(way: Way) -> None:
    await way.house.people(ANN)
    mine, anothers = await way.begin(), await way.begin()
    way.vouch(mine)
    asked = len(way.peer.heard)
    crossed = Begun(mine.sealed, anothers.state, mine.nonce, "")
    assert (await way.refused(crossed)).code is Code.SIGN_IN_EXPIRED
    for wrong in ({"state": "x"}, {"sealed": "x"}, {"sealed": mine.sealed[:-2]}):
        assert (await way.refused(mine, **wrong)).code is Code.SIGN_IN_EXPIRED
    assert len(way.peer.heard) == asked
    assert (await way.finish(mine)).user.email == ANN.email  # none of that used it up


async def test_sign_in_is_refused_when_another_provider_answers(way: Way) -> None:
    await way.house.people(ANN)
    begun = await way.begin()
    way.vouch(begun)
    assert (await way.refused(begun, issuer="https://evil.example.org")).code is Code.PROVIDER_REFUSED
    begun = await way.begin()
    way.vouch(begun)
    assert (await way.finish(begun, issuer=way.peer.issuer)).user.email == ANN.email


async def test_notes_of_used_sign_ins_go_when_they_are_too_old_to_be_taken(way: Way) -> None:
    await way.house.people(ANN)
    await way.sign_in()
    assert await way.house.run("SELECT FROM oidc_used")
    await way.house.run("UPDATE oidc_used SET expires_at = now()")
    await way.house.running.agent._accounts.forget_old(way.house.soon())
    assert await way.house.run("SELECT FROM oidc_used") == []


# houses of another kind


@pytest.mark.asyncio(loop_scope="function")
async def test_sign_in_is_limited_as_with_a_password(tmp_path: Path, store_dsns: StoreDsns) -> None:
    few = {"sign_in_per_account": 2, "sign_in_per_address": 3}
    async with (
        peer(tmp_path) as there,
        open_house(tmp_path, store_dsns, oidc=oidc_section(there), limits=few) as house,
    ):
        way = Way(house, there)
        await house.people(ANN, BOB)
        for _ in range(2):
            await way.sign_in()
        by_account = await way.turned_away()
        assert isinstance(by_account, Busy)
        asked = len(there.heard)
        assert isinstance(await way.turned_away(sub="s-2", email=BOB.email), Busy)  # by address
        assert len(there.heard) == asked
        assert by_account.code is Code.RATE_LIMITED
        assert by_account.retry_after_s is not None


@pytest.mark.asyncio(loop_scope="function")
async def test_account_is_made_when_everybody_may_sign_up(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with peer(tmp_path) as there, open_house(tmp_path, store_dsns, oidc=oidc_section(there)) as house:
        way = Way(house, there)
        await house.people(EVE)
        new = await way.sign_in(sub="s-3", email="New.Person@example.org", name="New\r\n Person")
        assert (new.user.role, new.user.name) == (Role.VIEWER, "New Person")
        assert (await way.sign_in(sub="s-3", email=None)).user.id == new.user.id
        assert (await way.sign_in(sub="s-4", email="four@example.org", name=None)).user.name == "four"
        assert json.loads((await way.entries())[0][3])["new"]["is_new"]
        mine = NewUser(email="new.person@example.org", name="x")
        for guess in ("drawbridge", "", "x"):
            said = await house.nobody.post("/auth/login", {"email": mine.email, "password": guess or "?"})
            assert said.status == 401  # until they choose a password by mail, there is none


@pytest.mark.asyncio(loop_scope="function")
async def test_nothing_can_be_begun_when_there_is_no_provider(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with open_house(tmp_path, store_dsns) as house:
        finish: dict[str, Any] = {"sealed": "x", "state": "x", "code": "x"}
        for call in (house.running.call(BEGIN_OIDC), house.running.call(FINISH_OIDC, **finish)):
            with pytest.raises(AppError) as raised:
                await call
            assert raised.value.code is Code.APP_DISABLED


@pytest.mark.asyncio(loop_scope="function")
async def test_those_with_passwords_are_let_in_when_the_provider_is_silent(
    tmp_path: Path, store_dsns: StoreDsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def silent(*_: object, **__: object) -> str:
        waiting.release()
        await go_on.wait()
        return "https://login.example.org"

    monkeypatch.setattr(Provider, "authorization_url", silent)
    async with peer(tmp_path) as there, open_house(tmp_path, store_dsns, oidc=oidc_section(there)) as house:
        await house.people(ANN)
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(house.running.call(BEGIN_OIDC)) for _ in range(2)]
            for _ in begun:
                await waiting.acquire()
            assert (await house.sign_in(ANN)).token
            go_on.set()
        assert {task.result().url for task in begun} == {"https://login.example.org"}


@pytest.mark.asyncio(loop_scope="function")
async def test_sign_in_cannot_be_begun_when_the_provider_is_away(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with peer(tmp_path) as there, open_house(tmp_path, store_dsns, oidc=oidc_section(there)) as house:
        there.says[DISCOVERY] = there.says[KEYS] = answer({}, 500)
        with pytest.raises(AppError) as raised:
            await house.running.call(BEGIN_OIDC)
        assert raised.value.code is Code.PROVIDER_UNAVAILABLE
