"""The audit trail's head is kept with the backups, and a trail that lost what was kept is told of."""

from __future__ import annotations

import pytest

from agent.backup.create import back_up
from agent.backup.errors import BackupError
from agent.backup.witness import witness
from agent.db.migrate import migrate
from bridge.process.clock import SystemClock
from tests.integration.agent.backup.keep import Door, Keep

pytestmark = pytest.mark.slow  # clusters are made, started and stopped

WRITE = (
    "INSERT INTO audit (at, actor, operation, outcome, entity, entity_id, request_id)"
    " VALUES (now(), 'owner', 'x', 'done', '', '', '') RETURNING number"
)
CUT = "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit) RETURNING number"
UNGUARDED = "SET session_replication_role = replica"


class Later:
    """A clock that is put forward at will."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    monotonic = staticmethod(SystemClock.monotonic)

    def time(self) -> float:
        return SystemClock.time() + self.ahead_s


async def kept(keep: Keep, clock: Later, *, anew: bool = False) -> str:
    said: list[str] = []
    clock.ahead_s += 3600
    await witness(keep.parsed, clock, said.append, anew=anew)
    return said[-1]


async def test_trail_is_called_broken_when_it_lost_what_was_kept(keep: Keep, door: Door) -> None:
    clock = Later()
    assert await kept(keep, clock) == "this store is older than the audit trail"
    await migrate(keep.dsn(), agent_role="postgres")
    assert await kept(keep, clock) == "the trail is empty"
    await keep.sql(WRITE)
    await keep.sql(WRITE)
    assert (await kept(keep, clock)).startswith("kept entry 2 in ")
    await keep.sql(WRITE)
    assert (await kept(keep, clock)).startswith("kept entry 3 in ")
    assert len(door.names("*/heads/*.head")) == 2
    await keep.sql(UNGUARDED, CUT)
    with pytest.raises(BackupError, match=r"the audit trail is BROKEN: entry 3, which was kept in .*head, is missing"):
        await kept(keep, clock)
    await keep.sql(WRITE)
    with pytest.raises(BackupError, match=r"entry 3, which was kept in .*head, is another one now"):
        await kept(keep, clock)
    assert "is another one now" in keep.backup("witness", ok=False)
    assert "kept entry 3 in" in keep.backup("witness", "--anew")
    last = door.files / str(keep.state()["witness"]["name"])
    last.write_bytes(next(path for path in door.names("*/heads/*.head") if path != last).read_bytes())
    with pytest.raises(BackupError, match="is not what this keep sent"):
        await kept(keep, clock)
    last.unlink()
    with pytest.raises(BackupError, match=r"the last head, .*head, is not at sftp:"):
        await kept(keep, clock)


async def test_drill_fails_when_the_restored_trail_lacks_what_was_kept(keep: Keep, door: Door) -> None:
    clock = Later(-2 * 3600.0)
    await migrate(keep.dsn(), agent_role="postgres")
    await keep.sql(WRITE)
    await kept(keep, clock)
    await back_up(keep.parsed, SystemClock(), print)
    assert "audit: 1 entries hold" in keep.backup("drill")
    assert "entry 1 is there" in str(keep.state()["drill"]["checks"])
    await keep.sql(UNGUARDED, CUT)
    await keep.archived()
    assert "the audit trail is BROKEN: entry 1" in keep.backup("drill", ok=False)
