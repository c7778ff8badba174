"""The audit trail's pages, in the time zone of whoever reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bridge.contracts.audit import ListEntries
from bridge.contracts.operation import Role
from tests.gateway_door import USER, Door

PROFILE: dict[str, Any] = {
    "id": USER, "email": "ann@example.org", "username": None, "name": "Ann", "role": "admin", "time_zone": "Asia/Tokyo",
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "version": 3,
}  # fmt: skip
ENTRY: dict[str, Any] = {
    "number": 7, "timestamp": "2026-05-01T16:30:07Z", "actor": "user", "user_id": USER, "user_email": None,
    "session_id": None, "action": "accounts.sign_in", "outcome": "done", "entity_type": "session", "entity_id": "",
    "request_id": "", "old_values": None, "new_values": None, "why": None, "erased": False,
}  # fmt: skip
LOOK = {
    "timestamp": "2026-05-01T16:30:07Z", "app": "health", "action": "health.symptoms.list", "by": "Bob",
    "is_self": False,
}  # fmt: skip


async def text_of(door: Door, path: str, zone: str) -> str:
    door.bridge.answers |= {
        "users.profile.get": PROFILE | {"time_zone": zone},
        "audit.entries.list": {"items": [ENTRY], "limit": 50, "next": None},
        "audit.looks.list": {"items": [LOOK], "limit": 50, "next": None},
    }
    async with door.client.get(path, headers=door.with_page(role=Role.ADMIN.value)) as response:
        assert response.status == 200
        return await response.text()


@pytest.mark.parametrize(
    ("zone", "shown", "start", "end"),
    [
        ("Asia/Tokyo", "2026-05-02 01:30:07", "2026-04-30T15:00Z", "2026-05-02T15:00Z"),
        ("America/New_York", "2026-05-01 12:30:07", "2026-05-01T04:00Z", "2026-05-03T04:00Z"),
    ],
)
async def test_trail_is_filtered_and_shown_in_the_zone_of_whoever_reads_it(
    door: Door, zone: str, shown: str, start: str, end: str
) -> None:
    text = await text_of(door, "/audit?from=2026-05-01&to=2026-05-02", zone)
    [asked] = [each.params for each in door.bridge.asked if each.operation == "audit.entries.list"]
    assert isinstance(asked, ListEntries)
    assert (asked.start, asked.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert f"Dates and times are in {zone}." in text
    assert f">{shown}</time>" in text


@pytest.mark.parametrize(
    ("zone", "told", "shown"),
    [
        ("Asia/Tokyo", "Asia/Tokyo", "2 May 2026, 01:30"),
        ("America/New_York", "America/New_York", "1 May 2026, 12:30"),
        ("Nowhere/X", "UTC", "1 May 2026, 16:30"),
    ],
)
async def test_looks_are_shown_in_the_zone_of_whose_records_they_are(
    door: Door, zone: str, told: str, shown: str
) -> None:
    text = await text_of(door, "/account/seen", zone)
    assert f"Times are in {told}." in text
    assert f">{shown}</time>" in text
