"""What guessers try first is known as such, and what people think of themselves is not."""

from __future__ import annotations

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.accounts.common_passwords import WORDS, is_common


@pytest.mark.parametrize(
    "password",
    [
        "Password1", "Password123!", "P4ssw0rd", "P@$$w0rd1", "Passw0rd!", "pAssword12", "1Password", "Welcome2026!",
        "Admin1234", "Summer2026", "Sommer2026!", "Qwerty123", "Qwertz123", "Azerty12", "Asdf1234", "Abcd1234",
        "Abc12345", "Aa123456", "Aaaa1111", "1q2w3e4R", "1Qaz2wsx", "Zxcvbnm1", "Letmein1", "L3tm31n!!1", "Iloveyou2",
        "Trustno1!", "Raspberry4", "Drawbridge1", "TestTest1", "Monday01!", "Freitag13", "Abcdefg1", "987654321aA",
        "password1A", "password123A", "A1password", "Welcome2026x", "P4ssw0rd!x", "summer.X", "X-password-1",
    ],
)  # fmt: skip
def test_password_is_common_when_everybody_would_try_it(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "Correct horse 1", "Another horse 2", "Right-horse-7", "Passw0rd-for-anna", "Adversity-1", "tulpe Bahnhof 3",
        "MyDogRex2019", "xK7qPz2m", "Password of my dog 1", "7Zwerge&Schnee", "Zebrafnk1",
        "Summer in my 2nd home", "Password1 of A",
    ],
)  # fmt: skip
def test_password_is_not_common_when_somebody_thought_of_it(password: str) -> None:
    assert not is_common(password)


@given(st.sampled_from(sorted(WORDS)), st.text("0123456789!?.-_ ", max_size=8), st.booleans())
def test_word_is_common_whatever_is_put_behind_it(word: str, behind: str, is_capital: bool) -> None:
    assert is_common((word.capitalize() if is_capital else word) + behind)


@given(st.text(max_size=80))
def test_any_text_is_judged(text: str) -> None:
    assert is_common(text) in {True, False}


def test_random_passwords_are_hardly_ever_common() -> None:
    alphabet = string.ascii_letters + string.digits
    assert sum(is_common("".join(secrets.choice(alphabet) for _ in range(10))) for _ in range(500)) == 0
