"""The keep's backup is at the door, where nobody can read it, and the drill plays it."""

from __future__ import annotations

from tests.lab.backups import last_drill_went_well
from tests.lab.host import Host


def test_backup_is_at_the_door_and_unreadable_there_when_it_was_made(keep: Host, door: Host) -> None:
    keep.sudo("systemctl start backup", timeout_s=170)
    files = door.sudo("find /var/lib/drawbridge/backup -type f").splitlines()
    assert files
    for content in ("anna@example.org", "PGDMP", "symptom_log"):
        assert door.sudo(f"grep -rl {content} /var/lib/drawbridge/backup", check=False).strip() == ""


def test_drill_passes_when_the_backup_is_whole(keep: Host) -> None:
    keep.sudo("systemctl start backup-drill", timeout_s=170)
    assert last_drill_went_well(keep) is True
