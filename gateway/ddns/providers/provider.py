"""What all providers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gateway.ddns.answers import Answer
from gateway.ddns.decisions import Rules
from gateway.ddns.families import Address, Family


class Provider(Protocol):
    """Somebody who publishes our name. Made for one record: it knows its credentials."""

    @property
    def rules(self) -> Rules:
        """When it may be asked, from its documentation."""

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        """Publish ``addresses`` under ``name``, and leave the family that is not among them alone.

        Two addresses come only where ``rules.together``. Never raises: what went wrong is an answer. Has a deadline of
        its own; after a cancellation nobody knows whether they are published.
        """
