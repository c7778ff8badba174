"""A gateway in wrong hands: its real certificate and keys, against the real agent and a real PostgreSQL.

The numbered list of docs/architecture.md, "The one idea", is what these tests hold to; PROOFS says which tests each
of its points rests on.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from agent.accounts.token_keys import TokenKey, TokenKeys
from agent.settings import Tokens
from bridge.client.http1 import Data
from bridge.client.transport import ConnectFailed, ConnectionLost, Response
from bridge.contracts import OPERATIONS
from bridge.contracts.accounts import REFRESH, SIGN_IN, Refresh
from bridge.contracts.health import LIST, NAMES, STATS, ListSymptoms
from bridge.contracts.operation import Effect, Nothing
from bridge.contracts.system import FEED, METRICS, REPORT, STATUS, FeedStart
from bridge.errors import Code
from bridge.keys import Keyring, Ring, generate, load_keyring, save_keyring
from bridge.pki import IDENTITY_FILE, Authority, read_identity
from bridge.process.clock import SystemClock, utc
from bridge.signing import SignedRequest
from tests.adversity.agent import Mitigation
from tests.adversity.appliance import PASSWORD, Keep, Stage, keep
from tests.adversity.hand import Hand, Letter, code_of, hand
from tests.adversity.process import ROOT
from tests.waiting import until

PROOFS: Final = {
    "run SQL": ("test_sql_is_no_operation_when_it_is_named", "test_sql_is_only_text_when_it_is_a_parameter"),
    "mint a session": (
        "test_token_is_refused_when_the_gateway_made_it",
        "test_session_is_refused_when_the_password_is_guessed",
        "test_no_secret_is_told_when_everything_is_asked",
    ),
    "read the rows of people whose credentials do not pass through it": (
        "test_records_are_refused_when_nobody_has_signed_in",
        "test_records_are_one_persons_when_another_person_is_asked_for",
        "test_units_rights_are_refused_when_another_units_key_is_used",
    ),
    "change history": (
        "test_no_operation_writes_records_when_all_are_listed",
        "test_records_cannot_be_written_when_the_agents_own_login_tries",
        "test_audit_trail_cannot_be_changed_when_the_agents_own_login_tries",
        "test_what_was_read_is_in_the_audit_trail_when_the_gateway_acts_as_somebody",
    ),
    "replay, reflect or splice messages": (
        "test_message_is_refused_when_it_was_sent_before",
        "test_message_is_refused_when_it_is_of_another_start_or_time",
        "test_message_is_refused_when_it_is_signed_for_the_other_direction",
        "test_message_is_refused_when_it_is_spliced",
    ),
}

_NOTHING: Final = Nothing()
_SIGN_INS_A_MINUTE: Final = 5


@dataclass
class Intruder:
    """Whoever holds the gateway. ``ada`` and ``ben`` are tokens of two people; only ada's passes through it."""

    stage: Stage
    keep: Keep
    hand: Hand
    email: str
    ada: str
    ben: str

    async def send(self, letter: Letter) -> Code | None:
        """Return what the agent refuses a letter with; None where it does not."""
        return code_of(await self.hand.send(letter))

    async def rows(self, token: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the records that the agent gives for a token."""
        body = json.dumps({"limit": 200, **parameters}).encode()
        answer = await self.hand.send(self.hand.write(LIST.name, body, token=token))
        assert answer.head.status == 200, answer.body
        items: list[dict[str, Any]] = json.loads(answer.body)["items"]
        return items

    def token_key(self) -> TokenKey:
        """Return the key that never leaves the RPI3, to show what would be if it did."""
        keys = TokenKeys(Tokens(keys_dir=self.keep.installation.agent / "tokens"))
        now = SystemClock.time()
        keys.load(now)
        return keys.signer(now)


@pytest.fixture
async def intruder(stage: Stage) -> AsyncIterator[Intruder]:
    async with keep(stage) as made:
        writing = hand(made.installation, made.port)
        try:
            await writing.learn_boot()
            emails = [await stage.add_user(person) for person in ("ada", "ben")]
            ada, ben = [await _sign_in(writing, email) for email in emails]
            yield Intruder(stage, made, writing, emails[0], ada, ben)
        finally:
            await writing.transport.close()


async def _sign_in(writing: Hand, email: str) -> str:
    answer = await writing.send(writing.write(SIGN_IN.name, _credentials(email, PASSWORD)))
    assert answer.head.status == 200, answer.body
    return str(json.loads(answer.body)["access_token"])


def _credentials(email: str, password: str) -> bytes:
    return json.dumps({"email": email, "password": password, "address": "198.51.100.7"}).encode()


@pytest.mark.story("health/US-BE-42.2")
def test_proofs_are_those_of_the_documented_list() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    idea = text.partition("## The one idea")[2].partition("\n## ")[0]
    points = re.findall(r"^\d\. \*\*(.+?)\*\*", idea, re.MULTILINE)
    assert points == list(PROOFS)
    assert all(name in globals() for names in PROOFS.values() for name in names)


# 1. run SQL


_NO_OPERATIONS: Final = (
    "sql", "sql.execute", "health.list", "health.symptoms.delete", "accounts.users_state", "agent.db.pools",
)  # fmt: skip
_INJECTIONS: Final = (
    {"text": "'; DROP TABLE diary; --"},
    {"symptoms": ["x' OR '1'='1"]},
    {"category": "') UNION SELECT password_hash FROM users --"},
)


@pytest.mark.story("health/US-BE-08.1")
async def test_sql_is_no_operation_when_it_is_named(intruder: Intruder) -> None:
    for name in _NO_OPERATIONS:
        letter = intruder.hand.write(name, b'{"sql": "DELETE FROM diary"}', token=intruder.ada)
        assert await intruder.send(letter) is Code.NOT_FOUND


@pytest.mark.story("health/US-BE-08.3", "todo/EC.4")
async def test_sql_is_only_text_when_it_is_a_parameter(intruder: Intruder) -> None:
    for parameters in _INJECTIONS:
        assert await intruder.rows(intruder.ada, **parameters) == []
    for injected in ({"sort": "recorded_at; DROP TABLE diary"}, {"table": "users"}, {"limit": "1; SELECT 1"}):
        letter = intruder.hand.write(LIST.name, json.dumps(injected).encode(), token=intruder.ada)
        assert await intruder.send(letter) is Code.INVALID_REQUEST
    assert await intruder.stage.in_source("SELECT count(*) FROM diary") == 200


# 2. mint a session


def _altered(claims: dict[str, Any]) -> Callable[[str, TokenKey], str]:
    def forge(token: str, _key: TokenKey) -> str:
        header, payload, signature = token.split(".")
        read = json.loads(base64.urlsafe_b64decode(payload + "=="))
        changed = base64.urlsafe_b64encode(json.dumps(read | claims).encode()).rstrip(b"=").decode()
        return f"{header}.{changed}.{signature}"

    return forge


def _claims(token: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read


def _unsigned(token: str, _key: TokenKey) -> str:
    return jwt.encode(_claims(token), "", algorithm="none", headers={"kid": _kid(token)})


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def _by_a_key_of_its_own(token: str, _key: TokenKey) -> str:
    return jwt.encode(_claims(token), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": _kid(token)})


def _by_an_unknown_key(token: str, _key: TokenKey) -> str:
    return jwt.encode(
        _claims(token), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "20261121T045152Z-mine"}
    )


def _by_the_public_key(token: str, key: TokenKey) -> str:
    """Sign by HMAC with what every gateway knows (CVE-2015-9235)."""
    public = key.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return jwt.encode(_claims(token), public, algorithm="HS256", headers={"kid": _kid(token)})


def _with_a_key_in_the_header(token: str, _key: TokenKey) -> str:
    own = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).rstrip(b"=").decode()
    header = {"kid": _kid(token), "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}
    return jwt.encode(_claims(token), own, algorithm="EdDSA", headers=header)


def _genuine_but(**changed: object) -> Callable[[str, TokenKey], str]:
    """Sign with the genuine key what it has signed for another purpose or another time."""

    def forge(token: str, key: TokenKey) -> str:
        return jwt.encode(_claims(token) | changed, key.private, algorithm="EdDSA", headers={"kid": _kid(token)})

    return forge


_FORGERIES: Final[dict[str, Callable[[str, TokenKey], str]]] = {
    "another role": _altered({"role": "admin"}),
    "another account": _altered({"sub": "00000000-0000-4000-8000-000000000000"}),
    "a later end": _altered({"exp": 4_000_000_000}),
    "alg none": _unsigned,
    "a key of its own": _by_a_key_of_its_own,
    "an unknown key": _by_an_unknown_key,
    "HS256 with the public key": _by_the_public_key,
    "a key in the header": _with_a_key_in_the_header,
    "genuine, but expired": _genuine_but(exp=1_700_000_000),
    "genuine, but for another audience": _genuine_but(aud="another"),
    "genuine, but of another issuer": _genuine_but(iss="another"),
}


async def test_token_is_refused_when_the_gateway_made_it(intruder: Intruder) -> None:
    key = intruder.token_key()
    codes = {
        name: await intruder.send(intruder.hand.write(token=forge(intruder.ada, key)))
        for name, forge in _FORGERIES.items()
    }
    assert codes == dict.fromkeys(_FORGERIES, Code.UNAUTHENTICATED)
    assert await intruder.send(intruder.hand.write(token=_genuine_but()(intruder.ada, key))) is None


async def test_session_is_refused_when_the_password_is_guessed(intruder: Intruder) -> None:
    def guess(number: int) -> Letter:
        return intruder.hand.write(SIGN_IN.name, _credentials(intruder.email, f"Guess-{number}"))

    codes = [await intruder.send(guess(number)) for number in range(2 * _SIGN_INS_A_MINUTE)]
    assert set(codes) == {Code.BAD_CREDENTIALS, Code.RATE_LIMITED}
    assert codes.count(Code.BAD_CREDENTIALS) <= _SIGN_INS_A_MINUTE
    refresh = intruder.hand.write(REFRESH.name, Refresh.model_validate({"refresh_token": "AAAA" * 20}))
    assert await intruder.send(refresh) is Code.SESSION_ENDED


async def test_no_secret_is_told_when_everything_is_asked(intruder: Intruder) -> None:
    letters = [
        intruder.hand.write(SIGN_IN.name, _credentials(intruder.email, PASSWORD)),
        intruder.hand.write(SIGN_IN.name, _credentials(intruder.email, "Wrong-1")),
        intruder.hand.write(STATUS.name, _NOTHING),
        intruder.hand.write(METRICS.name, _NOTHING),
        intruder.hand.write(REPORT.name, _NOTHING),
        *(intruder.hand.write(operation.name, b"{}", token=intruder.ada) for operation in (LIST, NAMES, STATS)),
        intruder.hand.write(LIST.name, b'{"cursor": "AAAA"}', token=intruder.ada),
    ]
    told = b"".join([(await intruder.hand.send(letter)).body for letter in letters]) + await _first_line(intruder)
    assert b"access_token" in told
    private = intruder.token_key().private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    password_hash = await intruder.stage.in_store("SELECT password_hash FROM users WHERE email = $1", intruder.email)
    salt = await intruder.stage.in_store("SELECT salt FROM sessions ORDER BY created_at DESC LIMIT 1")
    hidden = [password_hash.encode(), PASSWORD.encode(), b"drawbridge_agent", b"postgres:"]
    for secret in (private, salt, (intruder.keep.installation.agent / "tokens" / "refresh.key").read_bytes().strip()):
        hidden += [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)[:40]]
    assert [secret for secret in hidden if secret in told] == []


async def _first_line(intruder: Intruder) -> bytes:
    """Return what the feed begins with: every public key."""
    start = FeedStart(process=intruder.hand.process)
    letter = intruder.hand.write(FEED.name, start)
    async with intruder.hand.transport.stream(f"/v1/{FEED.name}", letter.request.headers, letter.body) as events:
        async for event in events:
            if isinstance(event, Data):
                return event.content
    return b""


# 3. read the rows of people whose credentials do not pass through it


async def test_records_are_refused_when_nobody_has_signed_in(intruder: Intruder) -> None:
    for operation in (LIST, NAMES, STATS):
        for token in ("", "anonymous", "null"):
            letter = intruder.hand.write(operation.name, b"{}", token=token)
            assert await intruder.send(letter) is Code.UNAUTHENTICATED


async def test_records_are_one_persons_when_another_person_is_asked_for(intruder: Intruder) -> None:
    own = {row["id"] for row in await intruder.rows(intruder.ada)}
    others = {row["id"] for row in await intruder.rows(intruder.ben)}
    assert own
    assert others
    assert not own & others
    for parameter in ("person", "user_id", "user", "sub", "email"):
        letter = intruder.hand.write(LIST.name, json.dumps({parameter: "ben"}).encode(), token=intruder.ada)
        assert await intruder.send(letter) is Code.INVALID_REQUEST
    page = await intruder.hand.send(intruder.hand.write(LIST.name, b'{"limit": 10}', token=intruder.ben))
    next_of_ben = json.loads(page.body)["next"]
    turned = await intruder.rows(intruder.ada, limit=10, cursor=next_of_ben)
    assert {row["id"] for row in turned} <= own


async def test_units_rights_are_refused_when_another_units_key_is_used(intruder: Intruder) -> None:
    """Certificate and key id have to name the same unit, and only the gateway carries people's calls."""
    folder = intruder.keep.installation.agent / "keys"
    monitor = generate("monitor", now=utc(SystemClock.time()))
    save_keyring(folder, load_keyring(folder).with_ring(Ring(monitor)))
    await until(lambda: bool(intruder.keep.log("keys_loaded")))
    key = Keyring({"monitor": Ring(monitor)}).request_key()
    posing = replace(intruder.hand, key=key)
    assert await intruder.send(posing.write(STATUS.name, _NOTHING)) is Code.SIGNATURE_REFUSED

    Authority(intruder.keep.installation.pki).issue_unit(
        "monitor", intruder.keep.installation.gateway / "tls", now=utc(SystemClock.time())
    )
    real = hand(intruder.keep.installation, intruder.keep.port, key=key)
    try:
        await real.learn_boot()
        assert code_of(await real.send(real.write(STATUS.name, _NOTHING))) is None
        for letter in (real.write(token=intruder.ada), real.write(FEED.name, FeedStart(process=real.process))):
            assert code_of(await real.send(letter)) is Code.FORBIDDEN
    finally:
        await real.transport.close()


# 4. change history


def test_no_operation_writes_records_when_all_are_listed() -> None:
    writes = {name for name, operation in OPERATIONS.items() if operation.effect is Effect.WRITE}
    assert {SIGN_IN.name, REFRESH.name} < writes
    assert not {name for name in writes if name.startswith(("health.", "audit."))}


async def test_records_cannot_be_written_when_the_agents_own_login_tries(intruder: Intruder) -> None:
    """Even code that ran on the RPI3 as the agent could not: the login may not."""
    connection = await asyncpg.connect(intruder.stage.logins.source, timeout=5)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        for statement in ("DELETE FROM diary", "UPDATE diary SET severity = 0", "DROP VIEW entries"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close(timeout=5)


async def test_audit_trail_cannot_be_changed_when_the_agents_own_login_tries(intruder: Intruder) -> None:
    connection = await asyncpg.connect(intruder.stage.logins.agent, timeout=5)
    try:
        assert await connection.fetchval("SELECT count(*) FROM audit") > 0
        for statement in ("DELETE FROM audit", "UPDATE audit SET user_id = NULL", "TRUNCATE audit", "DROP TABLE audit"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close(timeout=5)


async def test_what_was_read_is_in_the_audit_trail_when_the_gateway_acts_as_somebody(intruder: Intruder) -> None:
    assert await intruder.send(intruder.hand.write(LIST.name, ListSymptoms(), token=intruder.ada)) is None
    connection = await asyncpg.connect(intruder.stage.logins.agent, timeout=5)
    try:
        looks = "SELECT entity, entity_id, actor FROM audit WHERE operation = $1 ORDER BY number DESC LIMIT 1"
        [look] = await connection.fetch(looks, LIST.name)
        assert tuple(look) == ("health.records", "ada", "user")
    finally:
        await connection.close(timeout=5)


# 5. replay, reflect or splice messages


async def test_message_is_refused_when_it_was_sent_before(intruder: Intruder) -> None:
    recorded = intruder.hand.write(token=intruder.ada)
    assert await intruder.send(recorded) is None
    assert [await intruder.send(recorded) for _ in range(2)] == [Code.REPLAYED, Code.REPLAYED]


async def test_message_is_refused_when_it_is_of_another_start_or_time(intruder: Intruder) -> None:
    old = intruder.hand.write(token=intruder.ada, created_before_s=60)
    assert await intruder.send(old) is Code.CLOCK_SKEWED
    recorded = intruder.hand.write(token=intruder.ada)
    assert await intruder.send(recorded) is None
    intruder.keep.kill()
    intruder.keep.start()
    again = hand(intruder.keep.installation, intruder.keep.port)
    try:
        assert code_of(await again.send(recorded)) is Code.BOOT_UNKNOWN
    finally:
        await again.transport.close()


async def test_message_is_believed_again_when_boot_ids_are_not_compared(stage: Stage) -> None:
    """Without the boot id, the agent's memory of what was sent would end with its process."""
    async with keep(stage, without=Mitigation.BOOT_ID) as made:
        writing = hand(made.installation, made.port)
        try:
            recorded = writing.write(STATUS.name, _NOTHING)
            assert [code_of(await writing.send(recorded)) for _ in range(2)] == [None, None]
        finally:
            await writing.transport.close()


async def test_message_is_refused_when_it_is_signed_for_the_other_direction(intruder: Intruder) -> None:
    keyring = load_keyring(intruder.keep.installation.gateway / "keys")
    response_key = keyring.response_key(keyring.request_key().key_id)
    assert response_key is not None
    reflecting = replace(intruder.hand, key=response_key)
    assert await intruder.send(reflecting.write(token=intruder.ada)) is Code.SIGNATURE_REFUSED
    answer = await intruder.hand.send(intruder.hand.write(token=intruder.ada))
    reflected = Letter(LIST.name, answer.body, SignedRequest(_sendable(answer), b""))
    assert await intruder.send(reflected) is Code.SIGNATURE_REFUSED


def _sendable(answer: Response) -> dict[str, str]:
    return {name: value for name, value in answer.head.headers.items() if name not in {"content-length", "date"}}


_SPLICES: Final = (
    ("authorization", "Bearer {ben}"),
    ("authorization", ""),
    ("bridge-deadline-ms", "1999"),
    ("bridge-boot", "AAAAAAAAAAAAAAAA"),
    ("idempotency-key", "another"),
    ("traceparent", "00-00000000000000000000000000000001-0000000000000001-01"),
    ("content-type", "text/plain"),
)


@pytest.mark.story("health/US-BE-50.4")
async def test_message_is_refused_when_it_is_spliced(intruder: Intruder) -> None:
    genuine = intruder.hand.write(token=intruder.ada)
    for header, value in _SPLICES:
        spliced = genuine.request.headers | {header: value.format(ben=intruder.ben)}
        letter = replace(genuine, request=SignedRequest(spliced, genuine.request.signature))
        assert await intruder.send(letter) is Code.SIGNATURE_REFUSED
    other = ListSymptoms(limit=2).model_dump_json().encode()
    assert await intruder.send(replace(genuine, body=other)) is Code.SIGNATURE_REFUSED
    assert await intruder.send(replace(genuine, operation=NAMES.name)) is Code.SIGNATURE_REFUSED
    assert await intruder.send(genuine) is None


# until the owner locks the door


async def test_intruder_is_out_when_the_certificate_is_revoked(intruder: Intruder) -> None:
    installation = intruder.keep.installation
    stolen = read_identity(installation.gateway / "tls" / IDENTITY_FILE).certificate.serial_number
    assert await intruder.send(intruder.hand.write(token=intruder.ada)) is None
    Authority(installation.pki).revoke([stolen], folders=[installation.agent / "tls"])
    await until(lambda: bool(intruder.keep.log("connection_revoked")))
    for _ in range(2):  # on the connection that was cut, and on a new one
        with pytest.raises((ConnectionLost, ConnectFailed)):
            await intruder.hand.send(intruder.hand.write(token=intruder.ada))
    await until(lambda: [line["step"] for line in intruder.keep.log("connection_refused")] == ["revoked"])


async def test_intruder_is_out_when_the_keys_are_replaced(intruder: Intruder) -> None:
    anew = Keyring({"gateway": Ring(generate("gateway", now=utc(SystemClock.time())))})
    save_keyring(intruder.keep.installation.agent / "keys", anew)
    await until(lambda: bool(intruder.keep.log("keys_loaded")))
    assert await intruder.send(intruder.hand.write(token=intruder.ada)) is Code.SIGNATURE_REFUSED
    assert intruder.keep.log("bridge_message_refused")[-1]["step"] == "keyid"


async def test_stolen_token_is_worth_nothing_when_its_account_was_disabled(intruder: Intruder) -> None:
    await intruder.stage.in_store("UPDATE users SET is_active = false WHERE email = $1", intruder.email)
    async with asyncio.timeout(1.0):
        while await intruder.send(intruder.hand.write(token=intruder.ada)) is not Code.SESSION_ENDED:
            pass
    assert await intruder.send(intruder.hand.write(token=intruder.ben)) is None
