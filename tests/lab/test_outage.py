"""The cable between the hosts is cut, and the keep loses its power in the middle of writes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from bridge.client.breaker import BreakerRule
from bridge.errors import Code
from tests.lab import network
from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

CALLS_MIN = BreakerRule().calls_min
LIST = "/api/v1/health/symptoms?limit=3"


def test_old_answer_is_given_and_marked_when_the_cable_is_cut(outside: Visitor, keep: Host, account: str) -> None:
    token = outside.sign_in(account, PASSWORD)
    fresh = outside.ask(LIST, token=token)
    assert fresh.status == 200
    network.set_cable(keep.cable, connected=False)
    try:
        wait_until(lambda: outside.ask("/health/ready").status == 503, timeout_s=20, what="the outage to be seen")
        # another's question may have found it out; what is remembered counts as fresh until the keep is silent for 1 s
        wait_until(lambda: "as_of" in outside.ask(LIST, token=token).json(), timeout_s=5, what="the answer's mark")
        stale = outside.ask(LIST, token=token)
        assert stale.status == 200
        remembered = stale.json()
        assert remembered.pop("as_of")
        assert remembered == fresh.json()
        assert stale.header("age")
        unknown = outside.ask("/api/v1/health/symptoms?limit=4", token=token)
        assert unknown.status in {503, 504}  # what is dropped without a word takes its time, until the breaker opens
        assert unknown.json()["retry_after_s"] > 0
        with ThreadPoolExecutor(CALLS_MIN) as visitors:  # who is alone does not open it: ten calls in half a minute do
            for limit in range(10, 10 + 2 * CALLS_MIN):
                visitors.submit(outside.ask, f"/api/v1/health/symptoms?limit={limit}", token=token)
        wait_until(lambda: is_refused_at_once(outside, token), timeout_s=10, what="the open breaker")
    finally:
        network.set_cable(keep.cable, connected=True)
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the bridge")
    # readiness is not asked through the breaker of records, which lets one through once its time is over
    wait_until(
        lambda: outside.ask("/api/v1/health/symptoms?limit=4", token=token).status == 200, timeout_s=10, what="records"
    )


def is_refused_at_once(outside: Visitor, token: str) -> bool:
    """Say whether the breaker is open: a question whose answer is not remembered does not reach for the keep."""
    answer = outside.ask("/api/v1/health/symptoms?limit=4", token=token)
    return (answer.status, answer.json().get("code")) == (503, Code.BREAKER_OPEN.wire)


def test_nothing_acknowledged_is_lost_when_the_keep_loses_its_power(outside: Visitor, keep: Host, account: str) -> None:
    tokens: list[str] = []
    attempts = 0
    done = threading.Event()

    def sign_in() -> None:
        nonlocal attempts
        while not done.is_set():
            attempts += 1
            answer = outside.ask("/api/v1/auth/login", content={"email": account, "password": PASSWORD})
            if answer.status == 200:
                tokens.append(answer.json()["access_token"])

    count = "runuser -u postgres -- psql -p 5433 -tA drawbridge_store -c 'SELECT count(*) FROM sessions'"
    before = int(keep.sudo(count))
    writer = threading.Thread(target=sign_in)
    writer.start()
    try:
        wait_until(lambda: len(tokens) >= 3, timeout_s=60, what="some sign-ins")
        keep.cut_power()
    finally:
        done.set()
        writer.join()
    keep.boot()
    keep.wait()
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=90, what="the appliance")
    for token in tokens:
        assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200
    assert len(tokens) <= int(keep.sudo(count)) - before <= attempts


def test_store_starts_when_its_lock_names_a_process_of_another_cluster(keep: Host, outside: Visitor) -> None:
    """After a power cut it may: numbers of processes come again."""
    cluster = keep.sudo("systemctl list-units --plain --no-legend 'postgresql@*-drawbridge.service'").split()[0]
    lock = keep.sudo("ls -d /var/lib/postgresql/*/drawbridge").strip() + "/postmaster.pid"
    keep.sudo(f"cp -p {lock} /run/lock-of-the-store; systemctl stop {cluster}; cp -p /run/lock-of-the-store {lock}")
    other = keep.sudo("pgrep -f '[p]ostgres: .*/main: checkpointer'").strip()
    keep.sudo(f"sed -i '1s/.*/{other}/' {lock} && chown postgres: {lock} && systemctl start {cluster} agent")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the appliance")
