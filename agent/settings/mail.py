"""Mail, and the relay at the door that it goes through."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from agent.settings.types import DAY_S, MailAddress, Seconds
from bridge.process.settings import Section


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


class Relay(Section):
    """The door's relay, the keep's only way to servers outside (`gateway relay`)."""

    host: str = Field("", pattern=r"^[A-Za-z0-9.:-]*$", description="The door's address. Empty: straight out.")
    port: int = Field(3128, ge=1, le=65535, description="The relay's port.")
