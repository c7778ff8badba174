"""The gateway's application, really served over HTTP, in front of an agent whose answers the test chooses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import jwt
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from bridge.client.call import CallContext, Credentials, Reply
from bridge.contracts.accounts import SignIn
from bridge.contracts.operation import Operation, Role
from bridge.contracts.system import FeedEvent, PublicKey
from bridge.errors import AppError, Code, Denied, Outcome
from gateway.accounts.tokens import TokenVerifier
from gateway.app import Parts, build_application
from gateway.apps.health.chat.chat import Chat
from gateway.protection.guard import Guard
from gateway.settings import GatewaySettings
from gateway.status.model import OwnFacts
from gateway.web.access_log import AccessLog
from gateway.web.health import Health
from gateway.web.metrics import RequestDurations
from gateway.web.response_headers import Drain
from tests.clocks import TurnedClock

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

USER: Final = "11111111-1111-4111-8111-111111111111"
SESSION: Final = "22222222-2222-4222-8222-222222222222"
PASSWORD: Final = "Right-horse-7"
KID: Final = "k1"

PAGE: Final = {
    "items": [
        {
            "id": "1",
            "symptom": "Headache",
            "category": "Head",
            "severity": 7,
            "recorded_at": "2026-05-20T08:00:00Z",
            "duration_minutes": 30,
            "notes": "<b>after</b> work",
        }
    ],
    "total": 1,
    "total_is_exact": True,
    "limit": 50,
    "next": None,
    "unconverted": 0,
}
NAMES: Final = {
    "items": [
        {
            "symptom": "Headache",
            "category": "Head",
            "count": 1,
            "first": "2026-05-20T08:00:00Z",
            "last": "2026-05-20T08:00:00Z",
        }
    ],
    "total": 1,
    "limit": 200,
    "next": None,
}
STATS: Final = {
    "count": 1,
    "severity_count": 1,
    "first": "2026-05-20T08:00:00Z",
    "last": "2026-05-20T08:00:00Z",
    "average_severity": 7.0,
    "max_severity": 7,
    "series": [],
    "unconverted": 0,
}
STATUS: Final = {
    "version": "1",
    "boot": "boot-0001",
    "started_at": "2026-01-01T00:00:00Z",
    "dependencies": [{"name": "store", "state": "up", "since": "2026-01-01T00:00:00Z"}],
}


class Issuer:
    """Makes tokens as the agent does, with a key of this test."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(kid=KID, x=base64url_encode(self._key.public_key().public_bytes_raw()).decode())

    def token(self, *, expires_at: float, headers: Mapping[str, object] | None = None, **claims: object) -> str:
        """Return a token with these ``claims`` in place of the usual ones; None leaves one out."""
        payload = {
            "iss": "drawbridge",
            "aud": "drawbridge",
            "sub": USER,
            "email": "ann@example.org",
            "role": Role.VIEWER.value,
            "sid": SESSION,
            "ver": 1,
            "exp": int(expires_at),
        } | claims
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(payload, self._key, algorithm="EdDSA", headers={"kid": KID} | dict(headers or {}))


@dataclass
class Asked:
    """One call that reached the bridge."""

    operation: str
    params: Any
    credentials: Credentials
    context: CallContext


Answer = dict[str, Any] | bytes | AppError | Callable[[BaseModel], dict[str, Any]]


@dataclass
class ChosenBridge:
    """Gives the answer that the test set for each operation."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    outcome: Outcome = Outcome.OK
    as_of: float = 1_779_999_000.0
    age_s: float = 0.0
    next_cursor: str = ""

    async def call(
        self,
        operation: Operation[P, R],
        params: P,
        *,
        credentials: Credentials,
        context: CallContext,
        idempotency_key: str = "",
    ) -> Reply:
        del idempotency_key
        self.asked.append(Asked(operation.name, params, credentials, context))
        answer = self.answers[operation.name]
        if isinstance(answer, AppError):
            raise answer
        if not isinstance(answer, bytes | dict):
            answer = answer(params)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Reply(body, self.outcome, self.as_of, self.age_s, self.next_cursor, "drawbridge; fwd=miss")


class FeedState:
    """A feed that is there until the test says otherwise."""

    lost_at: float | None = None


class Door:
    """The served application, with what it is made of."""

    def __init__(self, settings: GatewaySettings, clock: TurnedClock | None = None) -> None:
        self.clock = clock or TurnedClock()
        self.issuer = Issuer()
        self.feed = FeedState()
        self.drain = Drain()
        self.guard = Guard(settings.protection, settings.web.client_ipv6_prefix)
        self.log_lines: list[str] = []
        self.breaker = "closed"
        self.durations = RequestDurations(registry=CollectorRegistry())
        self.bridge = ChosenBridge(
            {
                "health.symptoms.list": PAGE,
                "health.symptoms.names": NAMES,
                "health.symptoms.stats": STATS,
                "system.status": STATUS,
                "accounts.sign_out": {},
                "accounts.confirm_admin": {},
                "accounts.sign_in": self._sign_in,
                "accounts.refresh": lambda _params: self._tokens(),
            }
        )
        self.verifier = TokenVerifier(
            clock=self.clock, agent_time=self.clock.time, outage_grace_s=900.0, remembered_max=2
        )
        self.verifier.follow(self.feed)
        self.verifier.on_feed_event(FeedEvent(kind="hello", keys=(self.issuer.public_key,)))
        self.health = Health(
            bridge=self.bridge,
            clock=self.clock,
            version="1.2.3",
            metrics_networks=settings.web.metrics_networks,
        )
        chat = Chat(seal_key=b"s" * 32, emergency_number=settings.chat.emergency_number, clock=self.clock)
        access_log = AccessLog(
            clock=self.clock, write=self.log_lines.append, durations=self.durations, host="door", level=20
        )
        parts = Parts(
            bridge=self.bridge,
            verifier=self.verifier,
            health=self.health,
            chat=chat,
            access_log=access_log,
            clock=self.clock,
            drain=self.drain,
            process=self,
            guard=self.guard,
        )
        self.app = build_application(settings, parts)
        self.client: TestClient[web.Request, web.Application]

    def own_facts(self) -> OwnFacts:
        bans = tuple(self.guard.bans.current(self.clock.monotonic()).items())
        return OwnFacts((("data", self.breaker),), cache_bytes=4096, cache_entries=2, bans=bans)

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for lines in self.log_lines for line in lines.splitlines()]

    def token(self, *, lives_s: float = 3600.0, **claims: object) -> str:
        return self.issuer.token(expires_at=self.clock.time() + lives_s, headers=None, **claims)

    def bearer(self, *, lives_s: float = 3600.0, **claims: object) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(lives_s=lives_s, **claims)}"}

    def cookie(self, **claims: object) -> dict[str, str]:
        return {"Cookie": f"__Host-session={self.token(lives_s=3600.0, **claims)}"}

    def with_page(self, **claims: object) -> dict[str, str]:
        return {"Accept": "text/html", **self.cookie(**claims)}

    def _tokens(self) -> dict[str, Any]:
        return {
            "access_token": self.token(),
            "token_type": "Bearer",
            "expires_in": 86_400,
            "refresh_token": "refresh-2",
            "refresh_expires_in": 604_800,
            "user": {
                "id": USER,
                "email": "ann@example.org",
                "name": "Ann",
                "role": "viewer",
                "time_zone": "Europe/London",
            },
        }

    def _sign_in(self, params: BaseModel) -> dict[str, Any]:
        assert isinstance(params, SignIn)
        if params.password.get_secret_value() != PASSWORD:
            raise Denied(Code.BAD_CREDENTIALS)
        return self._tokens()


@asynccontextmanager
async def open_door(settings: GatewaySettings | None = None, clock: TurnedClock | None = None) -> AsyncIterator[Door]:
    """Serve a door with a client in front of it that keeps no cookies of its own and follows no redirects."""
    door = Door(settings or GatewaySettings(), clock)
    async with TestClient(TestServer(door.app), cookie_jar=DummyCookieJar()) as client:
        door.client = client
        yield door
