"""Accounts: how people come by one, and how they sign in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from agent.settings.types import DAY_S, Count, Seconds
from bridge.process.settings import Section


class Tokens(Section):
    """Access and refresh tokens, which are made here alone."""

    keys_dir: Path = Field(Path("/var/lib/drawbridge/tokens"), description="Folder of the token keys, mode 0700.")
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
        3,
        description="Reset links and sign-ups an hour for one e-mail address, account or not, and as many invitations.",
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
