"""Red flags first: whether somebody is in danger now. Needs nothing but the text; the cues are in red_flags.toml.

A question about the records ("how often did I have chest pain in May") is no emergency, nor is a way of speaking
("this headache is killing me"). Whoever speaks of self-harm always gets the number.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from gateway.apps.health.chat.patterns import FOLDER, any_of

_CUES: Final = {
    name: any_of(alternatives)
    for name, alternatives in TypeAdapter(dict[str, tuple[str, ...]])
    .validate_python(tomllib.loads((FOLDER / "red_flags.toml").read_text("utf-8")))
    .items()
}
_STROKE_SIGNS: Final = ("speech", "limbs", "senses")
_STROKE_SIGNS_MIN: Final = 2
"""One alone may be many things."""


def is_emergency(words: Sequence[str]) -> bool:
    """Tell whether the text (see ``normalise.words_of``) says that somebody is in danger now, or of self-harm."""
    text = " ".join(words)
    if _says("self_harm", text):
        return True
    text = _CUES["idiom"].sub(" ", text)
    is_red_now = all(_says(cue, text) for cue in ("red_symptom", "now", "present"))
    if is_red_now or _says("history", text):
        return is_red_now
    return _says("danger", text) or sum(_says(sign, text) for sign in _STROKE_SIGNS) >= _STROKE_SIGNS_MIN


def _says(cue: str, text: str) -> bool:
    return _CUES[cue].search(text) is not None
