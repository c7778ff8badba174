"""Types of settings that several sections have."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

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
