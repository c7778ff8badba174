"""What pydantic found wrong, in words for people: without the values, which may be health text or a password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

_OUR_OWN: Final = "Value error, "
"""Stands before what a validator of ours says."""


def wrong_fields(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Give each field's dotted name, empty for the whole, and what is wrong with it."""
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        yield ".".join(map(str, item["loc"])), item["msg"].removeprefix(_OUR_OWN)
