"""How an administrator hears of trouble. Without e-mail and webhook, by the journal alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from bridge.process.settings import Section
from gateway.settings.types import Zone

_HOURS: Final = r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$"
_TARGETS: Final = {"ntfy": r"[-_A-Za-z0-9]{1,64}", "matrix": r"![^\s/:]+(:[^\s/]+)?"}


def _address(text: str) -> str:
    # one header field's worth, and nothing that could begin another: https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
        msg = "must be an e-mail address such as anna@example.org"
        raise ValueError(msg)
    return text


Address = Annotated[str, AfterValidator(_address)]


class Email(Section):
    """Alerts by e-mail, over TLS that is always verified."""

    host: str = Field(
        "", pattern=r"^[A-Za-z0-9.:-]*$", description="The mail server that takes our mail. Empty: no e-mail."
    )
    port: int = Field(0, ge=0, le=65535, description="Its port. 0: 587 for starttls, 465 for tls.")
    security: Literal["starttls", "tls"] = Field(
        "starttls", description="Whether TLS begins with a command (starttls) or with the connection (tls)."
    )
    sender: Address | None = Field(None, description="The address that alerts come from.")
    recipients: tuple[Address, ...] = Field((), max_length=10, description="The addresses that alerts go to.")
    username: str = Field("", pattern=r"^[^\r\n]*$", description="The login at the mail server. Empty: none.")
    password: SecretStr | None = Field(None, description="Its password.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.host and not (self.sender and self.recipients):
            msg = "needs sender and recipients where there is a host"
            raise ValueError(msg)
        return self


class Webhook(Section):
    """Alerts by HTTPS, in the shape that the receiver understands."""

    shape: Literal["ntfy", "matrix", "slack", "json"] = Field("json", description="What the receiver understands.")
    url: str = Field(
        "", description="Where it is: https://ntfy.sh, https://matrix.example.org, https://hooks.slack.com/services, "
        "or the whole address for json. Empty: no webhook."
    )  # fmt: skip
    target: str = Field("", description="ntfy: the topic. matrix: the room, such as !abc:example.org.")
    token: SecretStr | None = Field(
        None, description="ntfy, matrix, json: the access token. slack: the rest of the address, T…/B…/…."
    )

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        parts = urlsplit(url)
        is_plain = url.isascii() and url.isprintable() and " " not in url
        if url and (parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment or not is_plain):
            msg = "must be an https:// address, without a user or a fragment"
            raise ValueError(msg)
        _ = parts.port  # ValueError for one that is none
        return url

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.url:
            return self
        pattern = _TARGETS.get(self.shape)
        if pattern is not None and not re.fullmatch(pattern, self.target):
            msg = f"{self.shape} needs {'a topic' if self.shape == 'ntfy' else 'a room (!…:…)'} as target"
            raise ValueError(msg)
        secret = self.token.get_secret_value() if self.token else ""
        if not re.fullmatch(r"[\x21-\x7e]*", secret):
            msg = "the token has characters that no token has"
            raise ValueError(msg)
        return self


class Alerts(Section):
    """Telling an administrator."""

    name: str = Field("box", pattern=r"^[\w. -]{1,40}$", description="What alerts call this appliance.")
    time_zone: Zone = Field("UTC", description="The IANA time zone of the quiet hours and of the times in alerts.")
    quiet_hours: str = Field(
        "", pattern=_HOURS, description="When only critical alerts are sent, such as 22:00-07:00. Empty: never."
    )
    email: Email = Email()
    webhook: Webhook = Webhook()
    inbox: Path = Field(
        Path("/var/lib/drawbridge/alerts/inbox"), description="The folder where others leave what is to be told."
    )
    book: Path = Field(
        Path("/var/lib/drawbridge/monitor/alerts.json"), description="Where it is kept what stands and what waits."
    )

    def lacks(self) -> list[str]:
        """Return a line for each secret that is missing. Asked of the process that has them: the gateways have none."""
        email, webhook = self.email, self.webhook
        lines = []
        if email.host and bool(email.username) != bool(email.password):
            lines.append("alerts.email: needs both username and password (a credential), or neither")
        if webhook.url and webhook.shape in {"matrix", "slack"} and not webhook.token:
            lines.append(f"alerts.webhook: {webhook.shape} needs a token (a credential)")
        return lines
