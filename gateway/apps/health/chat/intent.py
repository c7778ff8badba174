"""What is wanted, told by ordered cues over what times, severities and symptoms have left of a text.

The text arrives as a skeleton: ``how many <symptom> <time> ?``. The cues are in cues.toml; the first that fits decides.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.normalise import stem
from gateway.apps.health.chat.patterns import FOLDER, any_of

_POLITE: Final = r"^((please|ok|okay|so|and|now|hi|hello|hey|well|oh|um|oops|sorry|then|also|just|thanks|,|!) )*"
_ASKED: Final = (
    rf"{_POLITE}((can|could|will|would) (you|i) (please )?(just )?|i (want|need|would like|d like) (you )?to "
    r"|help me (to )?|let me |let us )?"
)


class _Greeting(Model):
    starts: tuple[str, ...]
    parts: tuple[str, ...]


class _Cues(Model):
    out_of_scope: dict[str, tuple[str, ...]]
    intent: dict[Intent, tuple[str, ...]]
    greeting: _Greeting


_CUES: Final = _Cues.model_validate(tomllib.loads((FOLDER / "cues.toml").read_text("utf-8")))
_OUT_OF_SCOPE: Final = tuple(
    any_of(cue.replace("<asked>", _ASKED) for cue in cues) for cues in _CUES.out_of_scope.values()
)
_HELP: Final = any_of(_CUES.intent[Intent.HELP])
_RULES: Final = tuple((intent, any_of(cues)) for intent, cues in _CUES.intent.items() if intent is not Intent.HELP)
_STARTS_GREETING: Final = re.compile(
    rf"((oh|well|ok|okay|all right|right|,|!) )*(?:{'|'.join(_CUES.greeting.starts)})(?!\w)"
)
_GREETS: Final = re.compile(rf"(?:{'|'.join(_CUES.greeting.parts)}|[!,?.:;&-])(?: |$)")
_STATES: Final = re.compile(
    rf"{_POLITE}((i|we) (have|am|feel|felt|had|got|was|did|do|just|still|really|keep|can|could|think|woke|went|get)\b"
    r"|my (<symptom>|\w+) (is|are|was|were|has|feels|hurts)\b|<symptom> (is|was) (back|bad|gone|really|so|very)"
    r"|it (hurts|was|is)\b|there is)(?!.*[?])"
)
_NAMES_DISEASE: Final = re.compile(
    r"^(is|are|was|were) (my|this|the|it|that|these) ?<symptom> (an? |the )?[a-z]+ ?[?]?$"
)
_MARK: Final = re.compile(r"<\w+>")


def cue_of(skeleton: str) -> Intent | None:
    """Return the intent that the words say, or None where they say none."""
    for intent, pattern in _RULES:
        if pattern.search(skeleton):
            return intent
    return None


def is_help(skeleton: str) -> bool:
    return "<symptom>" not in skeleton and _HELP.search(skeleton) is not None


def is_greeting(skeleton: str) -> bool:
    """Tell a text of pleasantries and nothing else."""
    if not _STARTS_GREETING.match(skeleton):
        return False
    at = 0
    while at < len(skeleton):
        found = _GREETS.match(skeleton, at)
        if found is None:
            return False
        at = found.end()
    return True


def is_out_of_scope(skeleton: str) -> bool:
    """Tell what these records cannot answer: writes, advice, causes, predictions, medication and the world."""
    if any(pattern.search(skeleton) for pattern in _OUT_OF_SCOPE):
        return True
    return _NAMES_DISEASE.match(skeleton) is not None and cue_of(skeleton) is None


def is_statement(skeleton: str) -> bool:
    """Tell something said without asking."""
    return _STATES.match(skeleton) is not None


def unexplained(skeleton: str) -> list[str]:
    """Return the words that no step knows, in order."""
    words = _MARK.sub(" ", skeleton).split()
    return [word for word in words if len(word) > 1 and word.isalpha() and stem(word) not in _ordinary_stems()]


@cache
def ordinary_words() -> frozenset[str]:
    """Return the everyday words and the words of questions, which mean themselves and are never misspelt symptoms."""
    return frozenset((FOLDER / "words.txt").read_text("utf-8").split("# protected")[0].split())


@cache
def cue_words() -> frozenset[str]:
    """Return the words that the cues look for, which are right as they are."""
    return frozenset(re.findall(r"[a-z]{2,}", (FOLDER / "cues.toml").read_text("utf-8")))


@cache
def protected_words() -> frozenset[str]:
    """Return words that are correct but say nothing about records: left alone by the repair, explained by nobody."""
    return frozenset((FOLDER / "words.txt").read_text("utf-8").split("# protected")[1].split())


@cache
def _ordinary_stems() -> frozenset[str]:
    return frozenset(map(stem, ordinary_words()))
