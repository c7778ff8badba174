from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from demo.bench import report
from demo.bench.load import Client, Latencies, Plan, Request, run
from demo.bench.sign_in import later
from demo.bench.usage import cpu_s, memory


def request(kind: str) -> Request:
    return Request(kind, f"GET /{kind} HTTP/1.1\r\nHost: x\r\n\r\n")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer ``/good`` in two pieces, end the connection at ``/gone``, and answer anything else with a 503."""
    try:
        while line := (await reader.readuntil(b"\r\n\r\n")).split()[1]:
            if line == b"/gone":
                return
            status = b"200 OK" if line == b"/good" else b"503 Busy"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-")
            await writer.drain()
            writer.write(b"Length: 2\r\n\r\n{}")
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


@pytest.mark.story("health/US-BE-40.1")
async def test_run_counts_answers_by_kind_and_what_went_wrong(tmp_path: Path) -> None:
    plan = Plan(
        str(tmp_path / "socket"),
        (
            Client((request("good"), request("busy"))),
            Client((request("good"),), pause_s=(0.0, 0.01)),
            Client((request("gone"),)),
        ),
        seconds=0.2,
    )
    async with await asyncio.start_unix_server(serve, plan.socket):
        result = await run(plan)

    assert set(result.kinds) == {"good"}
    assert result.overall.count == result.kinds["good"].count > 0
    assert result.errors.pop("503") > 0
    assert result.errors == {"connection lost: NoneType": 1}
    assert 0 < result.overall.p50_ms <= result.overall.p99_ms <= result.overall.max_ms


@pytest.mark.story("health/US-BE-40.5")
def test_latencies_are_those_of_the_sorted_sample() -> None:
    latencies = Latencies.of([number / 1000 for number in range(100, 0, -1)])
    assert latencies == Latencies(count=100, p50_ms=51.0, p95_ms=96.0, p99_ms=100.0, max_ms=100.0)


def test_usage_is_told_of_a_living_process() -> None:
    before = cpu_s(os.getpid())
    while cpu_s(os.getpid()) == before:
        sum(range(10_000))
    used = memory(os.getpid())
    assert used.rss_mb >= used.pss_mb > 1


@pytest.mark.story("health/US-BE-40.5")
def test_page_shows_the_saved_figures() -> None:
    page = report.PAGE.read_text("utf-8")
    assert report.page(page, report.read()) == page


@pytest.mark.parametrize(
    ("these", "those", "chance"),
    [([1, 2, 3], [1, 2, 3], 0.5), ([4, 5], [1, 2, 3], 1.0), ([1], [2, 3], 0.0), ([2, 4], [1, 3], 0.75)],
)
def test_chance_that_one_takes_longer_is_a_half_when_they_are_alike(
    these: list[float], those: list[float], chance: float
) -> None:
    assert later(these, those) == chance
