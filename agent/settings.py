"""Every setting of the agent. ``docs/settings.md`` is generated from the descriptions here.

The environment's prefix is ``DRAWBRIDGE_AGENT_`` (see :mod:`bridge.process.settings`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from bridge.pki import Terms
from bridge.process.settings import Section

PREFIX: Final = "DRAWBRIDGE_AGENT_"

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


# one header field's worth, and nothing that could begin another: https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
_MAIL_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)


def is_mail_address(text: str) -> bool:
    """Return whether a mail can be sent there: without SMTPUTF8, which few servers speak."""
    return _MAIL_ADDRESS.fullmatch(text) is not None


def _mail_address(text: str) -> str:
    if not is_mail_address(text):
        msg = "must be an e-mail address such as anna@example.org"
        raise ValueError(msg)
    return text


MailAddress = Annotated[str, AfterValidator(_mail_address)]


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


class ProviderSlots(Slots):
    """Signing in through a provider takes as long as that does."""

    wait_ms: Count = Field(2_000, description="The longest such a wait, milliseconds.")


class MachineSlots(Slots):
    wait_ms: Count = Field(1_000, description="The longest such a wait, milliseconds.")


class Shedding(Section):
    """What the agent takes on at once, by lane, so that a flood of one kind closes nobody else out."""

    data: Slots = Slots()
    credentials: CredentialSlots = CredentialSlots()
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


class Tokens(Section):
    """Access and refresh tokens, which are made here alone."""

    keys_dir: Path = Field(Path("/var/lib/drawbridge/tokens"), description="Folder of the token keys, mode 0700.")
    issuer: str = Field("drawbridge", description="The tokens' `iss`.")
    audience: str = Field("drawbridge", description="The tokens' `aud`.")
    access_s: Seconds = Field(DAY_S, description="How long an access token is good, seconds.")
    refresh_s: Seconds = Field(7 * DAY_S, description="How long a refresh token is good if it is not used, seconds.")
    family_s: Seconds = Field(30 * DAY_S, description="How long one sign-in can be refreshed altogether, seconds.")
    grace_s: float = Field(
        60.0, ge=0, description="Seconds in which a refresh token that was just used gives the same successor again."
    )
    rotate_s: Seconds = Field(90 * DAY_S, description="Seconds after which a new signing key is made.")
    lead_s: float = Field(60.0, ge=0, description="Seconds that gateways know a new key before it signs.")
    remembered_max: Count = Field(4096, description="Verified access tokens kept in memory, to verify them once.")


class Passwords(Section):
    bcrypt_cost: int = Field(
        12,
        ge=4,
        le=16,
        description="Cost of a new password's hash; each step doubles the time. Where it was lowered, the time of a "
        "refused sign-in tells which addresses have a password from before.",
    )
    threads: int = Field(2, ge=1, le=4, description="Passwords that are checked at once.")


class Limits(Section):
    """Attempts, counted in the store, so that they survive a restart."""

    sign_in_per_account: Count = Field(5, description="Sign-ins a minute for one e-mail address.")
    sign_in_per_address: Count = Field(5, description="Sign-ins a minute from one IPv4 address or IPv6 network.")
    mails_per_recipient: Count = Field(
        3, description="Reset links and sign-ups an hour for one e-mail address, whether or not it has an account."
    )
    mails_per_address: Count = Field(
        30, description="Reset links and sign-ups an hour from one IPv4 address or IPv6 network."
    )
    feedback_per_account: Count = Field(5, description="Messages to the owner an hour from one account.")
    feedback_per_address: Count = Field(
        30, description="Messages to the owner an hour from one IPv4 address or IPv6 network."
    )
    client_ipv6_prefix: int = Field(
        64, ge=32, le=128, description="IPv6 addresses that share so many leading bits count as one client."
    )


class Joining(Section):
    """How people come by an account, and how long the links are good that they are mailed."""

    sign_up: bool = Field(
        default=False, description="Whether people may sign up by themselves, as viewers. Needs `mail.host`."
    )
    confirm_hours: Count = Field(24, description="Hours that a link to confirm an address is good.")
    invitation_hours: Count = Field(72, description="Hours that an invitation is good.")
    reset_minutes: Count = Field(60, description="Minutes that a link to choose a new password is good.")


class Mail(Section):
    """Mail to people: confirmations, reset links, invitations. Over TLS that is verified here. Off without a `host`."""

    host: str = Field(
        "", pattern=r"^[A-Za-z0-9.:-]*$", description="The mail server that takes our mail. Empty: no mail is sent."
    )
    port: int = Field(0, ge=0, le=65535, description="Its port. 0: 587 for starttls, 465 for tls.")
    security: Literal["starttls", "tls"] = Field(
        "starttls", description="Whether TLS begins with a command (starttls) or with the connection (tls)."
    )
    username: str = Field("", pattern=r"^[^\r\n]*$", description="The login at the mail server. Empty: none.")
    password: SecretStr | None = Field(None, description="Its password.")
    sender: MailAddress | None = Field(None, description="The address that mails come from.")
    sender_name: str = Field(
        "Drawbridge", pattern=r"^[\w. -]{1,60}$", description="The name that mails come from, as people know the site."
    )
    site: str = Field(
        "", pattern=r"^(https://[A-Za-z0-9.:-]+)?$",
        description="The website's origin, such as https://health.example.org: what links in mails begin with. It is "
        "set here, and never taken from a request.",
    )  # fmt: skip
    owner: MailAddress | None = Field(None, description="The address that feedback goes to. None: it is only stored.")
    retry_s: tuple[Seconds, ...] = Field(
        (60.0, 900.0),
        max_length=10,
        description="Seconds to wait after each try that failed; after one try more than there are, a mail is parked.",
    )
    keep_s: Seconds = Field(
        30 * DAY_S, description="Seconds to remember that a mail was sent or dropped; what it said is erased at once."
    )
    key_file: Path = Field(
        Path("/var/lib/drawbridge/mail/key"), description="The key that waiting mails are sealed with in the store."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Mail:
        if self.host and not (self.sender and self.site):
            msg = "needs sender and site where there is a host"
            raise ValueError(msg)
        return self

    def lacks(self) -> list[str]:
        """Return a line for each secret that is missing. Asked of the service: the owner's commands have none."""
        if self.host and bool(self.username) != bool(self.password):
            return ["mail: needs both username and password (a credential), or neither"]
        return []


class Oidc(Section):
    """Signing in through a provider (OpenID Connect): Google, Amazon Cognito, Keycloak. Off without an `issuer`."""

    issuer: str = Field(
        "", pattern=r"^(https://[a-z0-9.-]+(:[0-9]{1,5})?(/[\w./~-]*)?)?$",
        description="The provider, exactly as its ID tokens name it: https://accounts.google.com. Empty: none.",
    )  # fmt: skip
    client_id: str = Field("", pattern=r"^[\x21-\x7e]*$", description="What this appliance is called at the provider.")
    client_secret: SecretStr | None = Field(None, description="Its secret there. None: a public client, by PKCE alone.")
    client_authentication: Literal["basic", "post"] = Field(
        "basic", description="How the secret is shown: in a header (basic) or in the form (post)."
    )
    site: str = Field(
        "", pattern=r"^(https://[A-Za-z0-9.:-]+)?$",
        description="The website's origin, such as https://health.example.org. The provider must know "
        "`/auth/oidc/callback` there as where it may send people back to.",
    )  # fmt: skip
    servers: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?$")], ...] = Field(
        (),
        max_length=10,
        description="The provider's servers besides the issuer's own, where codes are exchanged or its keys are: "
        "host, or host:port. To no others the keep goes, whatever the provider's own description says.",
    )
    algorithms: tuple[
        Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"], ...
    ] = Field(("RS256", "ES256"), min_length=1, description="Signatures that its ID tokens may have.")
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities that vouch for its servers. None: the system's."
    )
    leeway_s: float = Field(30.0, ge=0, le=300, description="How far the provider's clock may be from ours, seconds.")
    answer_s: Seconds = Field(
        4.0, le=30, description="How long the provider may take for what one request of a browser needs, seconds."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Oidc:
        if self.issuer and not (self.client_id and self.site):
            msg = "needs client_id and site where there is an issuer"
            raise ValueError(msg)
        for server in (self.issuer, *(f"//{server}" for server in self.servers)):
            _ = urlsplit(server).port  # raises ValueError for one that there is not
        return self


class Relay(Section):
    """The door's relay, the keep's only way to servers outside (`gateway relay`)."""

    host: str = Field("", pattern=r"^[A-Za-z0-9.:-]*$", description="The door's address. Empty: straight out.")
    port: int = Field(3128, ge=1, le=65535, description="The relay's port.")


class Backup(Section):
    """Where the databases are backed up to, and how long that is kept. `python -m agent backup` reads only this part.

    PostgreSQL's archiver reads the file alone: these settings do not belong in the environment.
    """

    target: str | None = Field(
        None,
        description="Where backups go: `sftp://user@door/keep` (relative to where the user arrives) or "
        "`file:///mnt/disk`. None: there are no backups.",
    )
    remote: str | None = Field(
        None, description="A second place, outside of the house, that gets the same once a day. None: there is none."
    )
    identity: Path = Field(
        Path("/etc/drawbridge/backup/identity"), description="The age identity that seals and opens backups."
    )
    ssh_key: Path = Field(
        Path("/etc/drawbridge/backup/ssh_key"), description="The key to log in at `target` and `remote` with."
    )
    known_hosts: Path = Field(
        Path("/etc/drawbridge/backup/known_hosts"), description="The host keys of `target` and `remote`."
    )
    state_file: Path = Field(
        Path("/var/lib/drawbridge/backup/state.json"), description="What happened last, for monitors."
    )
    work_dir: Path = Field(
        Path("/var/lib/drawbridge/backup"),
        description="Folder for what is under way; the drill needs room for the whole store there.",
    )
    store_dsn: str = Field(
        "postgresql://postgres@/drawbridge_store?host=/run/postgresql&port=5433",
        description="The store, as a superuser, without a password (`peer`, or a passfile).",
    )
    source_dsn: str | None = Field(
        None, description="The existing database, as a role that may read all of it. None: it is not dumped."
    )
    data_dir: Path | None = Field(
        None, description="The store's data folder, which a restore replaces. A restore needs it."
    )
    postgres_bin: Path | None = Field(
        None, description="Folder of PostgreSQL's programs. None: Debian's of the server's version."
    )
    units: tuple[str, ...] = Field(
        ("agent.service",),
        description="What a restore stops, in this order, and starts again, in the reverse one; the store's own last.",
    )
    systemctl: Path = Field(Path("/usr/bin/systemctl"), description="The program that stops and starts units.")
    user: str = Field("postgres", description="Who owns the store's data folder; a restore by root works as this one.")
    keep_daily: Count = Field(7, description="Days of which the last backup is kept.")
    keep_weekly: int = Field(4, ge=0, description="Weeks of which the last backup is kept.")
    keep_monthly: int = Field(6, ge=0, description="Months of which the last backup is kept.")
    archived_within_s: Seconds = Field(
        120.0, description="How long a backup waits for its last WAL to be archived, seconds."
    )
    recovery_s: Seconds = Field(1800.0, description="How long a drill or restore may replay WAL, seconds.")
    backup_age_max_s: Seconds = Field(30 * HOUR_S, description="A last backup that is older is a problem, seconds.")
    drill_age_max_s: Seconds = Field(8 * DAY_S, description="A last drill that is older is a problem, seconds.")
    wal_wait_max_s: Seconds = Field(
        300.0, description="Failing to archive WAL for longer than this is a problem, seconds."
    )


class Report(Section):
    """What this machine says of itself when the door asks, and where reports of trouble wait for the door."""

    units: tuple[str, ...] = Field(
        (
            "agent.service", "postgresql@*.service", "bans.service", "rescue-sshd.service", "rescue-helper.service",
            "agent-migrate.service", "audit-witness.service", "backup.service", "backup-drill.service",
            "keys-rotate.service",
        ),
        description="Units whose state is told, names or patterns; what is not installed is left out.",
    )  # fmt: skip
    outbox: Path = Field(
        Path("/var/lib/drawbridge/alerts/outbox"),
        description="Folder where this machine's programs leave reports of trouble until the door has taken them.",
    )
    release: Path = Field(Path("/opt/drawbridge/current"), description="The link to the release that runs.")
    disk: Path = Field(Path("/"), description="A path on the disk whose free space is told.")
    bans_socket: Path = Field(Path("/run/drawbridge/bans.sock"), description="The ban helper's socket.")
    systemctl: Path = Field(Path("/usr/bin/systemctl"), description="The program that tells how units are.")
    timedatectl: Path = Field(
        Path("/usr/bin/timedatectl"), description="The program that tells whether the clock is synchronized."
    )
    kept_s: Seconds = Field(5.0, description="Seconds that one look at this machine serves everybody who asks.")


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is written.")
    host: str = Field("keep", description="This machine's name in every log line.")


class Tracing(Section):
    """Traces, for an OpenTelemetry collector. The gateway says which calls are traced (its `tracing.ratio`)."""

    endpoint: str = Field(
        "", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[\w./-]*[\w-])?)?$",
        description="Where spans go, such as http://127.0.0.1:4318 (OTLP over HTTP, JSON). Empty: there are none.",
    )  # fmt: skip


class AgentSettings(Section):
    """The agent's settings file; every part but ``store`` may be left out."""

    bridge: Bridge = Bridge()
    certificates: Certificates = Certificates()
    shedding: Shedding = Shedding()
    source: Source = Source()
    store: Store
    queries: Queries = Queries()
    tokens: Tokens = Tokens()
    passwords: Passwords = Passwords()
    limits: Limits = Limits()
    joining: Joining = Joining()
    mail: Mail = Mail()
    oidc: Oidc = Oidc()
    relay: Relay = Relay()
    backup: Backup = Backup()
    report: Report = Report()
    log: Log = Log()
    tracing: Tracing = Tracing()

    @model_validator(mode="after")
    def _sign_up_needs_mail(self) -> AgentSettings:
        if self.joining.sign_up and not self.mail.host:
            msg = "joining.sign_up needs mail.host: an address is confirmed by mail"
            raise ValueError(msg)
        return self


class BackupSettings(Section):
    """The same file as `python -m agent backup` reads it: as another user than the agent, without its secrets."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    backup: Backup = Backup()
