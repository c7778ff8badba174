"""``/status`` and its events over HTTP: who sees them, and what they see."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from bridge.contracts.system import FeedEvent
from bridge.errors import Code, Denied, Unavailable
from gateway.settings import Chat, GatewaySettings, Status
from gateway.status import page
from gateway.status.judging import Section
from gateway.web.response_headers import SECURITY_HEADERS
from tests import status_snapshots
from tests.gateway_door import SESSION, USER, Door, open_door
from tests.status_snapshots import write
from tests.waiting import until

ADMIN: dict[str, Any] = {"role": "admin"}
UNREACHABLE = Unavailable(Code.UNREACHABLE)


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """Give a door whose live pages look every few milliseconds."""
    monkeypatch.setattr(page, "LOOK_S", 0.005)
    monkeypatch.setattr(page, "BEAT_S", 0.02)
    status = Status(monitor_file=tmp_path / "monitor.json", ddns_file=tmp_path / "ddns.json", streams_per_session=2)
    async with open_door(GatewaySettings(status=status, chat=Chat(time_zone="Europe/Berlin"))) as opened:
        yield opened


def fill(folder: Path, door: Door, which: str = "monitor") -> None:
    now = door.clock.time()
    write(folder, getattr(status_snapshots, which)(now), status_snapshots.ddns(now))


async def get(door: Door, headers: dict[str, str], path: str = "/status") -> tuple[int, str]:
    async with door.client.get(path, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text()


class Events:
    """A live page's stream, read event by event."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self) -> dict[str, Any] | None:
        """Return the next event's data, None at the end."""
        async with asyncio.timeout(3):
            async for line in self.response.content:
                if line.startswith(b": "):
                    self.comments += 1
                if line.startswith(b"data: "):
                    found: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                    return found
        return None


@asynccontextmanager
async def events(door: Door, headers: dict[str, str]) -> AsyncIterator[Events]:
    async with door.client.get("/status/events", headers=headers) as response:
        yield Events(response)


# who


@pytest.mark.parametrize("path", ["/status", "/status/events"])
async def test_status_is_for_administrators_alone(door: Door, path: str) -> None:
    for role in ("viewer", "technician"):
        assert (await get(door, door.bearer(role=role), path))[0] == 403
    assert (await get(door, {}, path))[0] == 401
    assert (await get(door, {"Authorization": "Bearer x"}, path))[0] == 401
    assert not door.bridge.asked


async def test_events_are_not_sent_when_only_the_headers_are_asked_for(door: Door) -> None:
    async with door.client.head("/status/events", headers=door.bearer(**ADMIN)) as response:
        assert response.status == 405


async def test_status_is_shown_when_the_agent_confirms_the_administrator(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)

    status, html = await get(door, door.with_page(**ADMIN))

    assert status == 200
    assert "All is well</h1>" in html
    assert [asked.operation for asked in door.bridge.asked] == ["accounts.confirm_admin"]
    assert door.bridge.asked[0].credentials.token


async def test_alert_is_shown_as_refused_and_why_when_a_channel_will_never_take_it(door: Door, tmp_path: Path) -> None:
    now = door.clock.time()
    snapshot = status_snapshots.in_an_outage(now)
    snapshot["alerts"][0] |= {
        "delivered": {"journal": now - 240, "email": None, "webhook": None},
        "refused": {"email": "535 5.7.8 bad <credentials>"},
    }
    write(tmp_path, snapshot, status_snapshots.ddns(now))

    _, html = await get(door, door.with_page(**ADMIN))

    told = "; email <strong>refused</strong>: 535 5.7.8 bad &lt;credentials&gt;; webhook <strong>not sent yet</strong>"
    assert told in html


async def test_visitor_is_sent_to_sign_in_and_back_when_nobody_is_signed_in(door: Door) -> None:
    async with door.client.get("/status", headers={"Accept": "text/html"}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/sign-in?next=/status")


@pytest.mark.parametrize(
    ("code", "status"), [(Code.SESSION_ENDED, 401), (Code.FORBIDDEN, 403)], ids=["revoked", "no admin any more"]
)
async def test_status_is_refused_when_the_agent_says_no_whatever_the_token_says(
    door: Door, code: Code, status: int
) -> None:
    headers = door.bearer(**ADMIN)
    assert (await get(door, headers))[0] == 200
    door.bridge.answers["accounts.confirm_admin"] = Denied(code)

    assert (await get(door, headers))[0] == status

    door.bridge.answers["accounts.confirm_admin"] = UNREACHABLE
    assert (await get(door, headers))[0] == 503


async def test_status_is_shown_when_the_keep_goes_away_to_whom_it_had_confirmed(door: Door) -> None:
    headers = door.bearer(**ADMIN)
    assert (await get(door, headers))[0] == 200
    door.bridge.answers["accounts.confirm_admin"] = UNREACHABLE
    door.feed.lost_at = door.clock.monotonic()

    assert (await get(door, headers))[0] == 200

    door.feed.lost_at = door.clock.monotonic() - 901
    assert (await get(door, headers))[0] == 503


async def test_status_is_shown_in_an_outage_to_who_had_only_signed_in(door: Door) -> None:
    door.verifier.accept(token := door.token(**ADMIN))  # as signing in does
    door.bridge.answers["accounts.confirm_admin"] = UNREACHABLE
    door.feed.lost_at = door.clock.monotonic()

    assert (await get(door, {"Authorization": f"Bearer {token}"}))[0] == 200


async def test_status_is_refused_in_an_outage_when_the_agent_never_took_the_token(door: Door) -> None:
    headers = door.bearer(**ADMIN)
    await get(door, headers, "/health")  # verified here, by its signature alone
    door.bridge.answers["accounts.confirm_admin"] = UNREACHABLE

    assert (await get(door, headers))[0] == 503


async def test_status_is_refused_in_an_outage_when_the_session_was_revoked_before(door: Door) -> None:
    headers = door.bearer(**ADMIN)
    await get(door, headers)
    door.verifier.on_feed_event(FeedEvent(kind="users_changed", sessions=(SESSION,)))
    await get(door, headers, "/health")
    door.bridge.answers["accounts.confirm_admin"] = UNREACHABLE

    assert (await get(door, headers))[0] == 503


# what


@pytest.mark.parametrize(
    ("monitor", "headline"),
    [
        (None, "The monitor does not run"),
        (b"{", "What the monitor wrote cannot be read"),
        (b" " * 3_000_000, "What the monitor wrote cannot be read"),
        (status_snapshots.monitor(1_779_000_000.0), "The monitor has fallen silent"),
    ],
    ids=["missing", "damaged", "huge", "stale"],
)
async def test_page_says_so_when_there_is_nothing_to_go_by(
    door: Door, tmp_path: Path, monitor: object, headline: str
) -> None:
    write(tmp_path, monitor)

    status, html = await get(door, door.with_page(**ADMIN))

    assert status == 200
    assert f"{headline}</h1>" in html


async def test_page_tells_of_every_part_when_the_line_is_down(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door, "in_an_outage")
    door.breaker = "half_open"

    _, html = await get(door, door.with_page(**ADMIN))

    assert "The line is down: The router at 192.168.1.1 does not answer, and " in html
    for part in ("headline", *Section):
        assert f'id="{part}"' in html
    assert '<details data-key="rung-router" open>' in html
    assert "<dt>pings answered</dt><dd>0 of 5</dd>" in html
    assert "250 min of outage of 216 min" in html
    assert "data half-open" in html  # of this very process
    assert re.search(r'<time datetime="2026-05-28T20:22:28Z">28 May, 22:22</time>', html)
    assert html.count("<tr>") > 40


async def test_page_marks_ipv6_as_off_when_the_house_has_none_and_the_name_does_without(
    door: Door, tmp_path: Path
) -> None:
    now = door.clock.time()
    write(tmp_path, status_snapshots.monitor(now), status_snapshots.without_ipv6(now))

    _, html = await get(door, door.with_page(**ADMIN))

    names = html.partition('id="names"')[2].partition("</section>")[0]
    assert names.count('class="mark off"') == 2, "the name's, and the address's"
    assert "warning" not in names
    assert "from none" not in names
    assert "All is well</h1>" in html


async def test_page_shows_a_hundred_outages_and_counts_the_rest_when_there_were_more(
    door: Door, tmp_path: Path
) -> None:
    now = door.clock.time()
    monitor = status_snapshots.monitor(now)
    monitor["outages"] = [
        monitor["outages"][0] | {"began": now - 5000 * n, "ended": now - 5000 * n + 9} for n in range(130)
    ]
    write(tmp_path, monitor)

    _, html = await get(door, door.with_page(**ADMIN))

    table = html.partition('<table class="outages">')[2].partition("</details>")[0]
    assert table.count("<tr>") == 101
    assert "And 30 before" in table


async def test_markup_is_shown_as_text_when_it_is_in_a_name(door: Door, tmp_path: Path) -> None:
    now = door.clock.time()
    monitor = status_snapshots.in_an_outage(now)
    ddns = status_snapshots.ddns(now)
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    monitor["diagnosis"] |= {"summary": evil, "evidence": {evil: evil}}
    monitor["rungs"][0] |= {"name": f'"{evil}', "summary": evil}
    monitor["door"]["units"][0]["name"] = monitor["bans"]["recent"][0]["address"] = evil
    monitor["certificates"][0] |= {"name": evil, "host": evil}
    monitor["alerts"][0] |= {"summary": evil, "cause": evil}
    ddns["names"][0] |= {"name": evil, "reason": evil, "published": evil}
    write(tmp_path, monitor, ddns)

    _, html = await get(door, door.with_page(**ADMIN))

    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 8
    assert ' style="' not in html


async def test_chat_links_to_the_status_for_administrators_alone(door: Door) -> None:
    link = '<a class="quiet" href="/status">Status</a>'

    assert link in (await get(door, door.with_page(**ADMIN), "/"))[1]
    assert link not in (await get(door, door.with_page(), "/"))[1]


# live


async def test_stream_has_the_headers_of_every_response_and_passes_proxies(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        headers = stream.response.headers

        assert stream.response.status == 200
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Cache-Control"] == "no-store"
        assert "RateLimit" in headers
        assert {name: headers.getall(name) for name in SECURITY_HEADERS} == {
            name: [value] for name, value in SECURITY_HEADERS.items()
        }


async def test_stream_tells_everything_first_and_then_what_changes(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        first = await stream.next()
        assert first is not None
        fill(tmp_path, door, "in_an_outage")
        second = await stream.next()

    assert second is not None
    assert list(first["sections"]) == ["headline", *Section]
    assert (first["headline"], first["state"]) == ("All is well", "good")
    assert second["headline"].startswith("The line is down: ")
    assert {"headline", "line"} <= set(second["sections"])
    assert "names" not in second["sections"]  # as it was


async def test_stream_tells_of_this_process_when_its_breaker_opens(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        door.breaker = "open"
        second = await stream.next()

    assert second is not None
    assert list(second["sections"]) == ["gateways"]


async def test_page_and_stream_name_the_same_versions_when_nothing_changes(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    _, html = await get(door, door.with_page(**ADMIN))
    async with events(door, door.bearer(**ADMIN)) as stream:
        first = await stream.next()

    assert first is not None
    shown = re.findall(r'<section class="part" id="(\w+)" data-version="(\w+)">', html)
    assert dict(shown) == {name: version for name, (version, _) in first["sections"].items()}


async def test_stream_beats_when_nothing_changes(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        lines = stream.response.content
        async with asyncio.timeout(3):
            while not (await lines.readline()).startswith(b": beat"):
                pass


@pytest.mark.parametrize(
    "event",
    [FeedEvent(kind="users_changed", users=(USER,)), FeedEvent(kind="users_changed", sessions=(SESSION,))],
    ids=["account", "session"],
)
async def test_stream_ends_when_the_agent_says_no_after_a_revocation(
    door: Door, tmp_path: Path, event: FeedEvent
) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        door.bridge.answers["accounts.confirm_admin"] = Denied(Code.SESSION_ENDED)
        door.verifier.on_feed_event(event)

        assert await stream.next() is None


async def test_stream_goes_on_when_the_agent_confirms_anew_after_a_gap(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        asked = len(door.bridge.asked)
        door.verifier.on_feed_gap()
        await until(lambda: len(door.bridge.asked) > asked)
        fill(tmp_path, door, "in_an_outage")

        assert await stream.next() is not None


async def test_stream_ends_when_the_token_has_expired(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(lives_s=60, **ADMIN)) as stream:
        await stream.next()
        door.clock.advance(120)

        while await stream.next() is not None:
            pass
        assert stream.response.content.at_eof()


async def test_stream_ends_when_the_process_stops(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        door.drain.has_begun = True

        assert await stream.next() is None


async def test_streams_are_bounded_for_a_session_and_free_again_when_one_is_closed(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    headers = door.bearer(**ADMIN)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(events(door, headers))).next()
        async with events(door, headers) as third:
            assert third.response.status == 429
            assert third.response.headers["Retry-After"] == "30"
        other = door.bearer(sid="33333333-3333-4333-8333-333333333333", **ADMIN)
        async with events(door, other) as stream:
            assert stream.response.status == 200
    ended = "/status/events"
    await until(lambda: sum(line["route"] == ended and line["status"] in {200, 499} for line in door.log) == 3)

    async with events(door, headers) as stream:
        assert stream.response.status == 200


async def test_stream_counts_for_no_duration_and_is_logged_when_it_ends(door: Door, tmp_path: Path) -> None:
    fill(tmp_path, door)
    async with events(door, door.bearer(**ADMIN)) as stream:
        await stream.next()
        door.drain.has_begun = True
        await stream.next()
    await until(lambda: any(line["route"] == "/status/events" for line in door.log))

    [family] = door.durations.collect()
    assert "/status/events" not in {sample.labels["route"] for sample in family.samples}
