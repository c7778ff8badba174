"""compose.yaml on a real engine: what it promises when all is well, and when something breaks."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.compose.stack import MEASURED, PASSING, STAYING, Stack, wait_until

pytestmark = pytest.mark.timeout(600)

LINE_KEYS = {"at", "level", "host", "app", "event"}
RPI4_BYTES = 2 * 1024**3
"""Of the smallest Raspberry Pi 4 that is sold."""
HANG_MAX_S = 60.0
LIMIT_FILES = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max")  # cgroup v1, v2


@pytest.mark.story("health/US-BE-22.1", "health/US-BE-32.2", "hub/DOD.1")
def test_chat_answers_over_https_when_signed_in(stack: Stack) -> None:
    token = stack.sign_in(stack.sample_password()).json["access_token"]
    answer = stack.ask("/api/v1/chat", content={"message": "How often did I have a headache last month?"}, token=token)
    assert answer.status == 200
    assert "headache" in answer.json["answer"]


def test_nginx_answers_with_its_own_page_when_the_gateway_is_away(stack: Stack) -> None:
    stack.compose("stop", "gateway")
    page = stack.ask("/", accept="text/html")
    assert page.status == 502
    assert "Drawbridge does not answer" in page.body
    assert stack.ask("/api/v1/health/symptoms").json["code"] == "unreachable"
    assert not stack.health_check("nginx")


def test_door_is_published_on_loopback_alone_when_nothing_else_is_said(stack: Stack) -> None:
    published = {
        (service, binding["HostIp"])
        for service in (*STAYING, *PASSING)
        for bindings in (stack.inspect(service)["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or ()
    }
    assert published == {("nginx", "127.0.0.1")}
    addresses = stack.engine.run_inside("ip", "-4", "-brief", "address", "show", "tap0").stdout
    outside = addresses.split()[2].partition("/")[0]
    refused = stack.engine.run_inside("curl", "--silent", "--insecure", "--max-time", "5", f"https://{outside}:8443/")
    assert refused.returncode == 7  # could not connect


@pytest.mark.parametrize("service", STAYING)
def test_container_can_do_nothing_but_its_work_when_running(stack: Stack, service: str) -> None:
    status = dict(line.split(":", 1) for line in stack.execute(service, "cat", "/proc/1/status").splitlines())
    assert status["Uid"].split()[0] != "0"
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    for folder in ("/", "/etc/drawbridge", "/opt/drawbridge", "/usr/bin", "/var/log"):
        assert not stack.succeeds(service, "touch", f"{folder}/x")
    assert stack.succeeds(service, "sh", "-c", "cd /tmp && cp /bin/true x")
    assert not stack.succeeds(service, "sh", "-c", "cd /tmp && ./x")  # noexec


@pytest.mark.story("health/US-BE-26.1", "health/US-BE-26.2")
def test_containers_fit_a_raspberry_pi_4_when_at_their_limits(stack: Stack) -> None:
    limits = {service: stack.inspect(service)["HostConfig"] for service in (*STAYING, *PASSING)}
    assert all(limit["Memory"] > 0 and 0 < limit["NanoCpus"] <= 2e9 for limit in limits.values())
    assert all(0 < limit["PidsLimit"] <= 200 for limit in limits.values())
    assert sum(limits[service]["Memory"] for service in STAYING) <= RPI4_BYTES / 2
    for service in STAYING:
        used = stack.execute(service, "sh", "-c", f"cat {' '.join(LIMIT_FILES)} 2>/dev/null || true")
        assert used.split()[0] == str(limits[service]["Memory"])


@pytest.mark.story("health/US-BE-24.2", "health/US-BE-24.5")
@pytest.mark.parametrize("service", [*STAYING, *PASSING])
def test_log_is_rotated_when_it_grows(stack: Stack, service: str) -> None:
    assert stack.inspect(service)["HostConfig"]["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3"},
    }


def test_setup_has_two_capabilities_and_no_network_when_it_runs_as_root(stack: Stack) -> None:
    setup = stack.inspect("setup")["HostConfig"]
    assert sorted(setup["CapAdd"]) in (["CHOWN", "DAC_OVERRIDE"], ["CAP_CHOWN", "CAP_DAC_OVERRIDE"])
    assert setup["CapDrop"] == ["ALL"]
    assert setup["NetworkMode"] == "none"
    assert setup["ReadonlyRootfs"]


@pytest.mark.story("health/US-BE-22.2")
def test_gateway_reaches_nothing_but_the_agent_when_taken_over(stack: Stack) -> None:
    volumes = {
        service: {mount["Name"].rpartition("_")[2] for mount in stack.inspect(service)["Mounts"] if "Name" in mount}
        for service in STAYING
    }
    assert volumes["gateway"] == {"gateway", "door-socket"}
    assert volumes["gateway"] & (volumes["agent"] | volumes["postgresql"]) == set()
    assert all("root" not in names for names in volumes.values())
    connect = "import socket; socket.create_connection(({!r}, {}), 3)"
    assert stack.succeeds("gateway", "python3", "-c", connect.format("agent", 8443))
    assert not stack.succeeds("gateway", "python3", "-c", connect.format("10.0.2.3", 53))
    assert stack.inspect("postgresql")["HostConfig"]["NetworkMode"] == "none"


@pytest.mark.story("health/US-BE-25.2", "health/US-BE-25.3", "health/US-BE-25.5")
def test_containers_become_ready_when_started_backwards(stack: Stack) -> None:
    stack.compose("down", "--volumes")
    stack.forget_roots()
    for service in ("nginx", "gateway", "agent", "migrate", "setup", "postgresql"):
        stack.compose("up", "--detach", "--no-deps", service)
    took_s = stack.wait_until_ready()
    MEASURED.append(f"started backwards: ready {took_s:.1f} s after the last one was started")
    assert stack.sign_in(stack.sample_password()).status == 200


@pytest.mark.story("health/US-BE-22.4")
def test_accounts_and_keys_are_kept_when_taken_down_and_up(stack: Stack) -> None:
    password = stack.sample_password()
    signed_in = stack.sign_in(password).json
    stack.compose("down")
    stack.up()
    stack.wait_until_ready()
    assert stack.ask("/api/v1/health/symptoms/names", token=signed_in["access_token"]).status == 200
    assert stack.sign_in(password).status == 200


@pytest.mark.story("health/US-BE-23.1", "health/US-BE-23.2", "health/US-BE-23.4")
def test_health_checks_fail_and_nothing_is_restarted_when_the_database_is_away(stack: Stack) -> None:
    started = {service: stack.started_at(service) for service in ("agent", "gateway", "nginx")}
    assert all(stack.health_check(service) for service in STAYING)
    os.kill(stack.child_of_process_1("postgresql"), signal.SIGSTOP)  # it accepts connections, and answers none
    assert not stack.health_check("postgresql")
    assert not stack.health_check("agent")
    stack.compose("stop", "--timeout", "1", "postgresql")
    assert not stack.health_check("agent")
    noticed_s = wait_until(lambda: not stack.health_check("gateway"), within_s=45, what="noticed by the agent")
    MEASURED.append(f"database away: the gateway's health check fails after {noticed_s:.1f} s")
    assert stack.health_check("nginx")  # it serves what can be served
    took_s = wait_until(
        lambda: stack.inspect("agent")["State"]["Health"]["Status"] == "unhealthy", within_s=60, what="unhealthy"
    )
    MEASURED.append(f"database away: Docker calls the agent unhealthy after {took_s:.1f} s")
    stack.compose("start", "postgresql")
    stack.wait_until_ready()
    assert all(stack.health_check(service) for service in STAYING)
    assert {service: stack.started_at(service) for service in started} == started


@pytest.mark.story("health/US-BE-22.5", "health/US-BE-23.3")
def test_hung_service_is_restarted_within_a_minute_when_stopped(stack: Stack) -> None:
    started = {service: stack.started_at(service) for service in STAYING}
    for service in STAYING:
        os.kill(stack.child_of_process_1(service), signal.SIGSTOP)
    took_s = 0.0
    for service in STAYING:
        took_s += stack.wait_until_restarted(service, started[service], within_s=HANG_MAX_S - took_s)
    ready_s = stack.wait_until_ready()
    MEASURED.append(f"four hung services restarted within {took_s:.1f} s, ready after {took_s + ready_s:.1f} s")
    for service in STAYING:
        assert '"event":"service_hung"' in stack.engine.run("docker", "logs", stack.container(service))


@pytest.mark.story("health/US-BE-23.3")
def test_container_is_restarted_within_a_minute_when_all_of_it_is_stopped(stack: Stack) -> None:
    services = ("gateway", "postgresql")
    started = {service: stack.started_at(service) for service in services}
    for service in services:
        stack.engine.run("docker", "kill", "--signal", "STOP", stack.container(service))  # process 1 alone
        stack.execute(service, "sh", "-c", "kill -STOP -1")  # the rest, but for itself
    took_s = 0.0
    for service in services:
        took_s += stack.wait_until_restarted(service, started[service], within_s=HANG_MAX_S - took_s)
    ready_s = stack.wait_until_ready()
    MEASURED.append(f"two stopped containers restarted within {took_s:.1f} s, ready after {took_s + ready_s:.1f} s")


@pytest.mark.story("health/US-BE-26.4")
def test_no_acknowledged_sign_in_is_lost_when_the_agent_is_killed_for_memory(stack: Stack) -> None:
    password = stack.sample_password()
    count = "SELECT count(*) FROM sessions"
    before = int(_query(stack, count))
    acknowledged: list[str] = []
    asked = 0
    stop = threading.Event()

    def sign_in_for_ever() -> None:
        nonlocal asked
        while not stop.is_set():
            asked += 1
            answer = stack.sign_in(password)
            if answer.status == 200:
                acknowledged.append(answer.json["refresh_token"])

    started = stack.started_at("agent")
    visitor = threading.Thread(target=sign_in_for_ever)
    visitor.start()
    try:
        wait_until(lambda: len(acknowledged) >= 3, within_s=30, what="sign-ins")
        # The kernel kills the process with the highest score: raise the agent's, and use the memory up beside it.
        Path(f"/proc/{stack.child_of_process_1('agent')}/oom_score_adj").write_text("1000", "utf-8")
        hog = "x = []\nwhile True: x.append(bytearray(1 << 20))"
        stack.engine.run("docker", "exec", stack.container("agent"), "python3", "-c", hog, check=False)
        stack.wait_until_restarted("agent", started)
        by_then = len(acknowledged)
        wait_until(lambda: len(acknowledged) >= by_then + 3, within_s=60, what="sign-ins after the restart")
    finally:
        stop.set()
        visitor.join(30)
    assert '"event":"service_ended","status":137' in stack.engine.run("docker", "logs", stack.container("agent"))
    made = int(_query(stack, count)) - before
    assert len(acknowledged) <= made <= asked  # a lost answer's session may be there; never two for one request
    refreshed = [stack.ask("/api/v1/auth/refresh", content={"refresh_token": token}).status for token in acknowledged]
    assert refreshed == [200] * len(acknowledged)


@pytest.mark.story("health/US-BE-24.1", "health/US-BE-24.3", "health/US-BE-24.4")
def test_every_log_line_has_one_shape_when_all_services_ran(stack: Stack) -> None:
    stack.ask("/no-such-page")
    for service, (host, app) in {
        "postgresql": ("keep", "postgresql"),
        "migrate": ("keep", "migrate"),
        "agent": ("keep", "agent"),
        "gateway": ("door", "gateway"),
        "nginx": ("door", "nginx"),
        "setup": ("", ""),
    }.items():
        text = stack.engine.run("docker", "logs", stack.container(service))
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines or service == "setup"
        assert all(line.keys() >= LINE_KEYS for line in lines)
        assert {(line["host"], line["app"]) for line in lines} <= {(host, app)}


def _query(stack: Stack, statement: str) -> str:
    """Return the one value of a statement in the store."""
    words = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=drawbridge_store", "--command", statement)
    return stack.execute("postgresql", *words).strip()
