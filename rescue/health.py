"""Whether what a release runs is well: at the door each gateway's own answers, on the keep the agent and its port."""

from __future__ import annotations

import http.client
import socket
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rescue.settings import Host, Paths
from rescue.systemctl import SystemCtl
from rescue.units import OF_A_RELEASE, unit_name

_ANSWER_S: Final = 5.0
_AGENT_PORT: Final = 8443


class Health:
    """``settle_s``: how long everything must be well without a break; it has ``within_s`` to get there."""

    def __init__(
        self,
        host: Host,
        paths: Paths,
        systemctl: SystemCtl,
        *,
        settle_s: float = 3.0,
        within_s: float = 60.0,
        look_s: float = 0.5,
    ) -> None:
        self._host = host
        self._paths = paths
        self._systemctl = systemctl
        self._settle_s = settle_s
        self._within_s = within_s
        self._look_s = look_s

    def fault(self, unit: str, *, must_be_ready: bool) -> str:
        """Return what is wrong with ``unit`` now, or nothing."""
        if not self._systemctl.is_active(unit_name(unit)):
            return f"{unit} is not active"
        if self._host is Host.KEEP:
            return self._agent_fault()
        path = self._paths.run / f"{unit.replace('@', '-')}.sock"
        for target in ("/health", *(["/health/ready"] if must_be_ready else [])):
            status = http_status(path, target)
            if status != http.client.OK:
                return f"{unit} answers {target} with {status or 'nothing'}"
        return ""

    def is_ready(self) -> bool:
        """Whether everything is well, what lies beyond this host too."""
        return not any(self.fault(unit, must_be_ready=True) for unit in OF_A_RELEASE[self._host])

    def wait(self, unit: str, *, must_be_ready: bool, sleep: Callable[[float], None] = time.sleep) -> str:
        """Wait until ``unit`` has been well for a while; return what is still wrong at the end, or nothing."""
        started, well_since, fault = time.monotonic(), None, ""
        while time.monotonic() < started + self._within_s:
            fault = self.fault(unit, must_be_ready=must_be_ready)
            now = time.monotonic()
            well_since = None if fault else well_since or now
            if well_since is not None and now >= well_since + self._settle_s:
                return ""
            sleep(self._look_s)
        return fault or f"{unit} does not stay well"

    def _agent_fault(self) -> str:
        host, port = _agent_address(self._paths.etc / "agent.toml")
        try:
            socket.create_connection((host, port), _ANSWER_S).close()
        except OSError as error:
            return f"the agent's port {port} does not accept: {error.strerror or 'time-out'}"
        return ""


def http_status(path: Path, target: str) -> int:
    """Return the status with which a gateway answers at its Unix socket, 0 for none."""
    connection = http.client.HTTPConnection("localhost", timeout=_ANSWER_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ANSWER_S)
        connection.sock.connect(str(path))
        connection.request("GET", target, headers={"X-Forwarded-For": "127.0.0.1"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _agent_address(settings: Path) -> tuple[str, int]:
    try:
        bridge = tomllib.loads(settings.read_text("utf-8")).get("bridge", {})
        return str(bridge.get("host", "127.0.0.1")), int(bridge.get("port", _AGENT_PORT))
    except (OSError, ValueError):
        return "127.0.0.1", _AGENT_PORT
