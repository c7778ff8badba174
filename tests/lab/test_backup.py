"""The keep's disk is lost, and one command brings back what was acknowledged."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

AGENT = "cd /opt/drawbridge/current && {user} .venv/bin/python -m agent {command} --config /etc/drawbridge/agent.toml"
AS_POSTGRES = "runuser -u postgres --"


def agent(keep: Host, command: str, *, user: str = "", check: bool = True) -> str:
    return keep.sudo(AGENT.format(user=user, command=command), timeout_s=170, check=check)


def last_drill_went_well(keep: Host) -> object:
    return json.loads(keep.sudo("cat /var/lib/drawbridge/backup-state.json"))["drill"]["ok"]


def test_backup_is_at_the_door_and_unreadable_there_when_it_was_made(keep: Host, door: Host) -> None:
    keep.sudo("systemctl start backup", timeout_s=170)
    files = door.sudo("find /var/lib/drawbridge/backup -type f").splitlines()
    assert files
    for content in ("anna@example.org", "PGDMP", "symptom_log"):
        assert door.sudo(f"grep -rl {content} /var/lib/drawbridge/backup", check=False).strip() == ""


def test_drill_passes_when_the_backup_is_whole(keep: Host) -> None:
    keep.sudo("systemctl start backup-drill", timeout_s=170)
    assert last_drill_went_well(keep) is True


def test_everything_archived_is_back_when_the_disk_was_wiped(keep: Host, outside: Visitor, account: str) -> None:
    email = f"written-after-the-backup-{uuid4().hex[:8]}@example.org"
    keep.sudo(f"drawbridge users add {email}", text=f"{PASSWORD}\n")
    keep.sudo("runuser -u postgres -- psql -p 5433 -c 'SELECT pg_switch_wal()'")
    lsn = "runuser -u postgres -- psql -p 5433 -tAc "
    wait_until(
        lambda: (
            keep.sudo(f"{lsn}\"SELECT last_archived_time > now() - interval '40 s' FROM pg_stat_archiver\"").strip()
            == "t"
        ),
        timeout_s=60,
        what="the archived WAL",
    )
    folder = keep.sudo("ls -d /var/lib/postgresql/*/drawbridge").strip()
    keep.sudo(f"systemctl stop agent; systemctl kill -s KILL postgresql@*-drawbridge; rm -rf {folder}")
    agent(keep, "backup restore --yes")
    assert email in keep.sudo("drawbridge users list")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the appliance")
    assert outside.sign_in(account, PASSWORD)


def test_drill_fails_when_the_backup_is_damaged(keep: Host, door: Host) -> None:
    keep.sudo("systemctl start backup", timeout_s=170)
    newest = door.sudo("ls -t /var/lib/drawbridge/backup/keep/*/*.tar 2>/dev/null | head -1").strip()
    newest = newest or door.sudo("find /var/lib/drawbridge/backup -name '*.tar*' | sort | tail -1").strip()
    door.sudo(f"cp -p {newest} /run/kept; printf X | dd of={newest} bs=1 seek=3000 conv=notrunc status=none")
    try:
        keep.sudo("systemctl start backup-drill", timeout_s=170, check=False)
        assert keep.ssh("systemctl is-failed backup-drill", check=False).strip() == "failed"
        assert last_drill_went_well(keep) is False
        assert "problem: the last drill failed" in agent(keep, "backup status", user=AS_POSTGRES, check=False)
    finally:
        door.sudo(f"cp -p /run/kept {newest}")
        keep.sudo("systemctl start backup-drill", timeout_s=170)
