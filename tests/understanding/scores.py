"""``python -m tests.understanding.scores``: what share of the questions is understood, and which goals are met.

The second share of a set leaves out the messages of one turn that stand word for word among those learnt from. Nothing
is printed of a question itself, so that no unseen one is read.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tests.understanding.corpus import examples
from tests.understanding.dialogs import FOLDER, WITHOUT_SLOTS, dialogs_of, is_right, ranges, said_of

EVERYDAY: Final = ("everyday", "everyday2", "everyday3", "everyday4")
STRANGERS: Final = ("everyday6", "everyday7", "everyday8", "everyday9", "everyday10")
"""Everyday questions by people who write no rules, and had no sight of them."""


def plain(message: str) -> str:
    """Return ``message`` as it is compared: its words, whatever their case and the marks between them."""
    return " ".join(re.findall(r"[\w']+", message.casefold()))


def learnt() -> frozenset[str]:
    return frozenset(plain(each.message) for each in examples())


def is_learnt(dialog: dict[str, Any], among: frozenset[str]) -> bool:
    return len(dialog["turns"]) == 1 and plain(dialog["turns"][0]) in among


def tally(dialogs: Iterable[dict[str, Any]], among: frozenset[str]) -> Counter[str]:
    """Return how many dialogs there are of each kind, and how many of them are right."""
    counts: Counter[str] = Counter()
    for dialog in dialogs:
        expected, said = dialog["expected"], said_of(dialog)
        right = is_right(dialog, said)
        wants, names = expected["intent"], (set(expected["symptom"] or ()), set(said["symptom"] or ()))
        kinds = ["all"]
        kinds += [] if is_learnt(dialog, among) else ["not learnt"]
        kinds += ["of several turns"] if len(dialog["turns"]) > 1 else []
        kinds += [wants] if wants in {"emergency", "out_of_scope"} else []
        for kind in kinds:
            counts[kind] += 1
            counts[f"{kind}, right"] += right
        if wants not in WITHOUT_SLOTS:
            meant = [expected, *expected.get("alt", ())]
            periods = [set(ranges(each, dialog["now"])) for each in meant]
            counts["about records"] += 1
            counts["period, right"] += set(ranges(said, dialog["now"])) in periods
            counts["turned away"] += said["intent"] == "out_of_scope"
            counts["symptoms in both"] += len(names[0] & names[1])
            counts["symptoms in one"] += len(names[0] ^ names[1])
        counts["false alarms"] += said["intent"] == "emergency" != wants
    return counts


def lines() -> Iterator[str]:
    """Yield the table of the sets, and the goals of the everyday ones."""
    among = learnt()
    of_all = {path.stem: tally(dialogs_of(path.stem), among) for path in sorted(FOLDER.glob("*.jsonl"))}
    yield "| set | dialogs | right | of those not learnt word for word | false alarms |"
    yield "|---|---|---|---|---|"
    for name, counts in of_all.items():
        rest = _share(counts, "not learnt")
        yield f"| {name} | {counts['all']} | {_share(counts, 'all')} | {rest} | {counts['false alarms']} |"
    for half in ("unseen", "tuned"):
        everyday = sum((of_all[f"{name}-{half}"] for name in EVERYDAY), Counter[str]())
        yield from _goals(f"everyday, {half}", everyday)
        for name in STRANGERS:
            if f"{name}-{half}" in of_all:
                yield from _goals(f"{name}, {half}", of_all[f"{name}-{half}"])


def _goals(name: str, counts: Counter[str]) -> Iterator[str]:
    both, one = counts["symptoms in both"], counts["symptoms in one"]
    asked = counts["about records"]
    yield ""
    yield f"{name}: {_share(counts, 'all')}, of those not learnt {_share(counts, 'not learnt')}"
    yield f"periods {counts['period, right']} of {asked}, symptoms F1 {2 * both / (2 * both + one):.3f}"
    yield f"of several turns {_share(counts, 'of several turns')}"
    yield f"out of scope {_share(counts, 'out_of_scope')}, turned away {counts['turned away']} of {asked}"
    yield f"emergencies {_share(counts, 'emergency')}, false alarms {counts['false alarms']}"


def _share(counts: Counter[str], kind: str) -> str:
    right, whole = counts[f"{kind}, right"], counts[kind]
    return f"{right} of {whole} ({100 * right / whole:.1f} %)" if whole else "-"


def main() -> None:
    argparse.ArgumentParser(prog="python -m tests.understanding.scores", description=__doc__).parse_args()
    for line in lines():
        print(line)  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
