"""One playbook takes two bare hosts to the appliance, and a second run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab import clinic, network
from tests.lab.host import Host
from tests.lab.internet import DIRECTORY, DNS_KEY
from tests.lab.lab import RUNNING, Lab
from tests.lab.shell import wait_until

Plays = Mapping[str, Mapping[str, float]]

pytestmark = pytest.mark.usefixtures("wrong_rescue")  # which needs a minute, and what no other test here looks at


def shown(door: Host) -> str:
    """Return the serial number of the certificate that nginx shows."""
    return door.sudo(
        "openssl s_client -connect 127.0.0.1:443 -servername health.lab.test </dev/null 2>/dev/null"
        " | openssl x509 -noout -serial"
    )


def test_dry_run_promises_changes_when_the_hosts_are_bare(plays: Plays) -> None:
    assert plays["check"]["rpi4"] > 10
    assert plays["check"]["rpi3"] > 10


def test_second_run_changes_nothing_when_the_first_is_done(plays: Plays) -> None:
    assert plays["first"]["rpi4"] > 10
    assert (plays["second"]["rpi4"], plays["second"]["rpi3"]) == (0, 0)


def test_nothing_has_failed_when_the_hosts_are_provisioned(door: Host, keep: Host) -> None:
    assert door.sudo("systemctl --failed --no-legend --plain") == ""
    assert keep.sudo("systemctl --failed --no-legend --plain") == ""


def test_clinic_keeps_its_database_when_we_moved_in(keep: Host) -> None:
    started = keep.sudo("runuser -u postgres -- psql -tAc 'SELECT pg_postmaster_start_time()'")
    assert started < keep.sudo("stat -c %w /etc/drawbridge")  # it was not restarted
    assert int(clinic.ask(keep, "count")) > 20_000


def test_our_role_reads_two_tables_and_nothing_else_when_it_asks_the_clinics_database(keep: Host) -> None:
    ask = "psql -tA -h /run/postgresql -U drawbridge_source clinic -c "
    run = "runuser -u drawbridge-agent -- "
    assert int(keep.sudo(f"{run}{ask}'SELECT count(*) FROM symptom_log'")) > 20_000
    for statement in ("SELECT * FROM patient", "DELETE FROM symptom_log", "CREATE TABLE t ()"):
        answer = keep.sudo(f"{run}{ask}'{statement}'", check=False)
        assert "permission denied" in answer or "read-only transaction" in answer, answer
    assert "FATAL" in keep.sudo(f"runuser -u nobody -- {ask}'SELECT 1'", check=False)


def test_no_secret_is_in_a_log_when_the_playbook_has_run(door: Host, keep: Host) -> None:
    secrets = [
        door.sudo("cat /etc/drawbridge/credentials/chat.seal-key").strip(),
        *(line for line in door.sudo("cat /var/lib/drawbridge/gateway/keys/keys.json").split('"') if len(line) > 40),
        keep.sudo("sed -n 2p /var/lib/drawbridge/pki/intermediate.pem").strip(),
        keep.sudo("sed -n 2p /var/lib/drawbridge/tls/identity.pem").strip(),
    ]
    assert all(len(secret) >= 40 for secret in secrets)
    logs = [path.read_text() for path in RUNNING.glob("play-*.log")]
    logs += [host.sudo("journalctl --no-pager -o cat; cat /var/log/apt/term.log") for host in (door, keep)]
    assert len(logs) >= 5
    for log in logs:
        assert not [secret for secret in secrets if secret in log]


def test_security_updates_install_themselves_when_nobody_looks(door: Host, keep: Host) -> None:
    for host in (door, keep):
        settings = host.sudo("apt-config dump")
        assert 'APT::Periodic::Unattended-Upgrade "1"' in settings
        assert 'Unattended-Upgrade::Automatic-Reboot-Time "04:30"' in settings
        assert "Debian-Security" in settings
        assert host.sudo("systemctl is-enabled apt-daily-upgrade.timer").strip() == "enabled"


@pytest.mark.story("health/US-BE-13.2", "health/US-BE-27.1")
def test_public_certificate_is_renewed_and_shown_when_it_is_due(door: Host) -> None:
    before = shown(door)
    door.sudo(
        "runuser -u drawbridge-acme -- env REQUESTS_CA_BUNDLE=/etc/drawbridge/acme-ca.pem certbot renew --force-renewal"
        " --no-random-sleep-on-renew --quiet --config-dir /var/lib/drawbridge-acme"
        f" --work-dir /var/lib/drawbridge-acme/work --logs-dir /var/lib/drawbridge-acme/log --server {DIRECTORY}"
    )
    assert shown(door) == before
    door.sudo("systemctl start certificate.service")  # which finds nothing due, and lets nginx show what there is
    wait_until(lambda: shown(door) != before, timeout_s=5, what="nginx to have been reloaded")


def test_client_of_the_acme_server_gets_no_root_when_it_was_taken_over(door: Host) -> None:
    plant = "ln -sfn /etc/drawbridge/owned /var/lib/drawbridge-acme/loaded"
    door.sudo(f"runuser -u drawbridge-acme -- {plant}; rm -f /etc/drawbridge/web/loaded")
    try:
        door.sudo("systemctl start certificate.service")
        assert door.sudo("ls /etc/drawbridge").split().count("owned") == 0
        assert door.sudo("stat -c %U /etc/drawbridge/web/loaded").strip() == "root"
    finally:
        door.sudo("rm -f /var/lib/drawbridge-acme/loaded /etc/drawbridge/owned")


@pytest.mark.timeout(400)
def test_public_certificate_comes_over_the_dns_when_port_80_is_closed(lab: Lab, door: Host, tmp_path: Path) -> None:
    settings = tmp_path / "dns.json"
    settings.write_text(json.dumps({
        "drawbridge_acme_dns_server": network.INTERNET, "drawbridge_acme_dns_key": DNS_KEY,
        "drawbridge_acme_dns_secret": lab.internet.dns_secret, "drawbridge_acme_dns_wait_s": 1,
    }))  # fmt: skip
    before = shown(door)
    lab.router.cut()  # the door has asked it to open port 80, too
    network.forward(door.address, ports=(443,))  # the ACME server could look there as well
    door.sudo("rm -rf /var/lib/drawbridge-acme/live /var/lib/drawbridge-acme/archive /var/lib/drawbridge-acme/renewal")
    try:
        door.sudo(
            "systemctl start certificate.service", check=False
        )  # fails: the playbook need not wait for the next try
        play = lab.control.play("--tags=units,tls,nginx", "--limit=rpi4", "--diff", "-e", f"@{settings}")
        assert shown(door) != before
        assert "authenticator = dns-rfc2136" in door.sudo("cat /var/lib/drawbridge-acme/renewal/drawbridge.conf")
        assert door.sudo("stat -c '%U %a' /etc/drawbridge/credentials/acme-dns.ini").strip() == "root 600"
        logs = door.sudo("journalctl --no-pager -o cat; cat /var/lib/drawbridge-acme/log/*")
        assert lab.internet.dns_secret not in play.output + logs
    finally:
        network.forward(door.address)
        lab.router.restart()


@pytest.mark.timeout(300)
def test_nothing_changes_when_a_part_of_the_playbook_is_run_alone(lab: Lab) -> None:
    with ThreadPoolExecutor() as threads:
        for play in threads.map(lambda tag: lab.control.play(f"--tags={tag}"), ("agent", "gateway")):
            assert dict(play.changed) == {"rpi4": 0, "rpi3": 0}, play.output
