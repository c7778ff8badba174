"""What mails say. One text a mail and language, ``words/<language>/<template>.txt``, from which both forms are made.

A text is ``Subject: …``, an empty line, and paragraphs with an empty line between them; ``$name`` stands for a value.
The paragraph ``$link`` becomes a link to click in the HTML form. Values are only ever text: HTML in one is escaped, and
a dollar sign in one stands for nothing.

Mails that anybody can cause (``verify_email``, ``reset_password``, ``account_exists``) hold nothing that a stranger
wrote, no name either: else the appliance could be made to send people what others want to tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from html import escape
from importlib.resources import files
from string import Template as Text
from typing import Final

USUAL_LANGUAGE: Final = "en"
_WORDS: Final = files("agent.mail") / "words"
_LAYOUT: Final = Text((_WORDS / "layout.html").read_text("utf-8"))
_SUBJECT: Final = "Subject: "

# what HTML mail readers keep of a style is what stands at the element
_PARAGRAPH: Final = '<p style="margin:0 0 16px;white-space:pre-line">{}</p>'
_LINK: Final = '<p style="margin:0 0 16px"><a href="{0}" style="color:#0b57d0;word-break:break-all">{0}</a></p>'


class Template(StrEnum):
    """The mails that there are. :attr:`names` are the values that each needs, ``link`` being a path of the website."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - no password
    ACCOUNT_EXISTS = "account_exists"
    INVITATION = "invitation"
    EMAIL_CHANGED = "email_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    FEEDBACK = "feedback"
    TEST = "test"

    @property
    def names(self) -> frozenset[str]:
        return _NAMES[self]


_NAMES: Final[Mapping[Template, frozenset[str]]] = {
    Template.VERIFY_EMAIL: frozenset({"link", "hours"}),
    Template.RESET_PASSWORD: frozenset({"link", "minutes"}),
    Template.ACCOUNT_EXISTS: frozenset({"link"}),
    Template.INVITATION: frozenset({"link", "hours"}),
    Template.EMAIL_CHANGED: frozenset({"at"}),
    Template.PASSWORD_CHANGED: frozenset({"at", "link"}),
    Template.FEEDBACK: frozenset({"account", "topic", "message"}),
    Template.TEST: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """One mail in one language, before its values are put in."""

    language: str
    subject: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """One mail as it is read."""

    language: str
    subject: str
    text: str
    html: str


def languages() -> frozenset[str]:
    return frozenset(folder.name for folder in _WORDS.iterdir() if folder.is_dir())


@cache
def wording(template: Template, language: str) -> Wording:
    """Return the mail's wording in ``language`` (``pt-BR`` looks for ``pt`` too), or else in English."""
    spoken = languages()
    options = (language.lower(), language.lower().partition("-")[0], USUAL_LANGUAGE)
    chosen = next(option for option in options if option in spoken)
    head, *paragraphs = (_WORDS / chosen / f"{template}.txt").read_text("utf-8").strip().split("\n\n")
    return Wording(chosen, head.removeprefix(_SUBJECT), tuple(paragraphs))


def word(template: Template, language: str, values: Mapping[str, str], *, site: str) -> Words:
    """Return the mail with its values in. ``site`` is the website's origin, ``https://health.example.org``.

    Raises ValueError where ``values`` are not those that the template needs, or ``link`` is no path.
    """
    if values.keys() != template.names:
        msg = f"{template} needs the values {sorted(template.names)}, not {sorted(values)}"
        raise ValueError(msg)
    filled = {**values, "site": site.partition("://")[2]}
    if "link" in values:
        if not values["link"].startswith("/") or not values["link"].isprintable() or " " in values["link"]:
            msg = f"{template}: the link is no path of the website"
            raise ValueError(msg)
        filled["link"] = f"{site}{values['link']}"
    chosen = wording(template, language)
    subject = Text(chosen.subject).substitute(filled)
    text = "\n\n".join(Text(paragraph).substitute(filled) for paragraph in chosen.paragraphs)
    safe = {name: escape(value) for name, value in filled.items()}
    html = "\n".join(
        _LINK.format(safe["link"])
        if paragraph == "$link"
        else _PARAGRAPH.format(Text(escape(paragraph)).substitute(safe))
        for paragraph in chosen.paragraphs
    )
    return Words(
        chosen.language,
        subject,
        f"{text}\n",
        _LAYOUT.substitute(language=chosen.language, subject=escape(subject), site=safe["site"], paragraphs=html),
    )
