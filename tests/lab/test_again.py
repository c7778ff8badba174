"""The playbook after something else was played: what does not work is not kept, and what the inventory says is back."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.lab.console import Console
from tests.lab.control import Play
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import wait_until


@pytest.mark.timeout(300)
def test_rescue_sshd_that_lets_nobody_in_is_not_kept_when_the_playbook_brings_it(
    lab: Lab, keep: Host, wrong_rescue: Future[Play]
) -> None:
    assert "Let the other host log in" in wrong_rescue.result().output
    wait_until(Console(lab).works, timeout_s=90, what="the right sshd")
    assert "Port 2222" in keep.sudo("cat /etc/ssh/sshd_rescue_config")


@pytest.mark.timeout(300)
def test_hosts_are_as_the_inventory_says_when_it_is_played_after_something_else(lab: Lab, door: Host) -> None:
    """After the certificate over the DNS, the wrong sshd, and what a release of before wrote; the owner's stays."""
    ours, owners = "/etc/nginx/drawbridge/snippets/old.conf", "/etc/nginx/drawbridge/snippets/mine.conf"
    door.sudo(f"echo {ours} >> /etc/nginx/drawbridge/.written; touch {ours} {owners}")
    try:
        lab.control.play("--tags=units,tls,nginx,rescue")
        assert door.sudo(f"ls {ours} {owners} 2>/dev/null", check=False).split() == [owners]
        assert ours not in door.sudo("cat /etc/nginx/drawbridge/.written")
    finally:
        door.sudo(f"rm -f {ours} {owners}")
    assert "No such file" in door.sudo("cat /etc/drawbridge/credentials/acme-dns.ini", check=False)
    assert "--webroot" in door.sudo("cat /etc/drawbridge/certificate.env")
    assert Console(lab).works()
