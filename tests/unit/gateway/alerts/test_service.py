from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.alerts.channels import NotSent, Refused
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import REPORTS_MAX, TURNED_AWAY, Inbox, Report
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings
from gateway.alerts.wording import Words
from tests.clocks import HurriedClock, TurnedClock
from tests.waiting import until

PROJECT = Path(__file__).parents[4]
UTC = ZoneInfo("UTC")
CAUSES = {"x.a", "x.b", "y.c"}


class Recorder:
    """A channel that does as it is told, and remembers what it was given."""

    def __init__(self, name: str = "email") -> None:
        self.name = name
        self.sent: list[Words] = []
        self.answer: Callable[[Words], str] = lambda _words: "ok"

    def send(self, words: Words) -> str:
        said = self.answer(words)
        self.sent.append(words)
        return said


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HurriedClock()
        (folder / "inbox").mkdir()
        self.inbox = Inbox(folder / "inbox")
        self.email, self.webhook = Recorder(), Recorder("webhook")
        self.start()

    def start(self) -> None:
        self.alerts = Alerts(
            Settings("box", UTC, QuietHours(UTC)), self.clock, inbox=self.folder / "inbox",
            book=self.folder / "alerts.json", channels=[self.email, self.webhook],
        )  # fmt: skip

    def report(self, cause: str, state: str = "raised", severity: str = "warning", summary: str = "Trouble") -> None:
        assert self.inbox.report(Report(cause, state, severity, summary, at=self.clock.time()))  # type: ignore[arg-type]

    async def turn(self, seconds: float = 11.0) -> None:
        await self.alerts.look()
        self.clock.advance(seconds)
        await self.alerts.look()
        for channel in (self.email, self.webhook):
            await self.alerts.deliver(channel)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "inbox").iterdir())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_report_goes_to_every_channel_and_its_file_away(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.report("x.a", summary="The disk is full")

    with caplog.at_level(logging.INFO):
        await scene.turn()

    assert [words.title for words in scene.email.sent + scene.webhook.sent] == ["The disk is full"] * 2
    assert scene.email.sent[0].id == scene.webhook.sent[0].id
    assert scene.files == []
    (line,) = [record for record in caplog.records if record.message == "alert_told"]
    assert line.__dict__["drawbridge_fields"]["title"] == "The disk is full"
    delivered = scene.alerts.snapshot()[0]["delivered"]
    assert set(delivered) == {"journal", "email", "webhook"}
    assert None not in delivered.values()


async def test_nothing_is_told_twice_when_the_monitor_starts_anew(scene: Scene) -> None:
    scene.report("x.a")
    await scene.turn()
    scene.start()
    scene.report("x.a")
    await scene.turn()

    assert len(scene.email.sent) == 1
    assert scene.alerts.snapshot()[0]["delivered"]["email"] is not None


async def test_book_knows_when_an_event_happened_last_when_the_monitor_starts_anew(scene: Scene) -> None:
    assert scene.alerts.began_at("bans.new") is None
    began = scene.clock.time()
    for _ in range(2):
        scene.report("bans.new", "event", "info")
        await scene.turn(3600)
    scene.start()

    assert scene.alerts.began_at("bans.new") == began + 3600


async def test_length_is_true_when_the_clock_was_set_in_the_outage(scene: Scene) -> None:
    scene.report("x.a")
    await scene.turn()
    before = scene.clock.time()
    TurnedClock.advance(scene.clock, 5 * 3600)
    await scene.turn(600)
    scene.report("x.a", "cleared")
    await scene.turn()

    [_, over] = scene.email.sent
    assert "It lasted 10 min" in over.text
    assert scene.alerts.began_at("x.a") == before + 5 * 3600 - 11


async def test_what_was_told_before_is_left_alone_when_the_clock_was_set(scene: Scene) -> None:
    scene.report("x.a")
    await scene.turn()
    began = scene.alerts.began_at("x.a")
    scene.start()
    TurnedClock.advance(scene.clock, 5 * 3600)
    await scene.turn()

    assert scene.alerts.began_at("x.a") == began


async def test_message_keeps_its_id_when_it_is_tried_again_after_a_start(scene: Scene) -> None:
    tried: list[str] = []

    def away(words: Words) -> str:
        tried.append(words.id)
        raise NotSent("no route")  # noqa: EM101, TRY003

    scene.email.answer = away
    scene.report("x.a")
    await scene.turn()
    scene.start()
    scene.clock.advance(31)
    await scene.turn()

    assert len(tried) == 2
    assert len({*tried, scene.webhook.sent[0].id}) == 1


async def test_other_channels_are_told_when_one_refuses(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(words: Words) -> str:
        raise Refused("535 bad credentials", "check the password")  # noqa: EM101, TRY003

    scene.email.answer = refuse
    scene.report("x.a")
    await scene.turn()
    await scene.turn()

    assert [words.title for words in scene.webhook.sent] == [
        "Trouble", "The channel email refuses alerts: 535 bad credentials",
    ]  # fmt: skip
    assert "check the password" in scene.webhook.sent[1].text
    shown = {one["cause"]: one for one in scene.alerts.snapshot()}
    assert shown["x.a"]["refused"] == {"email": "535 bad credentials"}

    scene.email.answer = lambda _words: "ok"
    scene.report("x.b")
    await scene.turn()
    await scene.turn()
    assert scene.webhook.sent[-1].title.startswith("Over after")


async def test_other_channels_go_on_when_one_has_a_fault(scene: Scene) -> None:
    def fault(words: Words) -> str:
        raise KeyError(words.id)

    scene.email.answer = fault
    scene.report("x.a")
    await scene.turn()

    assert len(scene.webhook.sent) == 1


async def test_reports_stay_in_the_inbox_when_the_book_cannot_be_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    scene.report("x.a")
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_space)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                await scene.alerts.look()
    assert len(scene.files) == 1

    await scene.turn()
    assert scene.files == []
    assert len(scene.email.sent) == 1


async def test_book_is_begun_anew_and_the_old_one_kept_when_it_is_damaged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.report("x.a")
    await scene.turn()
    book = scene.folder / "alerts.json"
    book.write_bytes(book.read_bytes()[:-20])

    scene.start()

    assert scene.alerts.snapshot() == []
    assert (scene.folder / "alerts.damaged").exists()
    assert "alert_book_damaged" in caplog.text


@pytest.mark.parametrize("kind", ["text", "link", "pipe", "folder"])
async def test_file_is_put_away_and_the_others_taken_when_it_is_no_report(scene: Scene, kind: str) -> None:
    path = scene.folder / "inbox" / "1-2-00000000.json"
    match kind:
        case "text":
            path.write_text("{")
        case "link":
            path.symlink_to("/etc/hostname")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    scene.report("x.a")

    for _ in range(2):
        await scene.turn()

    assert scene.files == (["1-2-00000000.json"] if kind == "folder" else [])
    assert {case["cause"] for case in scene.alerts.snapshot()} == {"x.a"}


async def test_draft_is_swept_when_its_writer_is_long_gone(scene: Scene) -> None:
    draft = scene.folder / "inbox" / ".1-2-00000000.json"
    draft.write_text("{")
    now = scene.clock.time()
    os.utime(draft, (now - 7200, now - 7200))

    scene.report("x.a")
    await scene.turn()

    assert scene.files == []


@pytest.mark.slow
async def test_flood_is_counted_when_the_inbox_was_full(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    report = Report("ban.added:203.0.113.7", "event", "info", "An address was banned", at=scene.clock.time())
    taken = sum(scene.inbox.report(report) for _ in range(10_000))
    assert taken < REPORTS_MAX
    assert (scene.folder / "inbox" / TURNED_AWAY).stat().st_size == 10_000 - taken

    await scene.turn()

    assert scene.files == []
    text = scene.email.sent[0].text
    assert f"{taken} times: An address was banned" in text
    assert f"{10_000 - taken} times: More was reported than there is room for" in text


async def test_inbox_that_is_missing_is_told_to_the_log_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    (scene.folder / "inbox").rmdir()

    for _ in range(3):
        await scene.turn()

    assert [record.message for record in caplog.records] == ["alert_inbox_unreadable"]


async def test_service_runs_by_itself_until_cancelled(scene: Scene) -> None:
    async with asyncio.timeout(8):
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(scene.alerts.run())
            scene.report("x.a")
            await until(lambda: scene.files == [], timeout_s=4)
            scene.clock.advance(11)
            await until(lambda: len(scene.email.sent) == len(scene.webhook.sent) == 1, timeout_s=4)
            running.cancel()

    assert running.cancelled()


async def test_end_is_not_held_up_when_a_channel_hangs(scene: Scene) -> None:
    hanging, release = threading.Event(), threading.Event()

    def hang(words: Words) -> str:
        hanging.set()
        release.wait(8)
        return "late"

    scene.email.answer = hang
    scene.report("x.a")
    await scene.alerts.look()
    scene.clock.advance(11)
    await scene.alerts.look()
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(scene.alerts.deliver(scene.email))
        await until(hanging.is_set)
        delivering.cancel()
    release.set()

    assert delivering.cancelled()


@pytest.mark.slow
def test_no_alert_is_lost_or_told_as_two_whenever_the_monitor_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.unit.gateway.alerts.crashing", str(tmp_path)]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, timeout=55, check=True)

    results = json.loads(done.stdout)
    killed = results[:-1]
    assert len(killed) > 15
    assert [result["status"] for result in killed] == [signal.SIGKILL] * len(killed)
    for step, result in enumerate(results, 1):
        assert result["again"] == 0, step
        assert result["left"] == [], step
        told = {cause for _, causes in result["delivered"] for cause in causes}
        assert told == CAUSES, step
        ids = {(identifier, cause) for identifier, causes in result["delivered"] for cause in causes}
        assert len(ids) == len(CAUSES), step  # told twice, if at all, under one Message-ID
        assert len(result["delivered"]) <= 2, step
    assert sum(len(result["delivered"]) == 2 for result in results) <= 8  # between having sent and having kept that
