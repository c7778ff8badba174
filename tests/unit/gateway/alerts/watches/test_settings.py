from __future__ import annotations

from dataclasses import asdict

from gateway.alerts.watches.settings import Settings
from gateway.settings.watches import Watches


def test_settings_are_the_files_when_it_says_nothing() -> None:
    assert asdict(Settings()) == Watches().model_dump()


def test_settings_are_the_files_when_they_came_as_json() -> None:
    assert Settings.of(Watches().model_dump(mode="json")) == Settings()
    changed = Watches(web_names=("box.example.org",), errors_min=7)
    assert Settings.of(changed.model_dump(mode="json")) == Settings(web_names=("box.example.org",), errors_min=7)
