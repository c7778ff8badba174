"""The keep's disk is lost, and one command brings back what was acknowledged."""

from __future__ import annotations

from tests.lab.backups import AS_POSTGRES, Written, agent, last_drill_went_well
from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.report import note
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor


def test_everything_archived_is_back_when_the_disk_was_wiped(
    keep: Host, outside: Visitor, account: str, written: Written
) -> None:
    note(f"a new account is in the backup {written.archived.result():.0f} s after it was written")
    folder = keep.sudo("ls -d /var/lib/postgresql/*/drawbridge").strip()
    keep.sudo(f"systemctl stop agent; systemctl kill -s KILL postgresql@*-drawbridge; rm -rf {folder}")
    agent(keep, "backup restore --yes")
    assert written.email in keep.sudo("drawbridge users list")
    keep.sudo("drawbridge audit verify")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the appliance")
    assert outside.sign_in(account, PASSWORD)


def test_drill_fails_when_the_backup_is_damaged(keep: Host, door: Host) -> None:
    keep.sudo("systemctl start backup", timeout_s=170)
    newest = door.sudo("ls -t /var/lib/drawbridge/backup/keep/*/*.tar 2>/dev/null | head -1").strip()
    newest = newest or door.sudo("find /var/lib/drawbridge/backup -name '*.tar*' | sort | tail -1").strip()
    door.sudo(f"cp -p {newest} /run/kept; printf X | dd of={newest} bs=1 seek=3000 conv=notrunc status=none")
    try:
        keep.sudo("systemctl start backup-drill", timeout_s=170, check=False)
        assert keep.sudo("systemctl is-failed backup-drill", check=False).strip() == "failed"
        assert last_drill_went_well(keep) is False
        assert "problem: the last drill failed" in agent(keep, "backup status", user=AS_POSTGRES, check=False)
    finally:
        door.sudo(f"cp -p /run/kept {newest}")
        keep.sudo("systemctl start backup-drill", timeout_s=170)
