"""A backup is made whole or not at all, and the ones before stay what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.backup.create import back_up
from agent.backup.errors import BackupError
from agent.backup.retention import Retention, kept
from bridge.process.clock import SystemClock
from tests.integration.agent.backup.keep import Door, Keep

pytestmark = pytest.mark.slow  # clusters are made, started and stopped

# Without coverage, whose own file would not fit either.
FULL_DISK = ("env", "-u", "COVERAGE_PROCESS_START", "-u", "COVERAGE_PROCESS_CONFIG", "prlimit", "--fsize=200000")


def bases(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.glob("*/base/*")}


async def backed_up(keep: Keep) -> str:
    return (await back_up(keep.parsed, SystemClock(), print)).base


async def test_backup_leaves_the_one_before_as_it_was_when_it_is_killed(keep: Keep, door: Door) -> None:
    first = await backed_up(keep)
    before = {path: path.read_bytes() for path in door.names("*/base/*")}

    keep.killed_at("store.tar:", "now")

    assert bases(door.files) > {first}
    assert {path: path.read_bytes() for path in before} == before
    second = await backed_up(keep)
    assert bases(door.files) == kept({first, second}, Retention())  # and nothing that is half done
    assert list((keep.work / "staging").iterdir()) == []


class Yesterday(SystemClock):
    @staticmethod
    def time() -> float:
        return SystemClock.time() - 86_400


async def test_backup_goes_to_the_remote_too_which_no_damage_at_the_door_reaches(
    keep: Keep, door: Door, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    keep.configure(remote=remote.as_uri(), source_dsn=keep.dsn())
    await keep.write("one")
    await back_up(keep.parsed, Yesterday(), print)
    copied = {path.relative_to(remote): path.read_bytes() for path in remote.rglob("*") if path.is_file()}
    assert {name.suffix for name in copied} >= {".tar", ".dump", ".manifest"}
    assert {door.files / name for name in copied} == {path for path in door.files.rglob("*") if path.is_file()}
    for path in door.names("*/base/*"):
        path.write_bytes(b"damaged by whoever holds the door")
    door.names("*/wal/*")[0].unlink()

    await backed_up(keep)

    assert {name: (remote / name).read_bytes() for name in copied} == copied
    assert len(bases(remote)) == 2
    assert keep.state()["backup"]["remote"] == "ok"


async def test_backup_tells_when_the_remote_is_away(keep: Keep, door: Door) -> None:
    keep.configure(remote="file:///nowhere")

    with pytest.raises(BackupError, match="the remote did not get all of this backup: /nowhere is no folder"):
        await backed_up(keep)
    assert len(door.names("*/base/*.manifest")) == 1
    assert "the remote did not get all" in keep.backup("status", ok=False)


async def test_backup_fails_when_the_door_is_away(keep: Keep, door: Door) -> None:
    door.stop()

    with pytest.raises(BackupError, match=r"cannot be reached: .*refused"):
        await backed_up(keep)
    assert "refused" in str(keep.state()["backup_failure"]["why"])


async def test_backup_fails_when_the_door_has_another_host_key(keep: Keep, door: Door) -> None:
    door.known_hosts.write_text(f"[127.0.0.1]:{door.port} {door.key.with_suffix('.pub').read_text()}")

    with pytest.raises(BackupError, match="Host key verification failed"):
        await backed_up(keep)


async def test_backup_fails_when_the_door_does_not_know_the_key(keep: Keep, door: Door) -> None:
    (door.home / "authorized_keys").write_text("")

    with pytest.raises(BackupError, match="Permission denied"):
        await backed_up(keep)


def test_backup_names_the_folder_when_the_disk_is_full(keep: Keep) -> None:
    told = keep.backup("now", ok=False, prefix=FULL_DISK)

    assert f"no space left in {keep.work}" in told


async def test_backup_fails_when_wal_is_not_archived(keep: Keep) -> None:
    keep.configure(archived_within_s=0.001)

    with pytest.raises(BackupError, match="was not archived within"):
        await backed_up(keep)


async def test_archiving_goes_on_where_it_stopped_when_the_door_comes_back(keep: Keep, door: Door) -> None:
    await backed_up(keep)
    door.stop()
    await keep.write("while the door was away")
    (switched,) = await keep.sql("SELECT pg_walfile_name(pg_switch_wal() - 1) AS wal")
    while "cannot be reached" not in (keep.home / "postgres.log").read_text():
        await keep.sql("SELECT 1")
    assert await keep.sql(f"SELECT FROM pg_ls_waldir() WHERE name = '{switched['wal']}'")
    door.start()

    await keep.write("when it was back")
    await keep.archived()

    assert door.names(f"*/wal/{switched['wal']}") != []
    assert keep.state()["wal"]["name"] >= switched["wal"]


async def test_status_is_a_problem_until_there_was_a_drill(keep: Keep) -> None:
    await backed_up(keep)
    told = keep.backup("status", ok=False)
    assert "there was no drill yet" in told
    assert "there was no backup yet" not in told


async def test_list_shows_each_backup_with_its_size(saved: Keep) -> None:
    (manifest,) = saved.disk.glob("*/base/*.manifest")
    assert manifest.stem in saved.backup("list")
    assert '"size_bytes": ' in saved.backup("list", "--json")
