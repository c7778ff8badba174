"""The whole appliance as ``make run`` starts it, for a browser to visit; its agent can go away and come back."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import asyncpg

from bridge.process.clock import SystemClock
from demo.appliance import ANNA, Appliance, Options
from demo.databases import SOURCE
from demo.installation import Access, Installation
from tests.oidc_provider import CLIENT, SECRET, NpmProvider

SETTINGS: Final = {
    "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ACCOUNT": "1000",
    "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ADDRESS": "1000",
    "DRAWBRIDGE_AGENT_PASSWORDS__BCRYPT_COST": "4",
    "DRAWBRIDGE_GATEWAY_LIMITS__SIGN_IN_PER_MINUTE": "1000",
    "DRAWBRIDGE_GATEWAY_LIMITS__ACCOUNT_PER_MINUTE": "1000",
    "DRAWBRIDGE_GATEWAY_LIMITS__ADDRESS_PER_MINUTE": "1000",
    "DRAWBRIDGE_GATEWAY_LIMITS__ADDRESS_TOTAL_PER_MINUTE": "10000",
    "DRAWBRIDGE_GATEWAY_BRIDGE__BREAKER__CALLS_MIN": "1000",
    "DRAWBRIDGE_GATEWAY_BRIDGE__CACHE__ORIGIN_HOLD_S": "0",
    "DRAWBRIDGE_GATEWAY_JOINING__SIGN_UP": "true",
}
"""Every test signs in to the same account from the same address, and none is about how long a gateway leaves a
failed agent alone."""

PEOPLE: Final = {
    "anna": {"email": ANNA.email, "email_verified": True, "name": "Anna"},
    "stranger": {"email": "stranger@example.org", "email_verified": True, "name": "Stranger"},
}
"""Whom the service to sign in through knows, by their login."""


def settings_for(provider: NpmProvider, site: str) -> dict[str, str]:
    """Return what the appliance has to be told to let people sign in through ``provider``."""
    agent = {
        "ISSUER": provider.issuer, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "SITE": site,
        "CA_FILE": str(provider.ca_file),
    }  # fmt: skip
    return {f"DRAWBRIDGE_AGENT_OIDC__{name}": value for name, value in agent.items()} | {
        "DRAWBRIDGE_GATEWAY_OIDC__NAME": "the test's service"
    }


OWNER: Final = "owner@example.org"
"""An administrator, once there is one."""

_HEARD_S: Final = 5.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Site:
    """A running appliance."""

    appliance: Appliance
    access: Access
    installation: Installation
    snapshots: Path
    """Where this gateway looks for what the monitor and the DDNS updater write."""
    provider: NpmProvider | None
    """The service that people can sign in through, where the machine has one."""

    @classmethod
    def start(cls, appliance: Appliance, options: Options, snapshots: Path, provider: NpmProvider | None) -> Self:
        return cls(appliance, appliance.start(), Installation(options.data_dir), snapshots, provider)

    def add_owner(self) -> None:
        """Make an administrator's account, with the password of the demo's, and one more: the last stays enabled."""
        password = self.installation.folder / "password"
        for email in (OWNER, f"deputy.{OWNER}"):
            self.appliance._agent("users", "add", email, "--role", "admin", "--password-file", str(password))

    def disable_owner(self) -> None:
        self.appliance._agent("users", "disable", OWNER)

    def enable_owner(self) -> None:
        self.appliance._agent("users", "enable", OWNER)

    @property
    def url(self) -> str:
        return self.access.url

    @property
    def ca_files(self) -> list[Path]:
        others = [] if self.provider is None else [self.provider.ca_file]
        return [Path(self.access.ca_file), *others]

    @contextmanager
    def without_agent(self) -> Iterator[None]:
        """Kill the agent; start it again at the end, unless the test did."""
        process = self.appliance._children["agent"].process
        process.kill()
        process.wait()
        try:
            yield
        finally:
            if not self.appliance._children["agent"].is_running:
                self.start_agent()

    def start_agent(self) -> None:
        """Start the agent again, and return when the gateway hears it."""
        heard = self.gateway_events().count("feed_opened")
        self.appliance.restart("agent")
        clock = SystemClock()
        deadline = clock.monotonic() + _HEARD_S
        while self.gateway_events().count("feed_opened") == heard:
            assert clock.monotonic() < deadline, "the gateway does not hear the agent"
            time.sleep(_LOOK_S)

    @contextmanager
    def agent_held(self) -> Iterator[None]:
        """Let the agent hold its breath: connected, and silent."""
        process = self.appliance._children["agent"].process
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    async def in_records(self, query: str, *parameters: object) -> int | float:
        """Return what SQL says about the records of the signed-in person, who is ``$1`` and 1041 in the demo."""
        connection = await asyncpg.connect(self.appliance._postgres.dsn(SOURCE), timeout=5)
        try:
            found: int | float = await connection.fetchval(query, int(ANNA.person), *parameters, timeout=5)
        finally:
            await connection.close(timeout=5)
        return found

    def gateway_events(self) -> list[str]:
        """Return the kinds of what the gateway has logged so far."""
        lines = (self.installation.log / "gateway.log").read_text("utf-8").splitlines()
        return [json.loads(line).get("event", "") for line in lines if line.startswith("{")]
