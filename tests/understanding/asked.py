"""What is understood of a dialog that is asked on Wednesday 17 June 2026, for tests that say it in a line."""

from __future__ import annotations

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, predict


def asked(*turns: str) -> dict[str, object]:
    """Return the frame of the last turn, as ``gateway understand`` writes it."""
    dialog = Dialog.model_validate({"id": "A", "now": "2026-06-17T10:30", "turns": turns})
    return predict(dialog, base_lexicon())[0].as_json()


def intent_of(*turns: str) -> object:
    return asked(*turns)["intent"]


def period_of(*turns: str) -> tuple[object, object]:
    said = asked(*turns)
    return said["start"], said["end"]


def slots_of(*turns: str) -> tuple[object, ...]:
    """Return intent, symptoms and period."""
    said = asked(*turns)
    return said["intent"], said["symptom"], (said["start"], said["end"])
