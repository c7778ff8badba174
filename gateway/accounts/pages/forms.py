"""Forms on pages. What was typed stays in its field when something is wrong; passwords and tokens never do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from bridge.errors import AppError
from gateway.web.context import RequestContext
from gateway.web.inputs import invalid
from gateway.web.limits import wait_in_words
from gateway.web.pages import render
from gateway.web.problems import SIGN_IN_AGAIN

_LENGTH: Final = re.compile(r"String should have (at (?:least|most) \d+ characters?)")


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is shown: what its fields hold, and what was wrong with the last try, if there was one."""

    values: Mapping[str, str] = field(default_factory=dict)
    error: AppError | None = None

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong with each field, to follow the word "This"."""
        return {} if self.error is None else {each.name: _in_words(each.message) for each in self.error.fields}

    @property
    def wait(self) -> str:
        """How long to wait before another try, in words, or ""."""
        return "" if self.error is None else wait_in_words(self.error.retry_after_s)

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def beside(self, shown: Iterable[str]) -> list[str]:
        """Return what is wrong with fields that the page does not show."""
        return [message for name, message in self.wrong.items() if name not in set(shown)]


def refused(context: RequestContext, error: AppError, values: Mapping[str, str]) -> Form:
    """Return the form to show again: over the limit with that, whatever else is wrong.

    Raises ``error`` itself where signing in comes first.
    """
    if error.code in SIGN_IN_AGAIN:
        raise error
    error = context.over_limit or error
    context.fail_with(error)
    return Form(values, error)


def show(template: str, request: web.Request, form: Form, values: Mapping[str, object]) -> web.Response:
    """Return the page with ``form``, with the status of what was wrong with it."""
    return render(template, request, {**values, "form": form}, error=form.error)


def kept(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    """Return those of the fields that may be shown again: no password, no token."""
    return {name: fields[name] for name in names if name in fields}


def chosen(fields: Mapping[str, str], *names: str) -> dict[str, object]:
    """Return the fields that somebody filled in: what is left empty is left out."""
    return {name: fields[name] for name in names if fields.get(name, "").strip()}


def check_again(fields: Mapping[str, str], name: str) -> None:
    """Raise Invalid unless the password ``name`` was typed the same twice: nobody sees what they type there."""
    if fields.get("again", "") != fields.get(name, ""):
        raise invalid(name="again", message="must be the same as the one above")


def _in_words(message: str) -> str:
    """Return a message as a person wants it: the models' speak of strings and patterns."""
    if match := _LENGTH.match(message):
        return "must not be empty" if match[1] == "at least 1 character" else f"must have {match[1]}"
    if message.startswith("String should match pattern"):
        return "is not written as it should be"
    return message
