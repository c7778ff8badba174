from __future__ import annotations

from pathlib import Path

import pytest

from rescue.bans import clock
from rescue.bans.clock import SystemClock

KERNEL: Path = Path("/proc/sys/kernel/random/boot_id")


def test_boot_is_the_kernels_when_it_can_be_seen() -> None:
    boot = KERNEL.read_text("ascii").strip().replace("-", "")
    assert SystemClock().now().boot == boot


def test_boot_is_systemds_when_it_is_given() -> None:
    assert SystemClock(boot="37ab0a2b-4113").now().boot == "37ab0a2b4113"


def test_each_start_counts_as_a_boot_when_a_sandbox_hides_the_kernels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "boot_id")
    assert SystemClock().now().boot != SystemClock().now().boot


def test_uptime_goes_on_when_time_passes() -> None:
    machine = SystemClock()
    before = machine.now()
    after = machine.now()
    assert 0 < before.uptime_s <= after.uptime_s
