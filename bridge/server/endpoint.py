"""The agent's side of a call, top to bottom: verify, admit, authorize, run, sign.

``POST /v1/<operation>``, see ``bridge/PROTOCOL.md``. Every answer to a request whose MAC was right is signed, errors
too. Nothing of the content is looked at before the signature, the time, the boot id and the nonce have been.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge import heads
from bridge.contracts.operation import ANSWER_MAX_BYTES, Anonymous, Effect, Lane, Machine, Operation
from bridge.contracts.system import FEED
from bridge.errors import AppError, Code, Denied, FieldError, Invalid, NotFound, Outcome, Unavailable
from bridge.problem import PROBLEM_TYPE, field_errors, problem_json
from bridge.process.clock import Clock
from bridge.process.logs import log
from bridge.replay import PROCESSES_MAX, WINDOW_COUNTERS, ReplayMemory
from bridge.server import metrics
from bridge.server.callers import AnonymousCaller, Answer, Caller, CallerContext, Handler, MachineCaller, UserCaller
from bridge.server.feed import FeedSource, stream_feed
from bridge.server.slots import SlotRule, Slots
from bridge.server.whole import WholeResponse
from bridge.signing import (
    LIFETIME_S,
    SignatureRefused,
    SigningKey,
    Step,
    VerifiedRequest,
    check_freshness,
    feed_mac,
    open_request,
    sign_response,
)
from bridge.tls import certificate_of_peer
from bridge.trace import request_id_of

_log: Final = logging.getLogger(__name__)

PREFIX: Final = "/v1/"
USER_FACING_UNIT: Final = "gateway"
"""The one unit that may carry users' calls; the others call what is declared for them by name."""

_CODE_OF_STEP: Final = {Step.TIME: Code.CLOCK_SKEWED, Step.BOOT: Code.BOOT_UNKNOWN, Step.NONCE: Code.REPLAYED}


class Keys(Protocol):
    """The agent's view of the keyring (``bridge.keys``)."""

    def find_request_key(self, key_id: str) -> SigningKey | None: ...
    def response_key(self, key_id: str) -> SigningKey | None: ...
    def unit_of(self, key_id: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class CallRules:
    """Shedding by lane, the feed's heartbeat, how far clocks may be apart, and what is remembered to refuse replays."""

    slots: Mapping[Lane, SlotRule] = field(
        default_factory=lambda: {
            Lane.DATA: SlotRule(),
            Lane.CREDENTIALS: SlotRule(in_flight=2, queue=8, wait_s=2.0),
            Lane.SESSIONS: SlotRule(in_flight=2, queue=8, wait_s=1.0),
            Lane.PROVIDER: SlotRule(in_flight=4, queue=8, wait_s=2.0),
            Lane.MACHINE: SlotRule(in_flight=4, queue=8, wait_s=1.0),
        }
    )
    heartbeat_s: float = 0.5
    clock_window_s: float = LIFETIME_S
    replay_window: int = WINDOW_COUNTERS
    replay_processes_max: int = PROCESSES_MAX


class BridgeServer:
    """Serve ``handlers`` (operation → handler) to gateways that hold a certificate and a key.

    ``authority`` is the name that requests must be signed for. ``unit_of_peer`` names the unit of a connection's
    certificate. ``authenticate`` verifies an access token and raises Denied.
    """

    def __init__(
        self,
        *,
        boot: str,
        authority: str,
        keys: Keys,
        unit_of_peer: Callable[[asyncio.BaseTransport], str | None],
        handlers: Mapping[Operation[Any, Any], Handler],
        authenticate: Callable[[str], Awaitable[UserCaller]],
        feed: FeedSource,
        clock: Clock,
        rules: CallRules | None = None,
    ) -> None:
        self._boot = boot
        self._authority = authority
        self._keys = keys
        self._unit_of_peer = unit_of_peer
        self._handlers: dict[str, tuple[Operation[Any, Any], Handler | None]] = {
            operation.name: (operation, handler) for operation, handler in handlers.items()
        }
        self._handlers[FEED.name] = (FEED, None)  # streamed: never one answer
        self._authenticate = authenticate
        self._feed = feed
        self._clock = clock
        self._rules = rules or CallRules()
        self._replay: defaultdict[str, ReplayMemory] = defaultdict(  # by unit: none can crowd out another
            partial(ReplayMemory, self._rules.replay_window, self._rules.replay_processes_max)
        )
        self._slots = {lane: Slots(rule) for lane, rule in self._rules.slots.items()}
        self._draining = asyncio.Event()
        self.in_flight = 0
        """Calls being answered; feeds are not counted."""
        self._idle_changed = asyncio.Event()

    async def handle(self, request: web.BaseRequest, *, only: Operation[Any, Any] | None = None) -> web.StreamResponse:
        """Answer one HTTP request; the low-level handler of ``aiohttp.web.Server``.

        With ``only`` the other operations are not served: for a listener that lets in whom the others do not.
        """
        started = self._clock.monotonic()
        try:
            body = await request.read()
            verified = open_request(
                headers=_single_headers(request),
                method=request.method,
                path=request.raw_path,
                authority=self._authority,
                body=body,
                find_key=self._keys.find_request_key,
            )
            unit, key, peer = self._unit_and_key(request, verified)
        except SignatureRefused as refusal:
            return self._refuse(request, refusal.step)
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(request, Step.DIGEST, Code.BODY_TOO_LARGE)
        self.in_flight += 1
        try:
            name, request_id = request.raw_path.removeprefix(PREFIX), request_id_of(verified.traceparent)
            answer = await self._answer(_Call(verified, unit, name, request_id, started, key, peer, only), body)
        finally:
            self.in_flight -= 1
            self._idle_changed.set()
        if answer is None:
            return await self._stream(request, verified, key)
        return answer

    async def drain(self, timeout_s: float = 10.0) -> bool:
        """Refuse new calls, end the feeds, and wait for the calls in flight. Returns whether all finished."""
        self._draining.set()
        try:
            async with asyncio.timeout(timeout_s):
                while self.in_flight:
                    self._idle_changed.clear()
                    await self._idle_changed.wait()
        except TimeoutError:
            return False
        return True

    def waiting(self, lane: Lane) -> int:
        """Return how many calls wait for a place."""
        return self._slots[lane].waiting

    # verify

    def _unit_and_key(
        self, request: web.BaseRequest, verified: VerifiedRequest
    ) -> tuple[str, SigningKey, asyncio.BaseTransport]:
        """Return the unit that both the certificate and the key id name, its answers' key, and its connection."""
        unit, key = self._keys.unit_of(verified.key_id), self._keys.response_key(verified.key_id)
        if unit is None or key is None or request.transport is None or self._unit_of_peer(request.transport) != unit:
            raise SignatureRefused(Step.KEYID)
        return unit, key, request.transport

    def _refuse(self, request: web.BaseRequest, step: Step, code: Code = Code.SIGNATURE_REFUSED) -> web.Response:
        """Answer what could not be verified: unsigned, for there is no key to sign with."""
        metrics.REFUSED.labels(step=step.value).inc()
        log(_log, "bridge_message_refused", level=logging.WARNING, step=step.value, peer=request.remote)
        error = AppError(code)
        return web.Response(status=code.status, body=problem_json(error), content_type=PROBLEM_TYPE)

    # admit, authorize, run

    async def _answer(self, call: _Call, body: bytes) -> WholeResponse | None:
        """Return the signed response, or None where the operation streams and may."""
        answer = Answer(b"")
        error: AppError | None = None
        try:
            check_freshness(
                call.verified,
                now=self._clock.time(),
                boot=self._boot,
                replay=self._replay[call.unit],
                window_s=self._rules.clock_window_s,
            )
            operation, handler, params = self._resolve(call, body)
            deadline_ms = min(call.verified.deadline_ms or operation.deadline_ms, operation.deadline_ms)
            deadline = asyncio.get_running_loop().time() + deadline_ms / 1000
            async with asyncio.timeout_at(deadline):
                context = await self._authorize(operation, call, deadline)
                if handler is None:
                    return None
                async with self._slots[operation.lane]:
                    answer = _bounded(await handler(context, params))
        except SignatureRefused as refusal:
            metrics.REFUSED.labels(refusal.step.value).inc()
            error = Denied(_CODE_OF_STEP[refusal.step])
        except AppError as raised:
            error = raised
        except TimeoutError:
            error = Unavailable(Code.TIMEOUT)
        except Exception as raised:  # noqa: BLE001 - the last resort: reported with its traceback, told as "internal"
            error = AppError(Code.INTERNAL)
            error.__cause__ = raised
        self._report(call, error)
        return self._sign(call, answer, error)

    def _resolve(self, call: _Call, body: bytes) -> tuple[Operation[Any, Any], Handler | None, BaseModel]:
        if self._draining.is_set():
            raise Unavailable(Code.DRAINING, retry_after_s=1.0)
        if call.name not in self._handlers or (call.only is not None and call.name != call.only.name):
            raise NotFound(Code.NOT_FOUND, "There is no such operation")
        operation, handler = self._handlers[call.name]
        try:
            params: BaseModel = operation.params.model_validate_json(body)
        except ValidationError as error:
            raise Invalid(Code.INVALID_REQUEST, fields=field_errors(error)) from None
        return operation, handler, params

    async def _authorize(self, operation: Operation[Any, Any], call: _Call, deadline: float) -> CallerContext:
        context = CallerContext(
            caller=await self._caller(operation, call),
            request_id=call.request_id,
            traceparent=call.verified.traceparent,
            deadline=deadline,
            idempotency_key=call.verified.idempotency_key,
            content_digest=call.verified.content_digest,
        )
        call.caller = context.caller
        return context

    async def _caller(self, operation: Operation[Any, Any], call: _Call) -> Caller:
        principal = operation.principal
        if isinstance(principal, Machine):
            if call.unit not in principal.units:
                raise Denied(Code.FORBIDDEN)
            return MachineCaller(call.unit, certificate_of_peer(call.peer))
        if call.unit != USER_FACING_UNIT:
            raise Denied(Code.FORBIDDEN)
        if operation.effect is Effect.WRITE and not operation.issues_tokens and not call.verified.idempotency_key:
            raise Invalid(Code.INVALID_REQUEST, fields=(FieldError("idempotency-key", "is required for a write"),))
        if isinstance(principal, Anonymous):
            return AnonymousCaller()
        scheme, _, token = call.verified.authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise Denied(Code.UNAUTHENTICATED)
        caller = await self._authenticate(token)
        if caller.role not in principal.roles:
            raise Denied(Code.FORBIDDEN)
        return caller

    # report, sign

    def _report(self, call: _Call, error: AppError | None) -> None:
        outcome = error.code.outcome if error else Outcome.OK
        duration_s = self._clock.monotonic() - call.started
        operation = call.name if call.name in self._handlers else "unknown"
        metrics.request_duration_s(operation, outcome).observe(duration_s)
        is_bug = error is not None and error.code is Code.INTERNAL
        log(
            _log,
            "bridge_call_answered",
            level=logging.ERROR if is_bug else logging.INFO,
            exc_info=error.__cause__ if error and is_bug else None,
            request_id=call.request_id,
            operation=operation,
            unit=call.unit,
            user_id=str(call.caller.user_id) if isinstance(call.caller, UserCaller) else None,
            duration_ms=round(duration_s * 1000, 2),
            outcome=outcome.value,
            error_code=error.code.wire if error else None,
            cause=type(error.__cause__).__name__ if error and error.__cause__ else None,
        )

    def _sign(self, call: _Call, answer: Answer, error: AppError | None) -> WholeResponse:
        status, content_type = 200, "application/json"
        if error is not None:
            answer, status, content_type = Answer(problem_json(error)), error.code.status, PROBLEM_TYPE
        headers = sign_response(
            key=call.response_key,
            status=status,
            content_type=content_type,
            body=answer.body,
            boot=self._boot,
            next_cursor=answer.next_cursor,
            request_signature=call.verified.signature,
            created=int(self._clock.time()),
        )
        if answer.audit_head:
            headers[heads.HEADER] = answer.audit_head  # signed by itself, for whoever keeps it
        response = WholeResponse(status, headers, answer.body)
        if self._draining.is_set():
            response.force_close()
        return response

    # the feed

    async def _stream(self, request: web.BaseRequest, verified: VerifiedRequest, key: SigningKey) -> web.StreamResponse:
        """Hold the feed open until the gateway leaves or this agent drains. Not counted as a call in flight."""
        headers = sign_response(
            key=key,
            status=200,
            content_type="application/x-ndjson",
            body=b"",
            boot=self._boot,
            next_cursor="",
            request_signature=verified.signature,
            created=int(self._clock.time()),
        )
        response = web.StreamResponse(status=200, headers=headers)
        response.force_close()
        await response.prepare(request)
        with metrics.FEED_STREAMS.track_inprogress():
            await stream_feed(
                response.write,
                self._feed,
                seal=partial(feed_mac, key=key, request_signature=verified.signature),
                heartbeat_s=self._rules.heartbeat_s,
                ending=self._draining,
            )
        return response


@dataclass(slots=True)
class _Call:
    """One verified request on its way through."""

    verified: VerifiedRequest
    unit: str
    name: str
    request_id: str
    started: float
    response_key: SigningKey
    peer: asyncio.BaseTransport
    only: Operation[Any, Any] | None
    caller: Caller | None = None


def _bounded(answer: Answer) -> Answer:
    """Return the answer. Raises Invalid where it is larger than a unit takes.

    The unit would give the connection up and call the agent unreachable, for everybody: by a question of one's own.
    """
    if len(answer.body) > ANSWER_MAX_BYTES:
        raise Invalid(Code.INVALID_REQUEST, "The answer would be too large: ask for less at once")
    return answer


def _single_headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers by lower-case name. Raises SignatureRefused where one occurs twice."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        if lower in headers:
            raise SignatureRefused(Step.COMPONENTS)
        headers[lower] = value
    return headers
