"""The commands of bridge and agent that the console needs, each run as the user whose files they change."""

from __future__ import annotations

import json
from typing import Final

from rescue.commands import Commands, as_user
from rescue.settings import Host

AGENT_USER: Final = "drawbridge-agent"
GATEWAY_USER: Final = "drawbridge-gateway"
UNIT: Final = "gateway"


class StepFailed(Exception):
    """One step of several was not done; the message says which, and why."""


class Ours:
    """``python -m bridge …`` and ``python -m agent …`` of this host's current release."""

    def __init__(self, host: Host, commands: Commands) -> None:
        self._host = host
        self._commands = commands
        state = commands.paths.state
        self._folder = state if host is Host.KEEP else state / "gateway"

    def keys(self, command: str, *arguments: str, given: bytes = b"") -> str:
        """Run ``bridge keys command`` on this host's keys. Raises :class:`StepFailed`."""
        return self._bridge("keys", command, "--keys", str(self._folder / "keys"), *arguments, given=given)

    def key_ids(self) -> dict[str, str]:
        """Return this host's generations of the gateway: previous, current, next → key id."""
        rows = json.loads(self.keys("list", "--json"))
        return {row["generation"]: row["key_id"] for row in rows if row["unit"] == UNIT}

    def certificates(self) -> list[dict[str, str]]:
        """Return the list of the keep's CA."""
        rows: list[dict[str, str]] = json.loads(self._bridge("pki", "list", *self._pki, "--json"))
        return rows

    def revoke_all_but_the_agent(self) -> str:
        """Refuse every certificate but the agent's own, expired ones too: those could be renewed. Returns which."""
        return self._bridge("pki", "revoke", "--all-but", "agent", *self._pki, *self._tls, "--yes")

    def renew(self) -> str:
        """Renew the agent's own certificate."""
        return self._bridge("pki", "renew", *self._pki, *self._tls)

    def offer_admission(self) -> bytes:
        """Return new keys and a new identity for the door, in the place of all it had."""
        keys = ("--keys", str(self._folder / "keys"))
        return self._bridge("admission", "offer", "--unit", UNIT, *self._pki, *keys).encode()

    def take_admission(self, bundle: bytes) -> None:
        keys = ("--keys", str(self._folder / "keys"))
        self._bridge("admission", "take", *self._tls, *keys, given=bundle)

    def end_sessions(self) -> str:
        """Have everybody sign in again."""
        config = str(self._commands.paths.etc / "agent.toml")
        return self._run(AGENT_USER, "agent", "sessions", "end", "--all", "--config", config, credentials=["store.dsn"])

    @property
    def _pki(self) -> tuple[str, str]:
        return "--pki", str(self._folder / "pki")

    @property
    def _tls(self) -> tuple[str, str]:
        return "--tls", str(self._folder / "tls")

    def _bridge(self, *arguments: str, given: bytes = b"") -> str:
        return self._run(AGENT_USER if self._host is Host.KEEP else GATEWAY_USER, "bridge", *arguments, given=given)

    def _run(
        self, user: str, module: str, *arguments: str, given: bytes = b"", credentials: list[str] | None = None
    ) -> str:
        argv = as_user(user, module, *arguments, credentials=credentials or [], paths=self._commands.paths)
        ended = self._commands.capture(*argv, timeout_s=60, given=given)
        if ended.code != 0:
            msg = f"python -m {module} {' '.join(arguments[:2])}: {ended.reason}"
            raise StepFailed(msg)
        return ended.out
