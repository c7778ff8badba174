"""What a route says of itself, for people who write clients: declared beside its handler, as its quota is.

``gateway.web.openapi`` makes the API's description of it. What follows from the operation that a handler calls, such as
who may call it and what it answers, is taken from its contract and not said again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from bridge.contracts.operation import Operation

H = TypeVar("H", bound=Callable[..., object])

_ATTRIBUTE: Final = "described_as"


@dataclass(frozen=True, slots=True)
class Query:
    """The query of a route: the fields of ``model``, some ``renamed`` (parameter by field) or with other ``schemas``.

    ``without`` are fields that no parameter sets, ``more`` the schemas of parameters that are no field.
    """

    model: type[BaseModel]
    renamed: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a good answer leads: to the ``operation`` of that name, with ``parameters`` found in the answer.

    Each is a JSON pointer into the answer's body (https://spec.openapis.org/oas/v3.1.1.html#link-object).
    """

    operation: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Description:
    """What is worth knowing of one route besides its path and method.

    ``operation`` is the one of the agent's that it calls; where it calls none, or several, ``name`` says what the route
    is called. ``result`` is the answer's body, the operation's result unless said; ``status`` its status. ``also`` are
    other good answers, with their body or a word on each. ``refuses`` are the statuses that nothing else here implies.
    ``links`` are what the answer leads to, beside the following page of a list, which needs no saying.
    ``example`` is a body and ``example_query`` a query that do something; tests send them.
    """

    summary: str
    operation: Operation[Any, Any] | None = None
    name: str = ""
    details: str = ""
    query: Query | None = None
    body: type[BaseModel] | None = None
    result: type[BaseModel] | None = None
    media_type: str = "application/json"
    status: int = 200
    also: Mapping[int, type[BaseModel] | str] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    has_edition: bool = False
    takes_edition: bool = False
    location: bool = False
    links: tuple[Link, ...] = ()
    example: Mapping[str, Any] | None = None
    example_query: Mapping[str, str | int] = field(default_factory=dict)


def described(description: Description) -> Callable[[H], H]:
    """Declare what a handler's route says of itself."""

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, description)
        return handler

    return declare


def description_of(handler: object) -> Description | None:
    """Return what was declared, or None where nothing was."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Description) else None
