"""What people said to the chat and what they meant: what the weights of its words are made of.

``said/*.tsv`` has a message a line, behind what it wants (``said/next`` waits, see docs/chat.md); the questions
``*-tuned.jsonl`` give their last messages. Each is learnt twice more with one of ``frames/`` before or behind it, which
changes nothing of what is wanted.
The rules of intents and of danger were made to fit the older questions (``_FITTED``): there their voice is left out,
for it would be trusted too much. Fit no such rule to the others: let the words weigh.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.symptoms import Lexicon, base_lexicon
from gateway.apps.health.chat.turn import hear, voices
from gateway.apps.health.chat.weighing import features

SAID: Final = Path(__file__).with_name("said")
FRAMES: Final = Path(__file__).with_name("frames")
QUESTIONS: Final = Path(__file__).parents[1] / "unit/gateway/apps/health/chat/questions"
_FITTED: Final = frozenset(
    {
        "dialogs", "emergencies", "emergencies2", "everyday", "everyday2", "lookalikes", "lookalikes2", "people",
        "strangers", "symptoms", "time",
    }
)  # fmt: skip
_OF_SLOTS: Final = frozenset({"comparisons", "dialogs2", "several_symptoms", "time2", "time3"})
"""Questions whose point is a period or what is carried on: not learnt from."""
_WAIT: Final = frozenset(
    {"emergencies3", "everyday5", "everyday6", "everyday7", "everyday8", "everyday10", "lookalikes3"}
)
"""Questions that wait, as ``said/next`` does."""
_OURS_COUNT: Final = 4
"""How many messages one of ours counts for, whose meaning other tests hold."""
_SEED: Final = 2026
_UNFRAMED: Final = frozenset({Intent.EMERGENCY, Intent.GREETING})
_NOW: Final = datetime(2026, 6, 17, 10, 30)  # noqa: DTZ001 - a person's local time


@dataclass(frozen=True, slots=True)
class Example:
    message: str
    now: datetime
    wants: Intent
    is_fitted: bool = False
    counts: int = 1


def examples() -> Iterator[Example]:
    """Yield what there is to learn from."""
    for path in sorted(SAID.glob("*.tsv")):
        for line in path.read_text("utf-8").splitlines():
            wants, message = line.split("\t")
            yield Example(message, _NOW, Intent(wants), counts=_OURS_COUNT if path.stem == "ours" else 1)
    for path in _learnt_questions():
        for line in path.read_text("utf-8").splitlines():
            dialog = json.loads(line)
            now = datetime.fromisoformat(dialog["now"])
            wants = Intent(dialog["expected"]["intent"])
            if len(dialog["turns"]) > 1 and wants.asks_for_data and says_no_intent(dialog["turns"][-1], now):
                wants = Intent.LIST  # which the question before it has
            yield Example(dialog["turns"][-1], now, wants, path.stem.removesuffix("-tuned") in _FITTED)


def framed(told: Sequence[Example]) -> Iterator[Example]:
    """Yield what was told again, with something before it and with something behind it."""
    drawn = random.Random(_SEED)
    before, behind = ((FRAMES / name).read_text("utf-8").splitlines() for name in ("before.txt", "behind.txt"))
    for example in told:
        if example.wants not in _UNFRAMED:
            yield replace(example, message=f"{drawn.choice(before)} {example.message}")
            end = drawn.choice(behind)
            yield replace(example, message=example.message.rstrip(".") + (end if end[0] in ",.?!;:" else f" {end}"))


def says_no_intent(message: str, now: datetime) -> bool:
    return hear(message, now, base_lexicon()).by_rules.intent is None


def featured(example: Example, lexicon: Lexicon) -> dict[str, int]:
    """Return the features of an example, each once."""
    heard = hear(example.message, example.now, lexicon)
    clause = heard.whole if example.wants is Intent.EMERGENCY else heard.asking
    found = features(clause.read.skeleton, clause.read.spoken)
    return dict.fromkeys(found if example.is_fitted else (*found, *voices(heard.by_rules, clause)), 1)


def digest() -> str:
    """Return the SHA-256 of all that is learnt from, in hexadecimal."""
    whole = hashlib.sha256()
    for path in (*sorted(SAID.glob("*.tsv")), *sorted(FRAMES.glob("*.txt")), *_learnt_questions()):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def digest_of(weights: Iterable[str]) -> str:
    """Return the SHA-256 of the lines of weights, that no hand changes one."""
    whole = hashlib.sha256()
    for line in weights:
        whole.update(f"{line}\n".encode())
    return whole.hexdigest()


def _learnt_questions() -> list[Path]:
    paths = sorted(QUESTIONS.glob("*-tuned.jsonl"))
    return [path for path in paths if path.stem.removesuffix("-tuned") not in _OF_SLOTS | _WAIT]
