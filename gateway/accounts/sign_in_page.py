"""The page to sign in on, as it is, and with what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web

from bridge.errors import AppError
from gateway.web.limits import wait_in_words
from gateway.web.pages import render

_NOTICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "signed-out": "You are signed out.",
        "address-confirmed": "Your e-mail address is confirmed. You can sign in with it now.",
        "password-reset": "Your password is changed. Sign in with the new one.",
        "account-deleted": "Your account is deleted, and everything that was kept of it.",
        "account-made": "Your account is there. Sign in with your e-mail address and the password that you chose.",
        "provider-left": "You came back without having signed in.",
    }
)
"""What the page says to somebody who comes from elsewhere on the site; ``signed-out-here`` needs more words."""


class SignInPage:
    """``provider`` is what the sign-in service is called, "" where there is none."""

    def __init__(self, *, offers_sign_up: bool, provider: str) -> None:
        self._offers_sign_up = offers_sign_up
        self._provider = provider

    def show(
        self, request: web.Request, *, next_path: str, notice: str = "", email: str = "", error: AppError | None = None
    ) -> web.Response:
        wait_s = None if error is None else error.retry_after_s
        values = {
            "next_path": next_path, "notice": notice, "email": email, "error": error, "words": _NOTICES,
            "offers_sign_up": self._offers_sign_up, "provider": self._provider, "wait": wait_in_words(wait_s),
        }  # fmt: skip
        return render("sign_in.html", request, values, error=error)
