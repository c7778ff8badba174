"""The store comes back, by one command, with everything that was archived."""

from __future__ import annotations

import shutil

from tests.integration.agent.backup.keep import Door, Keep


async def test_restore_loses_nothing_archived_when_the_disk_is_wiped(keep: Keep, door: Door) -> None:
    await keep.write("before the backup")
    keep.backup("now")
    await keep.write("after it", "and later")
    await keep.archived()
    keep.kill()
    shutil.rmtree(keep.data)
    shutil.rmtree(keep.work)

    told = keep.backup("restore", "--yes")

    assert "restored" in told
    assert keep.calls.read_text().splitlines() == [
        "stop agent.service",
        "stop postgresql@15-drawbridge.service",
        "start postgresql@15-drawbridge.service",
        "start agent.service",
        "start --no-block backup.service",
    ]
    keep.start()
    assert await keep.notes() == ["before the backup", "after it", "and later"]
    await keep.write("the new life")
    await keep.archived()
    assert door.names("*/wal/00000002.history") != []
