"""The settings of ``python -m gateway serve``: how browsers reach it, and how it reaches the agent."""

from __future__ import annotations

import binascii
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from bridge.process.settings import Section
from gateway.settings.types import Count, Network, Seconds, Share, Zone

SEAL_KEY_BYTES: Final = 32


def _origin(text: str) -> str:
    scheme, _, authority = text.partition("://")
    if scheme not in {"https", "http"} or not authority or any(c in authority for c in "/*?# ") or text != text.lower():
        msg = "must be an origin such as https://app.example.org: lower case, no path, no wildcard"
        raise ValueError(msg)
    return text


def _seal_key(secret: SecretStr) -> SecretStr:
    try:
        size = len(binascii.a2b_base64(secret.get_secret_value(), strict_mode=True))
    except ValueError:  # binascii.Error, or not even ASCII
        size = 0
    if size != SEAL_KEY_BYTES:
        msg = f"must be {SEAL_KEY_BYTES} random bytes in base64"
        raise ValueError(msg)
    return secret


RouteName = Annotated[str, StringConstraints(pattern=r"^(?:(?:GET|POST|PUT|PATCH|DELETE) )?/[!-~]*$")]
Origin = Annotated[str, AfterValidator(_origin)]
SealKey = Annotated[SecretStr, AfterValidator(_seal_key)]


class Joining(Section):
    """How people come by an account."""

    sign_up: bool = Field(
        default=False,
        description="Whether signing in leads to `/sign-up`. The agent's `joining.sign_up` says who may sign up.",
    )


class Oidc(Section):
    """Signing in through a provider, which the agent's `oidc` settings name."""

    name: str = Field(
        "", pattern=r"^[\w. &'-]{0,40}$",
        description="What people know it as: `Google` makes a button *Sign in with Google*. Empty: no button.",
    )  # fmt: skip


class Listen(Section):
    """Where browsers (or nginx) reach this process."""

    kind: Literal["unix", "tcp", "systemd"] = Field(
        "unix", description="A Unix socket, TCP (with TLS where a certificate is given), or the sockets systemd passes."
    )
    path: Path = Field(Path("/run/drawbridge/gateway.sock"), description="The Unix socket, for kind unix.")
    path_mode: int = Field(0o660, ge=0, le=0o777, description="Permissions of the Unix socket, as a number.")
    host: str = Field("127.0.0.1", description="The address to listen on, for kind tcp.")
    port: int = Field(8443, ge=0, le=65535, description="The port to listen on, for kind tcp; 0 chooses a free one.")
    certificate: Path | None = Field(
        None, description="PEM file: certificate and chain, and the key unless `key` names its file. None: plain HTTP."
    )
    key: Path | None = Field(None, description="PEM file of the certificate's key, where it has its own.")
    backlog: Count = Field(1024, description="Connections that wait to be accepted.")
    keepalive_s: Seconds = Field(30.0, description="Seconds that an idle connection of a browser is kept.")
    drain_s: Seconds = Field(10.0, description="Seconds that requests in flight get to finish when stopping.")

    @model_validator(mode="after")
    def _key_belongs_to_a_certificate(self) -> Listen:
        if self.key is not None and self.certificate is None:
            msg = "listen.key needs listen.certificate"
            raise ValueError(msg)
        return self


class Breaker(Section):
    """When calls to the agent stop for a while. The credentials lane has a breaker of its own with the same figures."""

    window_s: Seconds = Field(30.0, description="Seconds of calls that the breaker looks back on.")
    calls_min: Count = Field(10, description="Calls in the window below which it never opens.")
    failed_share: Share = Field(0.5, description="Share of failed calls that opens it.")
    slow_share: Share = Field(0.8, description="Share of slow calls that opens it.")
    slow_deadline_share: Share = Field(0.5, description="A call that took more of its deadline is slow.")
    open_s: Seconds = Field(2.0, description="Seconds that it stays open the first time; doubles each time.")
    open_max_s: Seconds = Field(60.0, description="The longest it stays open, seconds.")
    jitter: float = Field(0.2, ge=0, lt=1, description="The open time varies by this share, either way.")
    probes_to_close: Count = Field(2, description="Successful probes in a row that close it.")


class CacheTimes(Section):
    """How long answers of one operation may be given again, each span counted from the end of the one before."""

    fresh_s: float = Field(5.0, ge=0, description="Seconds that an answer is given as it is.")
    stale_while_revalidate_s: float = Field(
        30.0, ge=0, description="Seconds more that it is given at once while a new one is fetched."
    )
    stale_if_error_s: float = Field(
        86_400.0,
        ge=0,
        description="Seconds more that it is given, marked with its age, when the agent is out of reach.",
    )


class NamesCacheTimes(CacheTimes):
    """The names of a person's symptoms change seldom, and every question needs them."""

    fresh_s: float = Field(30.0, ge=0, description="Seconds that an answer is given as it is.")
    stale_while_revalidate_s: float = Field(
        300.0, ge=0, description="Seconds more that it is given at once while a new one is fetched."
    )


class Cache(Section):
    """Answers kept in memory, each for one person's session alone."""

    bytes_max: Count = Field(16 * 1024 * 1024, description="Memory for cached answers, bytes.")
    origin_hold_s: float = Field(2.0, ge=0, description="Seconds that the agent is left alone after a failed refresh.")
    symptoms_list: CacheTimes = CacheTimes()
    symptoms_names: NamesCacheTimes = NamesCacheTimes()
    symptoms_stats: CacheTimes = CacheTimes()


class Retry(Section):
    """Trying again after a failure that may be over in a moment."""

    attempts_max: int = Field(2, ge=0, le=5, description="Further attempts after the first.")
    backoff_min_s: Seconds = Field(0.025, description="Longest wait before the first further attempt, seconds.")
    backoff_max_s: Seconds = Field(0.25, description="Longest wait before any further attempt, seconds.")
    budget_share: Share = Field(0.2, description="Retries allowed as a share of the calls of the last window.")
    budget_window_s: Seconds = Field(10.0, description="Seconds of calls that the budget looks back on.")
    budget_per_s: float = Field(1.0, ge=0, description="Retries allowed a second besides, however few the calls.")


class Pacing(Section):
    """How fast calls go to the agent, so that a flood waits here and not on the database."""

    calls_per_s: Seconds = Field(500.0, description="Calls a second toward the agent.")
    burst: Count = Field(100, description="Calls that may go at once after a quiet moment.")
    waiting_max: Count = Field(200, description="Calls that may wait for their turn; more are refused at once.")


class Feed(Section):
    """Following what the agent revokes and invalidates."""

    fresh_s: Seconds = Field(1.0, description="Seconds of silence after which what is remembered is not trusted.")
    silence_max_s: Seconds = Field(2.0, description="Seconds of silence after which the stream is opened anew.")
    retry_s: Seconds = Field(0.25, description="Seconds before the first attempt to open it again.")
    retry_max_s: Seconds = Field(0.5, description="The longest wait between attempts, seconds.")


class Bridge(Section):
    """The way to the agent."""

    host: str = Field("127.0.0.1", description="The agent's address.")
    port: int = Field(8443, ge=1, le=65535, description="The agent's port.")
    server_name: str = Field("agent.drawbridge.internal", description="The name in the agent's certificate.")
    tls_dir: Path = Field(
        Path("/var/lib/drawbridge/gateway/tls"), description="Folder of this unit's certificate, its CA and key."
    )
    keys_dir: Path = Field(
        Path("/var/lib/drawbridge/gateway/keys"), description="Folder of its message keys (keys.json, mode 0600)."
    )
    reload_s: Seconds = Field(1.0, description="Seconds between looks whether certificates or keys were replaced.")
    renew_check_s: Seconds = Field(3600.0, description="Seconds between looks whether this unit's certificate is due.")
    renew_due_days: Count = Field(
        20, description="When fewer days remain, the certificate is due; as in the agent's `certificates.due_days`."
    )
    renewal_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The agent's port for renewing a certificate that has ended. None: it has none.",
    )
    pool_size: Count = Field(4, description="Connections to the agent.")
    keepalive_s: Seconds = Field(15.0, description="Seconds that an idle connection is kept; below the agent's.")
    connect_timeout_s: Seconds = Field(2.0, description="Seconds for a connection and its TLS handshake.")
    breaker: Breaker = Breaker()
    cache: Cache = Cache()
    retry: Retry = Retry()
    pacing: Pacing = Pacing()
    feed: Feed = Feed()


class Web(Section):
    """How requests of browsers are taken."""

    deadline_s: Seconds = Field(5.0, description="Seconds for one request, calls to the agent included.")
    body_max_bytes: Count = Field(64 * 1024, description="The largest request body, bytes.")
    line_max_bytes: Count = Field(8190, description="The longest request line, bytes.")
    header_max_bytes: Count = Field(8190, description="The longest header field, bytes.")
    trusted_hops: tuple[Network, ...] = Field(
        (), description="Networks of proxies whose X-Forwarded-For is believed on TCP; on a Unix socket it always is."
    )
    client_ipv6_prefix: int = Field(
        64, ge=32, le=128, description="IPv6 addresses that share so many leading bits count as one client."
    )
    first_request_s: Seconds = Field(
        10.0,
        description="Seconds that a TCP connection has for its handshake, and for the headers of its first request.",
    )
    unread_s: Seconds = Field(
        30.0, description="Seconds that a client on TCP may take nothing of what is sent to it before it is cut."
    )
    connections_per_address: Count = Field(
        100, description="Connections of one address on TCP; more are cut. Trusted hops are not counted."
    )
    cors_origins: tuple[Origin, ...] = Field(
        (), description="Origins of other sites whose scripts may call the API with a Bearer token. Empty: none."
    )
    metrics_networks: tuple[Network, ...] = Field(
        (
            IPv4Network("127.0.0.0/8"), IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"),
            IPv4Network("192.168.0.0/16"), IPv6Network("::1/128"), IPv6Network("fc00::/7"), IPv6Network("fe80::/10"),
        ),
        description="Networks that may read /metrics; from elsewhere nobody may, an administrator neither.",
    )  # fmt: skip


class Limits(Section):
    """How much one client may ask. Account limits (passwords) are counted on the agent besides."""

    account_per_minute: Count = Field(60, description="Requests a minute of a signed-in account.")
    address_per_minute: Count = Field(60, description="Requests a minute of an address where nobody is signed in.")
    address_total_per_minute: Count = Field(600, description="Requests a minute of an address in all.")
    sign_in_per_minute: Count = Field(5, description="Sign-in attempts a minute of an address.")
    routes: dict[RouteName, Count] = Field(
        {},
        description='Requests a minute of one client to one route, besides: `{"POST /api/v1/chat" = 20}`. The '
        "route is written as in the log, with or without its method; one that does not exist stops the start.",
    )
    keys_max: Count = Field(50_000, description="Clients remembered; the least recently seen are forgotten first.")


class Session(Section):
    """What is remembered of signed-in people."""

    outage_grace_s: float = Field(
        900.0, ge=0, description="Seconds into an outage that tokens verified before it stay good."
    )
    remembered_max: Count = Field(10_000, description="Verified tokens remembered.")


class Chat(Section):
    """The health chat."""

    emergency_number: str = Field(
        "112", pattern=r"^\+?[0-9 ]{2,20}$", description="The number shown and given for emergencies."
    )
    time_zone: Zone = Field("UTC", description="The IANA time zone of dates, where a browser does not say its own.")
    seal_key: SealKey | None = Field(
        None,
        description="Seals conversations: 32 random bytes in base64, the same in every gateway process. "
        "None: a key of this process, lost with it.",
    )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Tracing(Section):
    """Traces, for an OpenTelemetry collector. Off without an `endpoint`."""

    endpoint: str = Field(
        "", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[\w./-]*[\w-])?)?$",
        description="Where spans go, such as http://192.168.1.9:4318 (OTLP over HTTP, JSON). Empty: there are none.",
    )  # fmt: skip
    ratio: float = Field(1.0, ge=0, le=1, description="The share of requests that are traced, on both machines.")


class Log(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least serious level written.")
    host: str = Field("door", pattern=r"^[\w.-]{1,64}$", description="This machine's name in every log line.")
