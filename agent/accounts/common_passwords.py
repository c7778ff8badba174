"""Passwords that anybody would try first, told without a network and without a list of millions.

A rule that wants an upper-case letter, a lower-case one and a digit is met by ``Password1``, ``Qwertz123`` and
``Summer2026!``: the word everybody takes, with what the rule asks for put around it. So a password is taken apart as
those who guess put it together: digits and signs at its ends, with one more letter outside of them (``password1A``), a
word, letters written as digits, rows of the keyboard.
"""

from __future__ import annotations

import re
from typing import Final

WORDS: Final = frozenset(
    """
    abc access account admin administrator alexander amanda andrew angel anthony april asdf ashley august austin
    autumn bailey banana baseball basketball batman blink buster butterfly changeit changeme charlie cheese chelsea
    chocolate computer cookie corvette dallas daniel december default demo dezember diamond dienstag donnerstag
    dragon drawbridge eagle elephant family februar february ferrari flower football forever freedom freitag friday
    friend frühling gateway george ginger guest guitar hallo hannah harley health hello helloworld herbst hockey
    hunter iloveyou internet januar january jasmine jennifer jessica jesus jordan joshua juli july june juni justin
    killer ladybug letmein liverpool login london love lovely madison maggie mai manager march martin master matrix
    matthew may mercedes merlin michael michelle michigan mittwoch monday monkey monster montag morgan mustang
    mypassword märz nicole nothing november october oktober orange pass passphrase passwd password passwort pepper
    phoenix pokemon princess purple qazwsx querty rainbow ranger raspberry robert root samantha samstag samsung
    saturday secret secure september server shadow silver smokey snoopy soccer sommer sonntag sophie spring starwars
    summer sunday sunshine superman taylor temp temporary tennis test testing thomas thursday tigger trustno tuesday
    user victoria wednesday welcome whatever william willkommen winner winter wizard yankees yellow
    """.split()  # noqa: SIM905 - a list of so many strings reads worse
)
"""What guessers begin with: names of things and people, and what a password is for. Lower case."""

_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiopü", "azertyuiop", "asdfghjklöä", "qsdfghjklm",
    "zxcvbnm", "yxcvbnm", "wxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1q2w3e4r5t6z7u8i9o0p", "1qaz2wsx3edc4rfv5tgb",
    "qazwsxedcrfvtgb",
)  # fmt: skip
_RUNS: Final = frozenset(
    row[start:end]
    for written in _ROWS
    for row in (written, written[::-1])
    for start in range(len(row))
    for end in range(start + 2, len(row) + 1)
)
_RUN_MAX: Final = max(map(len, _ROWS))
_PIECES_MAX: Final = 3
_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_LETTER_BEFORE: Final = re.compile(r"^[^\W\d_](?=[\W\d_])")
_LETTER_BEHIND: Final = re.compile(r"(?<=[\W\d_])[^\W\d_]$")
_AT_END: Final = re.compile(r"[\W_]+$")
_AS_LETTERS: Final = tuple(str.maketrans("01345789@$!+", letters) for letters in ("oleastbgasit", "oieastbgasit"))


def is_common(password: str) -> bool:
    """Return whether a password is one of those that are tried first."""
    text = password.lower()
    whole = {text, _LETTER_BEFORE.sub("", text), _LETTER_BEHIND.sub("", text)}
    return any(map(_is_a_word, whole)) or _is_of_runs(re.sub(r"[\W_]", "", text))


def _is_a_word(text: str) -> bool:
    """Return whether ``text`` is a word, or twice the same, but for digits and signs."""
    written = {text, *(text.translate(letters) for letters in _AS_LETTERS)}
    written |= {_AT_END.sub("", text).translate(letters) for letters in _AS_LETTERS}
    words = {_AROUND.sub("", each) for each in written} | {
        _AROUND.sub("", text).translate(letters) for letters in _AS_LETTERS
    }
    return any(word in WORDS or _is_twice(word) for word in words)


def _is_twice(word: str) -> bool:
    half = word[: len(word) // 2]
    return half in WORDS and word == half * 2


def _is_of_runs(text: str) -> bool:
    """Return whether ``text`` is a few pieces of keyboard rows, of the alphabet, of digits, or of one character."""
    pieces = 0
    while text and pieces < _PIECES_MAX:
        longest = len(text) - len(text.lstrip(text[0]))
        for length in range(min(len(text), _RUN_MAX), longest, -1):
            if text[:length] in _RUNS:
                longest = length
                break
        text, pieces = text[longest:], pieces + 1
    return not text
