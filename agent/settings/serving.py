"""What `agent serve` listens on, takes on, and asks; and what it says of its work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from agent.settings.types import DAY_S, HOUR_S, Count, Seconds
from bridge.pki import Terms
from bridge.process.settings import Section


class Bridge(Section):
    """Where the gateway reaches this agent."""

    host: str = Field("127.0.0.1", description="The address to listen on: this Pi's own on the LAN.")
    port: int = Field(8443, ge=0, le=65535, description="The port to listen on; 0 chooses a free one.")
    server_name: str = Field(
        "agent.drawbridge.internal",
        description="The name in this agent's certificate, which requests must be signed for.",
    )
    tls_dir: Path = Field(
        Path("/var/lib/drawbridge/tls"),
        description="Folder of this agent's certificate, its CA and the revoked serials.",
    )
    keys_dir: Path = Field(
        Path("/var/lib/drawbridge/keys"), description="Folder of the bridge's message keys (keys.json, mode 0600)."
    )
    reload_s: Seconds = Field(
        1.0, description="Seconds between looks at the folders for new keys, certificates and revocations."
    )
    handshake_s: Seconds = Field(5.0, description="Seconds that a TLS handshake may take.")
    idle_s: Seconds = Field(75.0, description="Seconds an idle connection is kept; more than the gateway's 15.")
    heartbeat_s: Seconds = Field(0.5, description="Seconds between heartbeats of the feed.")
    drain_s: Seconds = Field(10.0, description="Seconds that calls in flight get to finish when stopping.")
    replay_window: Count = Field(
        4096, description="Message counters remembered of each process; one that is further behind is refused."
    )
    replay_processes_max: Count = Field(
        16, description="Processes of one unit remembered; one more is refused until another was silent for 60 s."
    )
    ca_dir: Path | None = Field(
        None,
        description="Folder of the CA that renews certificates: the PKI folder without root.key and web/. "
        "None: this agent renews none, its own neither.",
    )
    renew_check_s: Seconds = Field(
        HOUR_S, description="Seconds between looks whether this agent's own certificate is due."
    )
    renewal_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="A second port, where units whose certificate has ended may renew it for a while, and do nothing "
        "else; 0 chooses a free one. None: off.",
    )

    clock_window_s: Seconds = Field(
        30.0,
        le=30,
        description="How far a message's time may be from this machine's, either way, seconds. At most 30: a message "
        "expires then, whatever is set here.",
    )

    @model_validator(mode="after")
    def _renewal_needs_a_ca(self) -> Bridge:
        if self.renewal_port is not None and self.ca_dir is None:
            msg = "bridge.renewal_port needs bridge.ca_dir"
            raise ValueError(msg)
        return self


class Certificates(Section):
    """What this agent's CA gives to units, and to itself. They should renew well before the end."""

    life_days: Count = Field(30, description="How long a certificate is good, days.")
    backdated_days: int = Field(
        7, ge=0, description="How long before it is made a certificate begins, for clocks that are behind, days."
    )
    due_days: Count = Field(20, description="When fewer days remain, a certificate is due, and may be renewed.")
    renewable_days: int = Field(
        365, ge=0, description="How long after its end a certificate may be renewed at the renewal port, days."
    )

    @model_validator(mode="after")
    def _are_terms(self) -> Certificates:
        _ = self.terms
        return self

    @property
    def terms(self) -> Terms:
        return Terms(
            life=timedelta(days=self.life_days),
            backdated=timedelta(days=self.backdated_days),
            due=timedelta(days=self.due_days),
            renewable=timedelta(days=self.renewable_days),
        )


class Slots(Section):
    """How many calls of one kind run and wait at once; what does not fit is refused with Retry-After."""

    in_flight: Count = Field(4, description="Calls that run at once.")
    queue: int = Field(8, ge=0, description="Calls that wait for one of these to end; more are refused at once.")
    wait_ms: Count = Field(100, description="The longest such a wait, milliseconds.")


class CredentialSlots(Slots):
    """Sign-in is slow by design (bcrypt), so its queue is more patient."""

    in_flight: Count = Field(2, description="Calls that run at once.")
    wait_ms: Count = Field(2_000, description="The longest such a wait, milliseconds.")


class SessionSlots(Slots):
    """Renewing and ending sessions takes a moment, and goes on while sign-ins are a flood."""

    in_flight: Count = Field(2, description="Calls that run at once.")
    wait_ms: Count = Field(1_000, description="The longest such a wait, milliseconds.")


class ProviderSlots(Slots):
    """Signing in through a provider takes as long as that does."""

    wait_ms: Count = Field(2_000, description="The longest such a wait, milliseconds.")


class MachineSlots(Slots):
    wait_ms: Count = Field(1_000, description="The longest such a wait, milliseconds.")


class Shedding(Section):
    """What the agent takes on at once, by lane, so that a flood of one kind closes nobody else out."""

    data: Slots = Slots()
    credentials: CredentialSlots = CredentialSlots()
    sessions: SessionSlots = SessionSlots()
    provider: ProviderSlots = ProviderSlots()
    machine: MachineSlots = MachineSlots()


class Source(Section):
    """The existing database with the records. It is only ever read."""

    dsn: SecretStr | None = Field(
        None, description="Its libpq connection string, as a read-only role. Without one the health app is off."
    )
    mapping: Path = Field(
        Path("/etc/drawbridge/source.toml"), description="The file that says where its tables keep which field."
    )
    pool_size: Count = Field(4, description="Connections kept to it.")


class Store(Section):
    """The appliance's own database: accounts, grants, sessions."""

    dsn: SecretStr = Field(description="Its libpq connection string, as the agent's lesser role.")
    owner_dsn: SecretStr | None = Field(
        None, description="As the role that owns the tables: `agent migrate` needs it; where set, `serve` migrates too."
    )
    agent_role: str = Field("drawbridge_agent", description="The role of `dsn`, which migrations give its rights to.")
    pool_size: Count = Field(4, description="Connections kept to it, besides the one that listens.")
    commit_reserve_ms: Count = Field(
        50, description="How long before its deadline a write's statements end, so that the answer is in time."
    )
    idempotency_keep_s: Seconds = Field(
        DAY_S, description="Seconds in which a write that is sent again is given its first answer, not applied again."
    )


class Queries(Section):
    """What is told about queries. Parameters never are."""

    slow_query_ms: Count = Field(250, description="A query that takes longer is logged by its name, milliseconds.")
    trace_sql: bool = Field(
        default=False, description="Add the traceparent of sampled calls to their SQL as a comment; costs a parse each."
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is written.")
    host: str = Field("keep", description="This machine's name in every log line.")


class Tracing(Section):
    """Traces, for an OpenTelemetry collector. The gateway says which calls are traced (its `tracing.ratio`)."""

    endpoint: str = Field(
        "", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[\w./-]*[\w-])?)?$",
        description="Where spans go, such as http://127.0.0.1:4318 (OTLP over HTTP, JSON). Empty: there are none.",
    )  # fmt: skip
