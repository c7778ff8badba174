"""The settings as JSON for a process that has no pydantic, secrets in clear: for a descriptor, never for a file."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import SecretStr
from pydantic_core import to_json

from bridge.process.settings import Section


def as_json(settings: Section, sections: Collection[str]) -> bytes:
    """Return the named sections of ``settings``."""
    return to_json(_revealed(settings.model_dump(include=set(sections))))


def _revealed(value: object) -> object:
    if isinstance(value, SecretStr):  # which JSON would show as asterisks
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(each) for each in value]
    return value
