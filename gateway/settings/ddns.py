"""The settings of ``python -m gateway ddns serve``: which names it keeps, with whom, and which ports it maps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from bridge.process.settings import Section
from gateway.settings.types import Seconds


class Mapping(Section):
    """Keeping ports mapped at the router, ``ddns.mapping``."""

    enabled: bool = Field(
        default=False,
        description="Ask the router to map the ports to this host. Off: they are mapped by hand, see docs/ports.md.",
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(443, 80), min_length=1, max_length=16, description="TCP ports; the same inside and outside."
    )
    methods: tuple[Literal["pcp", "nat-pmp", "upnp"], ...] = Field(
        default=("pcp", "nat-pmp", "upnp"),
        min_length=1,
        description="The protocols to try with the router, best first.",
    )
    lease_s: Annotated[int, Field(ge=120, le=604_800)] = Field(
        default=3600, description="How long a mapping is asked for, seconds. It is renewed at half of what is granted."
    )
    check_every_s: Seconds = Field(
        default=300.0,
        description="How often the router is asked whether the mappings are there and what its address is, seconds.",
    )
    delete_at_stop: bool = Field(
        default=False,
        description="Delete the mappings when the service stops. Off: they last until their lease ends, "
        "and a restart cuts nobody.",
    )
    nonce_file: Path = Field(
        default=Path("/var/lib/drawbridge/ddns/pcp-nonce"),
        description="The secret by which the router knows this host again (PCP). Made at the first start.",
    )

    @field_validator("ports", "methods")
    @classmethod
    def _once_each(cls, values: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(values)) != len(values):
            msg = "each once"
            raise ValueError(msg)
        return values


class Ddns(Section):
    """Keeping public names at this box's address."""

    mapping: Mapping = Mapping()
