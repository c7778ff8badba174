"""Who is let in at the agent's ports, and that replacing what both sides trust each other by loses no call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bridge.pki import IDENTITY_FILE, Authority
from bridge.process.clock import SystemClock, utc
from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.intruder import RENEWAL, Intruder
from tests.lab.load import ENOUGH, asking, lost
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

_IN_RELEASE: Final = "cd /opt/drawbridge/current && runuser -u {user} -- .venv/bin/python "
AS_AGENT: Final = _IN_RELEASE.format(user="drawbridge-agent")
CA: Final = "--pki /var/lib/drawbridge/pki --tls /var/lib/drawbridge/tls"
_ISSUE: Final = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bridge.pki import Authority, certificates_text
unit, days_ago = sys.argv[1:]
authority = Authority(Path("/var/lib/drawbridge/pki"))
identity, roots = authority.issue_unit_elsewhere(unit, now=datetime.now(UTC) - timedelta(days=int(days_ago)))
print(json.dumps([identity.pem.decode(), certificates_text(roots), f"{identity.certificate.serial_number:x}"]))
"""


def issued(keep: Host, unit: str, *, days_ago: int = 0) -> tuple[str, str]:
    """Have the keep's CA issue a certificate as of some days ago; return the identity and its serial number."""
    identity, _roots, serial = json.loads(keep.sudo(f"{AS_AGENT} - {unit} {days_ago}", text=_ISSUE))
    return identity, serial


def revoke(keep: Host, serial: str) -> None:
    keep.sudo(f"{AS_AGENT} -m bridge pki revoke {serial} {CA} --yes")


def steps(keep: Host, since: str) -> list[str]:
    """Return why the agent refused connections since then, by its log."""
    lines = keep.sudo(f"journalctl -u agent -o cat --no-pager --since=@{since} | grep connection_refused", check=False)
    return [json.loads(line)["step"] for line in lines.splitlines()]


@pytest.mark.parametrize(
    ("step", "unit", "days_ago"), [("expired", "gateway", 60), ("wrong_name", "printer", 0), ("unknown_ca", "", 0)]
)
def test_stolen_keys_are_worth_nothing_when_the_certificate_is_not_the_doors(
    intruder: Intruder, keep: Host, tmp_path: Path, step: str, unit: str, days_ago: int
) -> None:
    assert intruder.call("system.status") == "200"  # it would be let in
    identity = intruder.folder / "tls" / IDENTITY_FILE
    if unit:
        identity.write_text(issued(keep, unit, days_ago=days_ago)[0])
    else:
        theirs = Authority(tmp_path / "their-pki")
        theirs.init(now=utc(SystemClock.time()))
        theirs.issue_unit("gateway", tmp_path / "their-tls", now=utc(SystemClock.time()))
        identity.write_bytes((tmp_path / "their-tls" / IDENTITY_FILE).read_bytes())
    since = keep.sudo("date +%s.%6N").strip()
    assert intruder.call("system.status").startswith("refused")
    wait_until(lambda: steps(keep, since) == [step], timeout_s=10, what=f"{step} in the agent's log")


def test_certificate_is_worth_nothing_when_it_was_revoked(intruder: Intruder, keep: Host) -> None:
    identity, serial = issued(keep, "gateway")
    (intruder.folder / "tls" / IDENTITY_FILE).write_text(identity)
    assert intruder.call("system.status") == "200"
    since = keep.sudo("date +%s.%6N").strip()
    revoke(keep, serial)
    wait_until(lambda: intruder.call("system.status").startswith("refused"), timeout_s=30, what="the revocation")
    wait_until(lambda: set(steps(keep, since)) == {"revoked"}, timeout_s=10, what="the reason in the agent's log")
    assert intruder.call("system.renew", RENEWAL).startswith("refused")


def test_renewal_port_renews_and_does_nothing_else_when_the_certificate_has_ended(
    intruder: Intruder, keep: Host
) -> None:
    assert intruder.call("system.status", RENEWAL) == "404 not_found"  # nor for who is let in everywhere
    identity, serial = issued(keep, "gateway", days_ago=60)
    (intruder.folder / "tls" / IDENTITY_FILE).write_text(identity)
    for operation in ("system.status", "accounts.sign_in", "health.symptoms.list"):
        assert intruder.call(operation, RENEWAL) == "404 not_found", operation
    assert intruder.call("system.renew", RENEWAL) == "200"
    revoke(keep, serial)


def test_no_call_is_lost_when_the_message_keys_are_rotated(outside: Visitor, keep: Host, account: str) -> None:
    token = outside.sign_in(account, PASSWORD)
    before = keep.sudo(f"{AS_AGENT} -m bridge keys list --keys /var/lib/drawbridge/keys")
    with asking(outside, token) as answers:
        wait_until(lambda: len(answers) > ENOUGH, timeout_s=60, what="calls before")
        keep.sudo("systemctl start keys-rotate", timeout_s=170)
        rotated = len(answers)
        wait_until(lambda: len(answers) > rotated + ENOUGH, timeout_s=60, what="calls after")
    assert lost(answers) == []
    assert keep.sudo(f"{AS_AGENT} -m bridge keys list --keys /var/lib/drawbridge/keys") != before


@pytest.fixture
def due(door: Host, keep: Host) -> Iterator[str]:
    """Give the door a certificate that is due; its serial number. A test may leave the door a better one."""
    identity, serial = issued(keep, "gateway", days_ago=15)
    place = "/var/lib/drawbridge/gateway/tls/identity.pem"
    door.sudo(f"install -o drawbridge-gateway -g drawbridge-gateway -m 0600 /dev/stdin {place}", text=identity)
    yield serial
    revoke(keep, serial)


def test_no_call_is_lost_when_both_certificates_are_renewed(
    outside: Visitor, door: Host, keep: Host, account: str, due: str
) -> None:
    def serial(host: Host, folder: str) -> str:
        file = f"/var/lib/drawbridge/{folder}/identity.pem"
        return host.sudo(f"openssl x509 -noout -serial -in {file}").strip().rpartition("=")[2].lower().lstrip("0")

    token = outside.sign_in(account, PASSWORD)
    agents = serial(keep, "tls")
    with asking(outside, token) as answers:
        wait_until(lambda: len(answers) > ENOUGH, timeout_s=60, what="calls before")
        assert serial(door, "gateway/tls") == due
        # each looks at its start whether its certificate is due, and asks the agent for the next one
        door.sudo("systemctl restart gateway@1 && systemctl restart gateway@2")
        wait_until(lambda: serial(door, "gateway/tls") != due, timeout_s=60, what="the door's new certificate")
        keep.sudo("/usr/local/sbin/drawbridge-rescue certificates renew --yes")
        assert serial(keep, "tls") != agents
        revoke(keep, due)
        renewed = len(answers)
        wait_until(lambda: len(answers) > renewed + 3 * ENOUGH, timeout_s=90, what="calls after")
    assert lost(answers) == []
