"""The drill passes for a backup that can be restored, and for nothing else."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import pytest

from agent.backup.checks import CHECKS
from agent.backup.drill import drill
from agent.backup.errors import BackupError
from agent.backup.manifest import Manifest
from agent.backup.programs import alone
from agent.backup.seal import HEADER_BYTES, SealKey
from bridge.process.clock import SystemClock
from tests.integration.agent.backup.keep import Keep, run

pytestmark = pytest.mark.slow  # clusters are made, started and stopped


async def drilled(keep: Keep) -> str:
    """Return why the drill fails, which must be on record too."""
    with pytest.raises(BackupError) as failure:
        await drill(keep.parsed, CHECKS, SystemClock(), print)
    facts = keep.state()["drill"]
    assert (facts["ok"], facts["why"]) == (False, str(failure.value))
    return str(failure.value)


def one(keep: Keep, pattern: str) -> Path:
    (path,) = keep.disk.glob(f"*/{pattern}")
    return path


def wal(keep: Keep, number: int) -> Path:
    return sorted(keep.disk.glob("*/wal/0000000100*"))[number]


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def forge(keep: Keep) -> None:
    """Do what a door could that has learned whom the keep encrypts to."""
    path = one(keep, "base/*.manifest")
    recipient = run("age-keygen", "-y", keep.identity).strip()
    made_up = subprocess.run(["age", "-r", recipient], input=b"{}", capture_output=True, check=True).stdout
    path.write_bytes(path.read_bytes()[:HEADER_BYTES] + made_up)


def swap(keep: Keep) -> None:
    first, second = wal(keep, 1), wal(keep, 2)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def replace_key(keep: Keep) -> None:
    keep.identity.unlink()
    run("age-keygen", "-o", keep.identity)


@pytest.mark.story("hub/IH-022.4")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(
            lambda keep: flip(one(keep, "base/*.store.tar"), 100_000), "not what this keep sent", id="flipped"
        ),
        pytest.param(lambda keep: flip(one(keep, "base/*.manifest"), 0), "does not begin", id="no sealed file"),
        pytest.param(
            lambda keep: one(keep, "base/*.store.tar").write_bytes(one(keep, "base/*.store.tar").read_bytes()[:-9]),
            "not what this keep sent",
            id="truncated",
        ),
        pytest.param(lambda keep: one(keep, "base/*.store.tar").unlink(), "has no", id="gone"),
        pytest.param(lambda keep: wal(keep, 2).unlink(), "is not at", id="WAL gone"),
        pytest.param(lambda keep: wal(keep, -1).unlink(), "is not at", id="last WAL gone"),
        pytest.param(lambda keep: flip(wal(keep, 2), -1), "not what this keep sent", id="WAL flipped"),
        pytest.param(swap, "swapped or forged", id="WAL swapped"),
        pytest.param(forge, "swapped or forged", id="manifest forged"),
        pytest.param(lambda keep: one(keep, "base/*.manifest").unlink(), "there is no backup", id="backup hidden"),
        pytest.param(lambda keep: keep.configure(backup_age_max_s=0.001), "hours old", id="too old"),
        pytest.param(lambda keep: keep.configure(target="file:///nowhere"), "is the disk mounted?", id="no target"),
        pytest.param(replace_key, "was sealed with key", id="another key"),
        pytest.param(lambda keep: keep.identity.unlink(), "cannot be read", id="no key"),
        pytest.param(lambda keep: keep.identity.write_text("nothing"), "does not hold one", id="no identity"),
    ],
)
async def test_drill_fails_when_the_backup_is_not_what_it_should_be(
    saved: Keep, damage: Callable[[Keep], None], reason: str
) -> None:
    damage(saved)

    assert reason in await drilled(saved)


async def test_drill_fails_when_the_last_backup_is_hidden_behind_an_older_one(saved: Keep) -> None:
    state = saved.work / "state.json"
    state.write_text(state.read_text().replace('"base": "2', '"base": "3'))

    assert "the last backup, 3" in await drilled(saved)


async def test_drill_fails_when_a_drill_or_backup_is_under_way(saved: Keep) -> None:
    with alone(saved.work):
        assert "wait for its end" in await drilled(saved)


def resealed(keep: Keep, change: Callable[[Manifest], Manifest]) -> None:
    path = one(keep, "base/*.manifest")
    name = path.relative_to(keep.disk).as_posix()
    key = SealKey.read(keep.identity)
    manifest = Manifest.decode(key.open(name, path.read_bytes()))
    path.write_bytes(key.seal(name, change(manifest).encode()))


def with_a_row_more(manifest: Manifest) -> Manifest:
    rows = manifest.store.rows | {"public.notes": manifest.store.rows["public.notes"] + 1}
    return manifest.model_copy(update={"store": manifest.store.model_copy(update={"rows": rows})})


def test_drill_fails_when_a_row_lacks(saved: Keep) -> None:
    resealed(saved, with_a_row_more)

    assert "public.notes has 1 rows instead of 2" in saved.backup("drill", ok=False)


def test_drill_fails_when_the_wal_ends_before_the_restore_point(saved: Keep) -> None:
    resealed(saved, lambda manifest: manifest.model_copy(update={"restore_point": "never"}))

    assert "the backup's WAL ends before its restore point" in saved.backup("drill", ok=False)


def test_drill_leaves_nothing_behind_when_it_passes(saved: Keep) -> None:
    told = saved.backup("drill")

    assert "1 tables, 1 rows are as they were" in told
    assert "the dumps have every row" in told
    assert saved.state()["drill"]["ok"] is True
    assert not (saved.work / "drill").exists()


def test_wal_opens_with_age_alone_when_our_programs_are_gone(saved: Keep) -> None:
    pipe = f"tail -n +2 {quote(str(wal(saved, 1)))} | age -d -i {quote(str(saved.identity))}"
    opened = subprocess.run(["sh", "-c", pipe], capture_output=True, check=True)
    assert len(gzip.decompress(opened.stdout)) == 1 << 20
