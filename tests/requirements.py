"""The requirements: the rows of docs/requirements/, and which tests carry their ids."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).parents[1] / "docs" / "requirements"
TESTS: Final = Path(__file__).parent

_SUITES: Final = {"lab": "make lab", "compose": "make compose-test"}
"""The command that runs the tests of a folder, where ``make test`` leaves them out."""

_ROW: Final = re.compile(
    r"^\| `(?P<id>[^`]+)` \| (?P<title>.+?) \| (?P<state>[^|:]+?)(?:: (?P<missing>[^|]+?))? \|$", re.MULTILINE
)


class State(StrEnum):
    NOT_YET = "not yet"
    PARTLY = "partly"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One row of docs/requirements/. ``missing`` says what a criterion that is partly done lacks."""

    id: str
    title: str
    state: State
    missing: str | None = None

    @property
    def document(self) -> str:
        return self.id.partition("/")[0]

    @property
    def story(self) -> str:
        """Return what the criterion is a part of: itself, where the document numbers no parts."""
        return self.id.rpartition(".")[0] or self.id


def read_criteria(folder: Path) -> dict[str, Criterion]:
    """Return criterion by id, in the documents' order.

    Raises ValueError for an unknown state, an id that comes twice, a row that is partly done and does not say what is
    missing, and one that is done and says so.
    """
    criteria: dict[str, Criterion] = {}
    for file in sorted(folder.glob("*.md")):
        for match in _ROW.finditer(file.read_text("utf-8")):
            criterion = Criterion(match["id"], match["title"], State(match["state"]), match["missing"])
            if criterion.id in criteria:
                msg = f"{criterion.id} is listed twice"
                raise ValueError(msg)
            if (criterion.missing is None) is (criterion.state is State.PARTLY):
                msg = f"{criterion.id} is {criterion.state}: what is missing belongs to partly"
                raise ValueError(msg)
            criteria[criterion.id] = criterion
    return criteria


def state_of(criteria: Iterable[Criterion]) -> State:
    """Return a story's state: done or not yet when all its criteria are."""
    states = {criterion.state for criterion in criteria}
    return states.pop() if len(states) == 1 else State.PARTLY


def marked(tests: Path) -> Mapping[str, frozenset[str]]:
    """Return for each id the commands that run a test with its marker, of every file below ``tests``.

    Ids that are computed are not seen: their tests have to be collected.
    """
    commands: defaultdict[str, set[str]] = defaultdict(set)
    for file in tests.rglob("test_*.py"):
        for story in _markers(ast.parse(file.read_text("utf-8"))):
            commands[story].add(command_of(file.relative_to(tests).as_posix()))
    return {story: frozenset(names) for story, names in commands.items()}


def _markers(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.story":
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def command_of(path: str) -> str:
    """Return the command that runs the tests of a file, named from ``tests/`` or from above it."""
    return _SUITES.get(path.removeprefix("tests/").partition("/")[0], "make test")


def unknown(stories: Iterable[str], criteria: Mapping[str, Criterion]) -> list[str]:
    """Return those that are neither a criterion nor a story."""
    known = {*criteria, *(criterion.story for criterion in criteria.values())}
    return sorted(set(stories) - known)
