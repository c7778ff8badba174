"""The store comes back, by one command, with everything that was archived."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.agent.backup.conftest import Past
from tests.integration.agent.backup.keep import Keep

pytestmark = pytest.mark.slow  # clusters are made, started and stopped

STOPPED = ["stop agent.service", "stop postgresql@15-drawbridge.service"]
STARTED = ["start postgresql@15-drawbridge.service", "start agent.service"]
STOPPED_AND_STARTED = [*STOPPED, *STARTED]


@pytest.mark.story("water/FR-073", "hub/IH-022.4")
async def test_restore_loses_nothing_archived_when_the_disk_is_wiped_and_again(keep: Keep) -> None:
    await keep.write("before the backup")
    keep.backup("now")
    await keep.write("after it", "and later")
    await keep.archived()
    keep.kill()
    shutil.rmtree(keep.data)
    shutil.rmtree(keep.work)

    told = keep.backup("restore", "--yes")

    assert "restored" in told
    # once more before the folders are exchanged: whoever started the store meanwhile would go on in the old one
    assert keep.calls.read_text().splitlines() == [*STOPPED, *STOPPED, *STARTED, "start --no-block backup.service"]
    keep.start()
    assert await keep.notes() == ["before the backup", "after it", "and later"]
    await keep.write("the new life")
    await keep.archived()
    keep.kill()
    keep.backup("restore", "--yes")  # of the same backup, and on over the new timeline
    keep.start()
    assert await keep.notes() == ["before the backup", "after it", "and later", "the new life"]


async def test_restore_has_what_was_written_when_nothing_but_time_ended_its_segment(keep: Keep) -> None:
    """The promise of what is lost at most: archive_timeout, here a second, and nobody who switches segments.

    The store's unit reloads it after each start; without that, its checkpointer sleeps for all of checkpoint_timeout.
    """
    keep.backup("now")
    keep.stop()
    keep.start(archive_timeout="1s", checkpoint_timeout="15min")
    keep.reload()
    await keep.write("acknowledged")
    await keep.archives()
    keep.kill()
    shutil.rmtree(keep.data)

    keep.backup("restore", "--yes")

    keep.start()
    assert await keep.notes() == ["acknowledged"]


async def test_restore_ends_at_a_time_when_it_is_given(saved: Keep, past: Past) -> None:
    saved.backup("restore", "--yes", "--at", past.middle.isoformat())

    saved.start()
    assert await saved.notes() == ["one", "two"]
    aside = [path for path in saved.home.iterdir() if path.name.startswith("data.before-")]
    assert len(aside) == 1


def test_restore_refuses_a_time_that_is_still_to_come(saved: Keep, past: Past) -> None:
    late = past.middle + timedelta(days=1)

    assert "is still to come" in saved.backup("restore", "--yes", "--at", late.isoformat(), ok=False)
    assert not saved.calls.exists()


async def test_restore_starts_the_old_store_when_the_time_is_after_all_wal(saved: Keep) -> None:
    now = datetime.now(UTC)

    assert "the backup ends before" in saved.backup("restore", "--yes", "--at", now.isoformat(), ok=False)
    assert saved.calls.read_text().splitlines() == STOPPED_AND_STARTED
    assert (saved.data / "PG_VERSION").read_text() == "damaged"


def test_restore_starts_everything_again_when_a_unit_does_not_stop(saved: Keep) -> None:
    script = Path(str(saved.settings["systemctl"]))
    script.write_text(script.read_text() + 'test "$*" != "stop postgresql@15-drawbridge.service"\n')

    assert "systemctl failed" in saved.backup("restore", "--yes", ok=False)
    assert saved.calls.read_text().splitlines() == STOPPED_AND_STARTED


def test_restore_says_so_when_the_time_is_before_the_backup(saved: Keep, past: Past) -> None:
    early = past.middle - timedelta(days=1)

    assert "has no backup of before" in saved.backup("restore", "--yes", "--at", early.isoformat(), ok=False)


def test_restore_changes_nothing_when_it_is_not_confirmed(saved: Keep) -> None:
    assert "--yes" in saved.backup("restore", ok=False)
    assert not saved.calls.exists()


async def test_restore_goes_up_to_a_gap_only_when_told_to(saved: Keep) -> None:
    last = max(saved.disk.glob("*/wal/0000000100*"))  # with "four"
    last.write_bytes(last.read_bytes()[:-1])

    told = saved.backup("restore", "--yes", ok=False)

    assert f"{last.name} is not what this keep sent" in told
    assert saved.calls.read_text().splitlines() == STOPPED_AND_STARTED
    assert (saved.data / "PG_VERSION").exists()
    told = saved.backup("restore", "--yes", "--despite-gap")
    assert "is lost" in told
    saved.start()
    assert await saved.notes() == ["one", "two", "three"]


async def test_restore_can_be_repeated_when_it_was_killed(saved: Keep) -> None:
    saved.killed_at("replaying WAL", "restore", "--yes")
    assert (saved.data / "PG_VERSION").exists()

    saved.backup("restore", "--yes")

    saved.start()
    assert await saved.notes() == ["one", "two", "three", "four"]


def test_restore_wants_the_cluster_named_when_there_are_backups_of_several(saved: Keep) -> None:
    (system,) = saved.disk.iterdir()
    shutil.copytree(system, system.with_name("1234567"))

    told = saved.backup("restore", "--yes", ok=False)

    assert "several clusters" in told
    assert system.name in told


def test_restore_refuses_a_backup_that_was_moved_to_another_cluster(saved: Keep) -> None:
    (system,) = saved.disk.iterdir()
    shutil.copytree(system, system.with_name("1234567"))

    told = saved.backup("restore", "--yes", "--system", "1234567", ok=False)

    assert "swapped or forged" in told


async def test_second_restore_touches_nothing_when_one_is_under_way(saved: Keep) -> None:
    with saved.halted_at("fetching backup", "restore", "--yes"):
        assert "another restore is under way" in saved.backup("restore", "--yes", ok=False)
        assert saved.calls.read_text().splitlines() == STOPPED

    saved.start()
    assert await saved.notes() == ["one", "two", "three", "four"]
