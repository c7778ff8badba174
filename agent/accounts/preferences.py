"""Preferences as the store keeps them: only what differs from the usual, so that the usual can change."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from pydantic import ValidationError

from bridge.contracts.users import ChangePreferences, Notifications, Preferences


def read(row: asyncpg.Record) -> Preferences:
    """Return what a row of ``preferences`` says. What this program does not know, as a newer one wrote it, is left."""
    stored: dict[str, Any] = json.loads(row["preferences"])
    told = stored.get("notifications", {})
    usual = Preferences(time_zone=row["time_zone"], version=row["version"])
    known = {name: stored[name] for name in ("language", "units") if name in stored}
    notices = {name: told[name] for name in Notifications.model_fields if name in told}
    try:
        return Preferences.model_validate({**usual.model_dump(), **known, "notifications": notices})
    except ValidationError:
        return usual


def changed(before: Preferences, change: ChangePreferences) -> Preferences:
    """Return the preferences with what is given in place of what was."""
    given = change.model_dump(exclude_none=True, exclude={"version"})
    notifications = {**before.notifications.model_dump(), **given.pop("notifications", {})}
    return Preferences.model_validate({**before.model_dump(), **given, "notifications": notifications})


def to_store(preferences: Preferences) -> str:
    """Return the JSON to store; the time zone has a column of its own."""
    return preferences.model_dump_json(exclude_defaults=True, exclude={"time_zone", "version"})
