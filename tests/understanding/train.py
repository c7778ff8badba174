"""``make weights``: the weights of words, made of what people said and what they meant."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.weighing import INTENTS, SCALE, STEPS_MAX, WEIGHTS
from tests.understanding.corpus import digest, digest_of, examples, featured, framed

_C: Final = 2.0
"""Inverse of the regularization's strength; cross-validation sees no difference between 0.5 and 3."""
_ROUNDS_MAX: Final = 300
_LEAST: Final = 3
"""Steps below which a weight is left out."""


def trained() -> Iterator[str]:
    """Yield the lines of the weights' file."""
    said = list(examples())
    learnt = [*said, *framed(said)]
    lexicon = base_lexicon()
    table = DictVectorizer()
    model = LogisticRegression(C=_C, max_iter=_ROUNDS_MAX, fit_intercept=False)
    model.fit(
        table.fit_transform(featured(each, lexicon) for each in learnt),
        [each.wants.value for each in learnt],
        sample_weight=[each.counts for each in learnt],
    )
    weights = list(_lines(table, model))
    yield f"# By `make weights`, of {len(said)} messages ({digest()}): a feature; an intent's number, its weight; …"
    yield f"# SHA-256 of what follows the next line: {digest_of(weights)}"
    yield f"# {' '.join(INTENTS)}"
    yield from weights


def _lines(table: DictVectorizer, model: LogisticRegression) -> Iterator[str]:
    place = [INTENTS.index(Intent(each)) for each in model.classes_]
    for name, column in sorted(table.vocabulary_.items()):
        steps = [(place[row], round(float(weights[column]) * SCALE)) for row, weights in enumerate(model.coef_)]
        kept = [f"{at} {min(STEPS_MAX, max(-STEPS_MAX, step))}" for at, step in sorted(steps) if abs(step) >= _LEAST]
        if kept:
            yield f"{name}\t{' '.join(kept)}"


def main() -> None:
    argparse.ArgumentParser(prog="make weights", description=__doc__).parse_args()
    WEIGHTS.write_text("\n".join(trained()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
