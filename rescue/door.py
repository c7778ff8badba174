"""What the keep does about its door: lock it out, admit it again, replace its keys. Runs on the keep, as root."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rescue.audit import Caller
from rescue.commands import Commands, Finished, in_unit
from rescue.ours import UNIT, Ours, StepFailed
from rescue.remote import DOOR_KEY, ssh
from rescue.rotation import Ids, rotate
from rescue.settings import Settings
from rescue.systemctl import SystemCtl
from rescue.units import unit_name

BRIDGE_PORTS: Final = "{ 8443, 8444 }"
TABLE: Final = "drawbridge_lock"
AGENT: Final = unit_name("agent")
REVOKE_SETTLE_S: Final = 3.0
"""By then the agent has read its keys anew, and no renewal that came before is under way."""

LOCKED: Final = 0
LOCKED_BY_FORCE: Final = 1
NOT_LOCKED: Final = 2
_SSH_S: Final = 90.0


class Door:
    """The door, from the keep."""

    def __init__(
        self, settings: Settings, commands: Commands, caller: Caller, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._commands = commands
        self._caller = caller
        self._sleep = sleep
        self._say = commands.say
        self._paths = commands.paths
        self._ours = Ours(settings.host, commands)
        self._systemctl = SystemCtl(commands)

    def lock(self) -> int:
        """Leave whoever has the door's keys, certificates and sessions with nothing. Repeating it does no harm.

        First what stops every message, then what stops every connection, then what people's tokens are worth. Where a
        step fails, the agent is stopped, stays so over a reboot, and the firewall drops what the door sends: nobody is
        served then, and nobody who should not be.
        """
        self._mark()
        faults = [*self._try("message keys", self._forget_keys), *self._try("certificates", self._revoke)]
        self._systemctl.capture("kill", "--signal=HUP", AGENT, timeout_s=10)
        faults += self._try("sessions", self._end_sessions)
        self._sleep(REVOKE_SETTLE_S)
        faults += self._try("certificates that were renewed meanwhile", self._revoke)
        if not faults:
            self._say("the door is locked out; readmit-door lets the real one in again")
            return LOCKED
        self._say("not all of it worked: stopping the agent, and dropping what the door sends")
        return self._lock_by_force()

    def readmit(self) -> int:
        """Give the real door new keys and a new certificate, over its pinned host key. What it had stays worthless."""
        bundle = self._ours.offer_admission()
        ended = self._commands.capture(
            *ssh(self._settings, self._paths, DOOR_KEY, ["admit", "--yes"]), timeout_s=_SSH_S, given=bundle
        )
        if ended.code != 0:
            self._ours.keys("forget", "--yes")
            self._say(f"the door did not take them, and stays locked out: {ended.reason}")
            return 1
        was_held = self._paths.held.exists()
        self._paths.held.unlink(missing_ok=True)
        if self._has_table():
            self._nft("delete", "table", "inet", TABLE)
        if was_held and self._systemctl.run("start", AGENT) != 0:
            return 1
        self._paths.locked.unlink(missing_ok=True)
        self._say("the door has new keys and a new certificate; what it had before is refused")
        self._say("next: whoever signed in through a stolen door should get a new password (agent users password)")
        return 0

    def rotate_keys(self) -> int:
        """Replace the message keys of both hosts."""
        if self._paths.locked.exists():
            self._say("the door is locked out: readmit-door gives it new keys")
            return 1
        rotate(_Here(self._ours), _There(self._settings, self._commands), self._say, self._sleep)
        return 0

    def _forget_keys(self) -> str:
        return self._ours.keys("forget", "--yes").strip()

    def _revoke(self) -> str:
        return self._ours.revoke_all_but_the_agent().strip()

    def _end_sessions(self) -> str:
        return self._ours.end_sessions().strip()

    def _try(self, name: str, step: Callable[[], str]) -> list[str]:
        try:
            self._say(f"{name}: {step()}")
        except (StepFailed, ValueError, KeyError) as error:
            self._say(f"{name}: failed: {error}")
            return [name]
        return []

    def _lock_by_force(self) -> int:
        is_stopped = True
        try:
            self._paths.held.write_text("", "ascii")
        except OSError as error:
            self._say(f"{self._paths.held}: {error.strerror}")
            is_stopped = False
        is_stopped &= self._systemctl.run("stop", AGENT) == 0
        family = "ip6" if ipaddress.ip_address(self._settings.peer).version == 6 else "ip"  # noqa: PLR2004
        rules = (
            f"add table inet {TABLE}\nflush table inet {TABLE}\n"
            f"table inet {TABLE} {{ chain input {{ type filter hook input priority -200; policy accept;\n"
            f"{family} saddr {self._settings.peer} tcp dport {BRIDGE_PORTS} drop\n"
            f"{family} saddr {self._settings.peer} ct state new drop\n}}\n}}\n"
        )
        dropped = self._nft("-f", "-", given=rules.encode())
        if dropped.code != 0:
            self._say(f"nft: {dropped.reason}")
        if not is_stopped and dropped.code != 0:
            self._say("the door is NOT locked out: pull its cable")
            return NOT_LOCKED
        self._say("the door is locked out by force; nobody is served until readmit-door")
        return LOCKED_BY_FORCE

    def _has_table(self) -> bool:
        return self._nft("list", "table", "inet", TABLE).code == 0

    def _nft(self, *arguments: str, given: bytes = b"") -> Finished:
        return self._commands.capture(*in_unit("root", "nft", *arguments, timeout_s=10), timeout_s=15, given=given)

    def _mark(self) -> None:
        said = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "by": self._caller.key_name or "root"}
        try:
            self._paths.locked.write_text(json.dumps(said), "utf-8")
        except OSError as error:  # the mark is for people; what counts comes after
            self._say(f"{self._paths.locked}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class _Here:
    """The agent's keys."""

    ours: Ours

    def ids(self) -> Ids:
        return self.ours.key_ids()

    def offer(self) -> bytes:
        return self.ours.keys("offer", "--unit", UNIT).encode()

    def take(self, generation: bytes) -> None:
        self.ours.keys("take", given=generation)

    def promote(self) -> None:
        self.ours.keys("promote", "--unit", UNIT)

    def retire(self) -> None:
        self.ours.keys("retire", "--unit", UNIT, "--yes")


@dataclass(frozen=True, slots=True)
class _There:
    """The door's keys, over the rescue path."""

    settings: Settings
    commands: Commands

    def ids(self) -> Ids:
        ids: dict[str, str] = json.loads(self._ask("keys", "json"))
        return ids

    def offer(self) -> bytes:
        msg = "new keys are made on the keep"
        raise StepFailed(msg)

    def take(self, generation: bytes) -> None:
        self._ask("keys", "take", "--yes", given=generation)

    def promote(self) -> None:
        self._ask("keys", "promote", "--yes")

    def retire(self) -> None:
        self._ask("keys", "retire", "--yes")

    def _ask(self, *words: str, given: bytes = b"") -> str:
        ended = self.commands.capture(
            *ssh(self.settings, self.commands.paths, DOOR_KEY, words), timeout_s=_SSH_S, given=given
        )
        if ended.code != 0:
            msg = f"the door, asked for {' '.join(words)}: {ended.reason}"
            raise StepFailed(msg)
        return ended.out
