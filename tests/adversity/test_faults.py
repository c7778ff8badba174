"""Every fault: it ends well, and without its mitigation it does not."""

from __future__ import annotations

from typing import Final

import pytest

from tests.adversity.appliance import Stage
from tests.adversity.fault import Fault
from tests.adversity.faults import FAULTS
from tests.adversity.scene import Unmet, scene

pytestmark = pytest.mark.slow  # each starts an agent and waits for deadlines to pass


def skip_without_disk(stage: Stage, fault: Fault) -> None:
    if fault.needs_disk and not stage.disk.is_there:
        pytest.skip("only root can give the databases a disk of their own to fill: run the tests as root")


STORIES: Final = {
    "agent-killed": pytest.mark.story("health/US-BE-46.5", "todo/SC-001"),
    "bridge-stall": pytest.mark.story("health/US-BE-39.2"),
    "database-cut": pytest.mark.story("health/US-BE-07.4", "health/US-BE-10.1", "health/US-BE-39.1", "todo/EC.1"),
    "database-reset": pytest.mark.story("todo/FR-018"),
    "disk-full": pytest.mark.story("todo/EC.5"),
    "forged-message": pytest.mark.story("health/US-BE-50.3"),
    "postgres-restarted": pytest.mark.story("health/US-BE-10.5", "health/US-BE-39.4"),
}
LONGER: Final = {"outbox-full-of-mails": pytest.mark.timeout(300), "relay-killed": pytest.mark.timeout(240)}
"""Ten thousand mails come, and a relay dies seventy times, on a machine that does other things meanwhile."""
every_fault = pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=each.id, marks=[m[each.id] for m in (STORIES, LONGER) if each.id in m]) for each in FAULTS],
)


def test_fault_is_played_when_a_requirement_wants_it() -> None:
    assert STORIES.keys() <= {fault.id for fault in FAULTS}


@every_fault
async def test_fault_ends_well_when_every_mitigation_is_on(stage: Stage, fault: Fault) -> None:
    skip_without_disk(stage, fault)
    async with scene(stage, fault.setup) as played:
        await fault.play(played)
        assert played.observed


@every_fault
async def test_fault_ends_badly_when_its_mitigation_is_off(stage: Stage, fault: Fault) -> None:
    skip_without_disk(stage, fault)
    with pytest.raises(Unmet):
        async with scene(stage, fault.without) as played:
            await fault.play(played)
