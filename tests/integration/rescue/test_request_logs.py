"""One request's way through the logs of both hosts: real sshd, real journals, nginx's files as rotation leaves them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.integration.rescue.hosts import ADDRESSES, REPOSITORY, Host, Hosts

ID: Final = "5a9c0aefd33a65b3988a1597b1058d44"
OTHER_ID: Final = "00f067aa0ba902b75a9c0aefd33a65b3"
JOURNAL_WRITER: Final = Path("/usr/lib/systemd/systemd-journal-remote")
NOW: Final = datetime.now(UTC)
"""When the request came. Journals and files of this age are looked into."""

WriteJournal = Callable[..., None]


def at(ms: int) -> str:
    return (NOW + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def service_line(app: str, event: str, ms: int, **fields: object) -> str:
    host = "keep" if app == "agent" else "door"
    known = {"at": at(ms), "level": "info", "host": host, "app": app, "event": event, "request_id": ID}
    return json.dumps({**known, **fields}, separators=(",", ":"))


AGENT_LINE: Final = service_line(
    "agent", "bridge_call_answered", 9, operation="health.symptoms.list", duration_ms=9.18, outcome="ok"
)
GATEWAY_LINE: Final = service_line("gateway", "request_finished", 11, method="GET", status=200)


def nginx_line(at: str, request_id: str = ID) -> str:
    """Return a line in the form that nginx's configuration gives it."""
    template = (REPOSITORY / "nginx" / "http" / "log.conf.j2").read_text()
    line = "".join(
        re.findall(r"'(.*)'", template[template.index("log_format drawbridge") : template.index("access_log ")])
    )
    line = re.sub(r"\{\{.*?\}\}", "door", line)
    values = {
        "logged_at": at, "trace_id": request_id, "logged_method": "GET", "logged_route": "/api/v1/",
        "logged_status": "200", "remote_addr": "203.0.113.7", "logged_duration_ms": "12", "bytes_sent": "512",
    }  # fmt: skip
    return re.sub(r"\$(\w+)", lambda name: values.get(name[1], ""), line)


def write_log(door: Host, name: str, *lines: str, age: timedelta = timedelta(0)) -> Path:
    path = door.path(f"/var/log/nginx/{name}")
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    written_at = (NOW - age).timestamp()
    os.utime(path, (written_at, written_at))
    return path


@pytest.fixture
def write_journal(rescue: Hosts) -> Iterator[WriteJournal]:
    """Give a function that makes a host's journal out of (unit, message, age)."""
    if not JOURNAL_WRITER.exists():
        pytest.skip("systemd-journal-remote is missing: apt-get install systemd-journal-remote")

    def write(host: Host, *entries: tuple[str, str], age: timedelta = timedelta(0)) -> None:
        folder = host.path("/run/journal")
        folder.mkdir(exist_ok=True)
        written_us = int((NOW - age).timestamp() * 1_000_000)
        exported = "".join(
            f"__REALTIME_TIMESTAMP={written_us + number}\n__MONOTONIC_TIMESTAMP={number + 1}\n_BOOT_ID={1:032x}\n"
            f"_SYSTEMD_UNIT={unit}.service\nMESSAGE={message}\n\n"
            for number, (unit, message) in enumerate(entries)
        )
        argv = [str(JOURNAL_WRITER), f"--output={folder}/system.journal", "-"]
        subprocess.run(argv, input=exported.encode(), check=True, capture_output=True)

    yield write
    for host in (rescue.keep, rescue.door):
        shutil.rmtree(host.path("/run/journal"), ignore_errors=True)


@pytest.fixture
def way(rescue: Hosts, write_journal: WriteJournal) -> Iterator[Hosts]:
    """Give both hosts, whose logs have one request among others."""
    write_journal(rescue.keep, ("agent", AGENT_LINE), ("agent", AGENT_LINE.replace(ID, OTHER_ID)), ("bans", ID))
    write_journal(rescue.door, ("gateway@2", GATEWAY_LINE), ("gateway@1", GATEWAY_LINE.replace(ID, OTHER_ID)))
    rescue.door.path("/var/log/nginx").mkdir()
    write_log(rescue.door, "access.log", nginx_line(at(900), OTHER_ID), nginx_line(at(12)))
    yield rescue
    shutil.rmtree(rescue.door.path("/var/log/nginx"))


def events(shown: str) -> list[tuple[str, str, str]]:
    lines = [json.loads(line) for line in shown.splitlines()]
    return [(line["host"], line["app"], line["event"]) for line in lines]


WAY: Final = [
    ("keep", "agent", "bridge_call_answered"), ("door", "gateway", "request_finished"),
    ("door", "nginx", "request_finished"),
]  # fmt: skip


@pytest.mark.story("hub/IH-025.3", "hub/AC-067")
@pytest.mark.parametrize("verb", ["request", "logs --request-id"])
def test_request_shows_agent_gateway_and_nginx_by_time_when_asked_at_the_keep(way: Hosts, verb: str) -> None:
    answer = way.ssh(*verb.split(), ID)

    web = "method=GET route=/api/v1/ status=200 address=203.0.113.7 duration_ms=12 bytes=512"
    assert answer.out.splitlines() == [
        f"{at(9)} keep agent   bridge_call_answered operation=health.symptoms.list duration_ms=9.18 outcome=ok",
        f"{at(11)} door gateway request_finished method=GET status=200",
        f"{at(12)} door nginx   request_finished {web}",
    ]
    assert answer.code == 0


def test_request_shows_the_doors_own_lines_when_asked_of_the_door(way: Hosts) -> None:
    answer = way.ssh("door", "request", ID)

    assert [line.split()[1:3] for line in answer.out.splitlines()] == [["door", "gateway"], ["door", "nginx"]]
    assert answer.code == 0


def test_request_gives_each_line_whole_when_asked_for_json(way: Hosts) -> None:
    answer = way.ssh("request", "--json", ID)

    assert events(answer.out) == WAY
    assert [json.loads(line) for line in answer.out.splitlines()] == [
        json.loads(line) for line in (AGENT_LINE, GATEWAY_LINE, nginx_line(at(12)))
    ]


def test_request_is_found_in_rotated_logs_when_it_is_some_days_old(way: Hosts) -> None:
    write_log(way.door, "access.log.1", nginx_line(at(-86_400_000)), age=timedelta(days=1))
    write_log(way.door, "access.log.2.gz", nginx_line(at(-172_800_000)), age=timedelta(days=2))
    write_log(way.door, "access.log.9.gz", nginx_line(at(-1_300_000_000)), age=timedelta(days=15))

    shown = [json.loads(line) for line in way.ssh("request", "--json", ID).out.splitlines()]

    assert [line["at"] for line in shown if line["app"] == "nginx"] == [at(-172_800_000), at(-86_400_000), at(12)]


def test_access_log_is_read_as_the_web_servers_user_when_a_request_is_followed(way: Hosts) -> None:
    way.ssh("request", ID)

    [call] = [call for call in way.door.calls if f"rescue.access_log {ID}" in call][-1:]
    assert "--uid=www-data " in call
    assert "--property=MemoryMax=64M" in call


def test_request_says_how_far_back_it_looked_when_no_log_has_it(way: Hosts) -> None:
    before = datetime.now(UTC)
    answer = way.ssh("request", "f" * 32)

    since = re.fullmatch(
        r"no line of nginx, gateway or agent since (\S+) has it: 14 days, or as far as logs are kept\n", answer.out
    )
    assert since is not None
    looked_back_to = datetime.fromisoformat(since[1]) + timedelta(days=14)
    assert before - timedelta(seconds=1) <= looked_back_to <= datetime.now(UTC)
    assert answer.code == 1


def test_request_says_in_json_that_no_log_has_it_when_asked_for_json(way: Hosts) -> None:
    answer = way.ssh("request", "--json", "f" * 32)

    assert events(answer.out) == [("keep", "rescue", "request_not_found")]
    assert json.loads(answer.out)["request_id"] == "f" * 32
    assert answer.code == 1


def test_request_shows_the_keeps_part_and_why_there_is_no_more_when_the_door_is_away(way: Hosts) -> None:
    way.door.stop("sshd")
    try:
        answer = way.ssh("request", ID)
    finally:
        way.door.start_sshd()

    first, last = answer.out.splitlines()
    assert "keep agent   bridge_call_answered" in first
    assert last == f"door: ssh: connect to host {ADDRESSES['door']} port 2222: Connection refused"
    assert answer.code == 1


def test_request_says_which_file_is_damaged_when_a_rotated_log_is(way: Hosts) -> None:
    path = write_log(way.door, "access.log.2.gz", nginx_line(at(-172_800_000)))
    path.write_bytes(path.read_bytes()[:-9])

    answer = way.ssh("request", "--json", ID)

    *_, last = [json.loads(line) for line in answer.out.splitlines()]
    assert [(line["host"], line["app"], line["event"]) for line in (last,)] == [
        ("door", "rescue", "request_search_incomplete")
    ]
    assert last["reason"].startswith("access.log.2.gz: ")
    assert answer.code == 1


def test_line_counts_as_the_doors_and_steers_no_terminal_when_a_stolen_door_says_otherwise(
    way: Hosts, write_journal: WriteJournal
) -> None:
    shutil.rmtree(way.door.path("/run/journal"))
    forged = service_line("agent", "bridge_call_answered", 5, error_code="\x1b[2J\r\n", nested=[[[]]])
    write_journal(way.door, ("gateway@1", forged.replace('"host":"door"', '"host":"keep"')))

    answer = way.ssh("request", ID)

    assert f"{at(5)} door agent   bridge_call_answered error_code=" in answer.out
    assert "nested" not in answer.out
    assert len(answer.out.splitlines()) == 3
    assert "\x1b" not in answer.out


def test_only_the_newest_lines_are_shown_when_a_client_sends_one_id_again_and_again(way: Hosts) -> None:
    write_log(way.door, "access.log", *(nginx_line(at(number)) for number in range(1000, 1300)))

    answer = way.ssh("request", ID)

    shown = [line for line in answer.out.splitlines() if " nginx " in line]
    assert [line.split()[0] for line in shown] == [at(number) for number in range(1100, 1300)]
    assert answer.out.endswith("door: nginx's log has more of it than the newest 200 lines\n")
    assert answer.code == 1


def test_old_lines_are_left_out_when_the_journal_goes_further_back(way: Hosts, write_journal: WriteJournal) -> None:
    shutil.rmtree(way.keep.path("/run/journal"))
    write_journal(way.keep, ("agent", AGENT_LINE), age=timedelta(days=15))

    assert events(way.ssh("request", "--json", ID).out) == WAY[1:]
