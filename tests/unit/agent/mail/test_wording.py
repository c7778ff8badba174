"""What mails say, in both forms."""

from __future__ import annotations

from html.parser import HTMLParser
from string import Template as Text

import pytest

from agent.mail.wording import Template, languages, word, wording

SITE = "https://health.example.org"
LINK = "/auth/reset-password#token=a.b-c_d"
VALUES = {
    "link": LINK, "hours": "24", "minutes": "60", "at": "29 Nov 2026, 10:00 (UTC)", "account": "ann@example.org",
    "topic": "the list", "message": "First line\nsecond line",
}  # fmt: skip


def values_of(template: Template) -> dict[str, str]:
    return {name: VALUES[name] for name in template.names}


class Reading(HTMLParser):
    """What a mail reader shows, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("language", sorted(languages()))
def test_wording_uses_the_values_that_its_template_names_when_it_is_read(template: Template, language: str) -> None:
    chosen = wording(template, language)
    used = {name for text in (chosen.subject, *chosen.paragraphs) for name in Text(text).get_identifiers()}
    assert used - {"site"} == template.names


@pytest.mark.story("tasks/US-BE-5.4.2")
@pytest.mark.parametrize("template", Template)
def test_words_say_the_same_in_text_and_html_when_values_are_put_in(template: Template) -> None:
    words = word(template, "en", values_of(template), site=SITE)
    reading = Reading(words.html)
    assert "$" not in words.text + words.html
    for paragraph in words.text.strip().split("\n\n"):
        assert paragraph in reading.text
    assert reading.links == ([SITE + LINK] if "link" in template.names else [])
    assert ("link" in template.names) == (SITE + LINK in words.text)


@pytest.mark.parametrize("template", [Template.VERIFY_EMAIL, Template.RESET_PASSWORD, Template.ACCOUNT_EXISTS])
def test_template_takes_nothing_that_a_stranger_wrote_when_anybody_can_cause_it(template: Template) -> None:
    assert template.names <= {"link", "hours", "minutes"}


@pytest.mark.parametrize("template", Template)
def test_subject_takes_the_site_alone_when_it_is_made(template: Template) -> None:
    assert set(Text(wording(template, "en").subject).get_identifiers()) == {"site"}


def test_words_show_markup_as_text_when_a_value_has_some() -> None:
    message = '<img src="https://evil.example/x"> $site & "so on"'
    words = word(Template.FEEDBACK, "en", {**values_of(Template.FEEDBACK), "message": message}, site=SITE)
    assert message in words.text
    assert message in Reading(words.html).text
    assert "img" not in Reading(words.html).tags


@pytest.mark.parametrize("language", ["en", "en-GB", "EN", "xx", "", "../en"])
def test_words_are_in_english_when_the_language_is_not_there(language: str) -> None:
    assert word(Template.ACCOUNT_EXISTS, language, {"link": "/"}, site=SITE).language == "en"


@pytest.mark.parametrize("values", [{}, {"link": "/", "hours": "1"}, {"link": "/", "minutes": "1", "name": "Ann"}])
def test_words_are_refused_when_the_values_are_not_those_of_the_template(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs the values"):
        word(Template.RESET_PASSWORD, "en", values, site=SITE)


@pytest.mark.parametrize("link", ["https://evil.example/", "evil", "", "/a b", "/a\nb"])
def test_words_are_refused_when_the_link_is_no_path(link: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        word(Template.RESET_PASSWORD, "en", {"link": link, "minutes": "60"}, site=SITE)
