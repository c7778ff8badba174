"""The settings as JSON for a process that has no pydantic, secrets in clear: for a descriptor, never for a file."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import SecretStr
from pydantic_core import to_json

from bridge.process.settings import Section


def as_json(settings: Section, sections: Collection[str]) -> bytes:
    """Return the named sections of ``settings``."""
    return to_json(settings.model_dump(include=set(sections)), fallback=_reveal)


def _reveal(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    msg = f"a setting of type {type(value).__name__} has no JSON"
    raise TypeError(msg)
