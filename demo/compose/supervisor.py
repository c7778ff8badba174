"""Process 1 of every container that stays: systemd's part, as far as Docker does not play it.

Docker restarts what ends, and lets a hung process hang: a failing health check restarts nothing. So process 1 starts
the service as its child and ends itself, with all that is in the container, once the child

- is silent for ``--watchdog`` seconds. Gateway and agent beat by sd_notify(3), from their own loops; PostgreSQL and
  nginx are asked by a probe (``demo/compose/probes.py``) instead;
- is stopped (SIGSTOP) as long;
- has ended, with its status.

Docker's ``restart:`` does the rest. Process 1 too can be stopped: the health check, which Docker starts from outside,
finds that (``demo/compose/health_check.py``).

Besides, it waits for a file that ``setup`` writes last, so that containers may be started in any order; gives the log
one format (``demo/compose/log_relay.py``), and tells there what the container uses (``demo/compose/usage.py``); passes
on Docker's SIGTERM, as the signal that the service wants; and lets nginx take over a new certificate. It needs the
standard library alone.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from bridge.process.clock import Clock, SystemClock
from demo.compose.log_relay import LogRelay
from demo.compose.probes import Probe, probe_of
from demo.compose.usage import CGROUP, UsageLog

TICK_S: Final = 1.0
PROBES_A_WATCHDOG: Final = 4
RELOAD_LOOK_S: Final = 30.0
HUNG_STATUS: Final = 75
"""EX_TEMPFAIL: the container's status after a hang."""

_NOTIFY_NAME: Final = f"drawbridge-notify-{os.getpid()}"
"""In Linux's abstract namespace, which is the container's own."""
_READ_MAX_BYTES: Final = 65_536
_STOPPED: Final = "T"
"""A process's state after SIGSTOP, in /proc/PID/stat (proc(5))."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``start_s``: how long the service may take until its first beat. ``stop_s``: to stop when asked to."""

    watchdog_s: float
    start_s: float
    stop_s: float
    stop_signal: signal.Signals
    probe: Probe | None = None
    reload_on: Path | None = None


class Pulse:
    """When the service was last heard of, and since when it is stopped."""

    def __init__(self, clock: Clock, rule: Rule) -> None:
        self._clock = clock
        self._rule = rule
        self._last = clock.monotonic()
        self._has_begun = False
        self._stopped_at: float | None = None

    def beat(self) -> None:
        self._has_begun = True
        self._last = self._clock.monotonic()

    def see(self, state: str) -> None:
        """Take the state letter of its process: a stopped master's workers go on and answer probes."""
        if state != _STOPPED:
            self._stopped_at = None
        elif self._stopped_at is None:
            self._stopped_at = self._clock.monotonic()

    @property
    def silent_s(self) -> float:
        return self._clock.monotonic() - self._last

    @property
    def is_lost(self) -> bool:
        if self._stopped_at is not None and self._clock.monotonic() - self._stopped_at > self._rule.watchdog_s:
            return True  # while it starts too
        return self.silent_s > (self._rule.watchdog_s if self._has_begun else self._rule.start_s)


class Supervisor:
    """Runs one command until it ends, hangs, or Docker asks to stop. To be used once, in process 1."""

    def __init__(self, command: Sequence[str], rule: Rule, relay: LogRelay, usage: UsageLog, clock: Clock) -> None:
        self._command = command
        self._rule = rule
        self._relay = relay
        self._usage = usage
        self._clock = clock
        self._pulse = Pulse(clock, rule)
        self._stop_at: float | None = None
        self._reload_seen = self._reload_state()
        self._reload_look_at = clock.monotonic() + RELOAD_LOOK_S

    def run(self) -> int:
        """Return the status that process 1 is to end with."""
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notices,
            selectors.DefaultSelector() as selector,
        ):
            notices.bind(f"\0{_NOTIFY_NAME}")
            child = self._start()
            output = child.stdout
            if output is None:  # it is a pipe
                raise AssertionError
            os.set_blocking(output.fileno(), False)
            selector.register(notices, selectors.EVENT_READ, lambda: self._hear(notices))
            selector.register(output, selectors.EVENT_READ, lambda: self._relay_output(output.fileno()))
            self._handle_signals(child)
            if self._rule.probe is not None:
                threading.Thread(target=self._probe_for_ever, args=(self._rule.probe,), daemon=True).start()
            while True:
                for key, _ in selector.select(TICK_S):
                    if not key.data():
                        selector.unregister(key.fileobj)
                status = _reap(child.pid)
                if status is not None:
                    self._relay_output(output.fileno())
                    self._write(*self._relay.close(), self._relay.event("service_ended", status=status))
                    return status
                if self._is_over(child):
                    return HUNG_STATUS
                self._reload_if_changed(child)
                self._write(*self._usage.due())

    def _start(self) -> subprocess.Popen[bytes]:
        variables = [f"NOTIFY_SOCKET=@{_NOTIFY_NAME}", f"WATCHDOG_USEC={round(self._rule.watchdog_s * 1_000_000)}"]
        return subprocess.Popen(  # env(1) becomes the command: one process
            ["/usr/bin/env", *variables, *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _handle_signals(self, child: subprocess.Popen[bytes]) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            if self._stop_at is None:
                self._stop_at = self._clock.monotonic() + self._rule.stop_s
            _send(child.pid, self._rule.stop_signal)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda _number, _frame: _send(child.pid, signal.SIGHUP))

    def _is_over(self, child: subprocess.Popen[bytes]) -> bool:
        """Say whether to end without waiting any longer: then the kernel kills whatever is in the container."""
        if self._stop_at is not None:
            is_late = self._clock.monotonic() > self._stop_at
            if is_late:
                self._write(self._relay.event("service_did_not_stop", level="error", waited_s=self._rule.stop_s))
            return is_late
        self._pulse.see(_state_of(child.pid))
        if not self._pulse.is_lost:
            return False
        silent_s = round(self._pulse.silent_s, 1)
        self._write(self._relay.event("service_hung", level="error", silent_s=silent_s, state=_state_of(child.pid)))
        return True

    def _hear(self, notices: socket.socket) -> bool:
        with suppress(BlockingIOError):
            while True:
                lines = notices.recv(_READ_MAX_BYTES).split(b"\n")
                if b"WATCHDOG=1" in lines or b"READY=1" in lines:
                    self._pulse.beat()
        return True

    def _probe_for_ever(self, probe: Probe) -> None:
        while True:
            if probe():
                self._pulse.beat()
            time.sleep(self._rule.watchdog_s / PROBES_A_WATCHDOG)

    def _relay_output(self, descriptor: int) -> bool:
        """Pass on what there is; return False at the end."""
        with suppress(BlockingIOError):
            while content := os.read(descriptor, _READ_MAX_BYTES):
                self._write(*self._relay.feed(content))
            return False
        return True

    @staticmethod
    def _write(*lines: bytes) -> None:
        sys.stdout.buffer.write(b"".join(lines))
        sys.stdout.buffer.flush()

    def _reload_if_changed(self, child: subprocess.Popen[bytes]) -> None:
        if self._clock.monotonic() < self._reload_look_at:
            return
        self._reload_look_at = self._clock.monotonic() + RELOAD_LOOK_S
        state = self._reload_state()
        if state not in {None, self._reload_seen}:
            self._reload_seen = state
            self._write(self._relay.event("reload_asked", file=str(self._rule.reload_on)))
            _send(child.pid, signal.SIGHUP)

    def _reload_state(self) -> tuple[int, int] | None:
        try:
            status = self._rule.reload_on.stat() if self._rule.reload_on else None
        except OSError:
            return None
        return None if status is None else (status.st_ino, status.st_mtime_ns)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pid: int) -> int | None:
    """Collect every process that ended, orphans too; return the status of ``pid`` once it did, as a shell would."""
    found = None
    with suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                break
            if ended == pid:
                code = os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else 128 - code
    return found


def _state_of(pid: int) -> str:
    """Return the state letter of a process (proc(5)): R, S, D, T (stopped), …; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _wait_for(path: Path, relay: LogRelay) -> None:
    if path.exists():
        return
    sys.stdout.buffer.write(relay.event("service_waiting", file=str(path)))
    sys.stdout.buffer.flush()
    while not path.exists():
        time.sleep(TICK_S)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m demo.compose.supervisor", description="Process 1 of a container.")
    parser.add_argument("app", help="the name in the log lines")
    parser.add_argument("--host", required=True, help="the host's name in the log lines: door or keep")
    parser.add_argument("--wait", type=Path, metavar="FILE", help="start once this file is there")
    parser.add_argument("--probe", type=probe_of, metavar="KIND:PATH", help="ask instead of listening for beats")
    parser.add_argument("--watchdog", type=float, default=20.0, metavar="S", help="silence that is a hang (20)")
    parser.add_argument("--start", type=float, default=90.0, metavar="S", help="the same until the first beat (90)")
    parser.add_argument("--stop", type=float, default=12.0, metavar="S", help="how long stopping may take (12)")
    parser.add_argument("--stop-signal", default="SIGTERM", type=lambda name: signal.Signals[name])
    parser.add_argument("--reload-on", type=Path, metavar="FILE", help="SIGHUP once this file was replaced")
    parser.add_argument("--usage", type=float, default=300.0, metavar="S", help="how often to log what is used (300)")
    parser.add_argument("--cgroup", type=Path, default=CGROUP, metavar="FOLDER", help=f"where that is read ({CGROUP})")
    parser.add_argument("command", nargs="+")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    clock = SystemClock()
    relay = LogRelay(host=options.host, app=options.app, clock=clock)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))  # process 1 has no default for it
    if options.wait is not None:
        _wait_for(options.wait, relay)
    rule = Rule(
        watchdog_s=options.watchdog,
        start_s=options.start,
        stop_s=options.stop,
        stop_signal=options.stop_signal,
        probe=options.probe,
        reload_on=options.reload_on,
    )
    usage = UsageLog(relay, clock, every_s=options.usage, group=options.cgroup)
    return Supervisor(options.command, rule, relay, usage, clock).run()


if __name__ == "__main__":
    sys.exit(main())
