"""What somebody has who took one part over: the gateway at the door, the door's key to the console, a target."""

from __future__ import annotations

import json

import pytest

from tests.lab import network
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import LabError

AS_GATEWAY = "runuser -u drawbridge-gateway --"
SELFTEST = (
    "ssh -q -F none -i {key} -p 2222 -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no"
    " -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 rescue@{address} {words}"
)
KEY = "/etc/drawbridge/credentials/rescue-selftest-key"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/drawbridge/credentials/chat.seal-key", KEY, "/etc/drawbridge/lan/identity.pem",
        "/etc/drawbridge/web/privkey.pem", "/var/log/drawbridge/rescue.jsonl",
        "/var/log/nginx/access.log",
    ],
)  # fmt: skip
def test_gateway_reads_nothing_of_others_when_it_was_taken_over(door: Host, path: str) -> None:
    assert door.sudo(f"test -s {path} && echo there").strip() == "there"
    assert "Permission denied" in door.sudo(f"{AS_GATEWAY} cat {path}", check=False)


def test_gateway_writes_where_it_keeps_its_own_alone_when_it_was_taken_over(door: Host) -> None:
    places = "/etc /opt/drawbridge /usr/local /var/lib/drawbridge /var/www /run/drawbridge /var/spool/cron"
    found = door.sudo(f"{AS_GATEWAY} find {places} -writable ! -type l 2>/dev/null", check=False).split()
    assert [path for path in found if not path.startswith("/var/lib/drawbridge/gateway")] == [
        "/run/drawbridge/bans.sock"
    ]


def test_gateway_bans_neither_owner_nor_keep_and_lifts_no_other_ban_when_it_was_taken_over(
    door: Host, keep: Host
) -> None:
    def ask(**request: object) -> str:
        line = json.dumps(request)
        return door.sudo(f"{AS_GATEWAY} nc -UN -w 3 /run/drawbridge/bans.sock", text=f"{line}\n")

    for address in (network.CONTROL, network.ROUTER, keep.address, door.address):
        assert "protected" in ask(request="ban", address=address, duration_s=600, reason="probing")
    door.sudo("/usr/local/sbin/drawbridge-rescue bans add 11.22.33.99 10 --yes")
    assert '"by":"root"' in ask(request="ban", address="11.22.33.99", duration_s=6000, reason="probing")
    assert "denied" in ask(request="unban", address="11.22.33.99")
    door.sudo("/usr/local/sbin/drawbridge-rescue bans remove 11.22.33.99 --yes")
    assert '"ok":true' in ask(request="ban", address="11.22.33.98", duration_s=600, reason="probing")
    assert '"removed":true' in ask(request="unban", address="11.22.33.98")


def test_host_reaches_its_name_server_when_a_gateway_had_it_banned(door: Host) -> None:
    ban = f"/usr/local/sbin/drawbridge-rescue bans add {network.INTERNET} 10 --yes"
    door.sudo(ban)
    try:
        assert "11.22.33.1" in door.sudo("getent hosts health.lab.test")
    finally:
        door.sudo(f"/usr/local/sbin/drawbridge-rescue bans remove {network.INTERNET} --yes")


@pytest.mark.parametrize(
    "words",
    ["status", "'lock-door --yes'", "'restart agent --yes'", "'door status'", "'keys list'", "'logs agent'", "sh", ""],
)
def test_self_tests_key_does_nothing_else_when_it_was_stolen(door: Host, keep: Host, words: str) -> None:
    said = door.sudo(SELFTEST.format(key=KEY, address=keep.address, words=words) + " </dev/null", check=False)
    assert "refused" in said or said.strip() == "", said
    assert door.sudo(SELFTEST.format(key=KEY, address=keep.address, words="selftest")).strip() == "ok"


def test_self_tests_key_is_worth_nothing_when_it_is_used_elsewhere(lab: Lab, door: Host, keep: Host) -> None:
    stolen = lab.key.with_name("stolen")
    stolen.touch(mode=0o600)
    stolen.write_text(door.sudo(f"cat {KEY}"))
    command = SELFTEST.format(key=stolen, address=keep.address, words="selftest").split()
    try:
        with pytest.raises(LabError, match="exit 255"):
            network.inside(network.ADM, *command)
    finally:
        stolen.unlink()


def test_keeps_disk_and_memory_are_spared_when_the_door_announces_a_huge_backup(door: Host, keep: Host) -> None:
    keep.sudo("systemctl start backup", timeout_s=170)
    base = door.sudo("ls -t /var/lib/drawbridge/backup/keep/*/base/*.store.tar | head -1").strip()
    manifest = base.replace(".store.tar", ".manifest")
    for file in (base, manifest):
        door.sudo(f"cp -p {file} /run/kept && truncate -s 500G {file}")
        try:
            keep.sudo("systemctl start backup-drill", timeout_s=170, check=False)
            why = json.loads(keep.sudo("cat /var/lib/drawbridge/backup-state.json"))["drill"]["why"]
            assert "bytes that we can have sent" in why
        finally:
            door.sudo(f"truncate -s 0 {file}; cp -p /run/kept {file}")
    keep.sudo("systemctl start backup-drill", timeout_s=170)
