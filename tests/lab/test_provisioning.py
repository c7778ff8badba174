"""One playbook takes two bare hosts to the appliance, and a second run changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab import clinic
from tests.lab.host import Host
from tests.lab.internet import DIRECTORY
from tests.lab.lab import RUNNING

Plays = Mapping[str, Mapping[str, float]]


def test_dry_run_promises_changes_when_the_hosts_are_bare(plays: Plays) -> None:
    assert plays["check"]["rpi4"] > 10
    assert plays["check"]["rpi3"] > 10


def test_second_run_changes_nothing_when_the_first_is_done(plays: Plays) -> None:
    assert plays["first"]["rpi4"] > 10
    assert (plays["second"]["rpi4"], plays["second"]["rpi3"]) == (0, 0)


def test_nothing_has_failed_when_the_hosts_are_provisioned(door: Host, keep: Host) -> None:
    assert door.ssh("systemctl --failed --no-legend --plain") == ""
    assert keep.ssh("systemctl --failed --no-legend --plain") == ""


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
        settings = host.ssh("apt-config dump")
        assert 'APT::Periodic::Unattended-Upgrade "1"' in settings
        assert 'Unattended-Upgrade::Automatic-Reboot-Time "04:30"' in settings
        assert "Debian-Security" in settings
        assert host.ssh("systemctl is-enabled apt-daily-upgrade.timer").strip() == "enabled"


def test_public_certificate_is_renewed_and_shown_when_it_is_due(door: Host) -> None:
    def shown() -> str:
        return door.sudo(
            "openssl s_client -connect 127.0.0.1:443 -servername health.lab.test </dev/null 2>/dev/null"
            " | openssl x509 -noout -serial"
        )

    before = shown()
    door.sudo(
        "runuser -u drawbridge-acme -- env REQUESTS_CA_BUNDLE=/etc/drawbridge/acme-ca.pem certbot renew --force-renewal"
        " --no-random-sleep-on-renew --quiet --config-dir /var/lib/drawbridge-acme"
        f" --work-dir /var/lib/drawbridge-acme/work --logs-dir /var/lib/drawbridge-acme/log --server {DIRECTORY}"
    )
    assert shown() == before
    door.sudo("systemctl start certificate.service")  # which finds nothing due, and lets nginx show what there is
    assert shown() != before
