"""Which tests two workers must not run at the same time: ``make test`` gives each group to one worker, in turn.

By their place, because the marker ``xdist_group`` has no effect: pytest 9.2 keeps a test's id elsewhere than xdist 3.8
writes the group to. https://pytest-xdist.readthedocs.io/en/stable/distribution.html
"""

from __future__ import annotations

from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

GROUPS: Final = {
    "tests/adversity/": "one at a time",  # they measure times
    "tests/browser/": "one at a time",  # they share an appliance and a browser
    "tests/integration/test_demo_run.py": "the demo",  # it is installed once
    "tests/integration/test_no_secret_is_logged.py": "the demo",
    "tests/unit/gateway/apps/health/chat/test_questions.py": "the questions",  # each set is read once
}


def group_of(node_id: str) -> str:
    """Return the group of a test; one that stands for itself is its own."""
    return next((group for place, group in GROUPS.items() if node_id.startswith(place)), node_id)


class Grouped(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Grouped:
    return Grouped(config, log)
