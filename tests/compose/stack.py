"""The project of compose.yaml, and a visitor at its door."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.compose.engine import Engine

ROOT: Final = Path(__file__).parents[2]
STAYING: Final = ("postgresql", "agent", "gateway", "nginx")
PASSING: Final = ("setup", "migrate")
URL: Final = "https://localhost:8443"
_PROJECT: Final = "drawbridge-test"
_OVERRIDE: Final = {  # many sign-ins from one address, in a minute
    "agent": {
        "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ACCOUNT": "1000",
        "DRAWBRIDGE_AGENT_LIMITS__SIGN_IN_PER_ADDRESS": "1000",
    },
    "gateway": {"DRAWBRIDGE_GATEWAY_LIMITS__SIGN_IN_PER_MINUTE": "1000"},
}
_LOOK_S: Final = 0.25

MEASURED: Final[list[str]] = []
"""What the tests took the time of; printed at the end of the run."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - an answer's content
        return json.loads(self.body)


def wait_until(is_so: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Return how many seconds it took until ``is_so``. Raises AssertionError."""
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() - start < within_s, f"{what}: not within {within_s:g} s"
        time.sleep(_LOOK_S)
    return time.monotonic() - start


class Stack:
    """The project on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._override = engine.folder / "override.yaml"
        services = {name: {"environment": variables} for name, variables in _OVERRIDE.items()}
        self._override.write_text(json.dumps({"services": services}), "utf-8")  # JSON is YAML
        self._roots = engine.folder / "roots.pem"

    # the project

    def compose(self, *arguments: str, timeout_s: float = 120.0, check: bool = True) -> str:
        files = ("--file", str(ROOT / "compose.yaml"), "--file", str(self._override))
        where = ("--project-name", _PROJECT, "--project-directory", str(ROOT))
        return self.engine.run(*self.engine.compose, *files, *where, *arguments, timeout_s=timeout_s, check=check)

    def build(self) -> None:
        self.compose("build", timeout_s=600)

    def up(self) -> None:
        self.compose("up", "--detach", timeout_s=180)

    def wait_until_ready(self, within_s: float = 60.0) -> float:
        """Return how long it took until the door says that the agent answers, and both databases, with their tables."""
        said: list[Answer] = []

        def is_ready() -> bool:
            said[:] = [self.ask("/health/ready")]
            return said[0].status == 200 and all(each["state"] == "up" for each in said[0].json["dependencies"])

        try:
            return wait_until(is_ready, within_s=within_s, what="ready")
        except AssertionError as error:
            logs = (self.engine.run("docker", "logs", "--tail", "20", self.container(each)) for each in STAYING)
            error.add_note("\n".join((str(said), *logs)))
            raise

    def container(self, service: str) -> str:
        """Return the id of a service's container, running or not; empty where there is none."""
        labels = (f"label=com.docker.compose.project={_PROJECT}", f"label=com.docker.compose.service={service}")
        found = self.engine.run("docker", "ps", "--all", "--quiet", *(f"--filter={label}" for label in labels))
        return found.strip()

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine.run("docker", "inspect", self.container(service)))[0]
        return found

    def started_at(self, service: str) -> str:
        return str(self.inspect(service)["State"]["StartedAt"])

    def wait_until_restarted(self, service: str, started_at: str, *, within_s: float = 60.0) -> float:
        """Return how long it took until the service's container was started after ``started_at``."""
        return wait_until(
            lambda: self.started_at(service) != started_at, within_s=within_s, what=f"{service} restarted"
        )

    def execute(self, service: str, *command: str) -> str:
        return self.engine.run("docker", "exec", self.container(service), *command)

    def succeeds(self, service: str, *command: str) -> bool:
        words = ("docker", "exec", self.container(service), *command)
        done = self.engine.run("sh", "-c", '"$@" >/dev/null 2>&1 && echo yes || echo no', "sh", *words)
        return done.strip() == "yes"

    def health_check(self, service: str) -> bool:
        """Return what the service's health check says now."""
        test = self.inspect(service)["Config"]["Healthcheck"]["Test"]
        assert test[0] == "CMD"
        return self.succeeds(service, *test[1:])

    def child_of_process_1(self, service: str) -> int:
        """Return the service's own process, as a process id of this machine."""
        process_1 = self.inspect(service)["State"]["Pid"]
        return int(Path(f"/proc/{process_1}/task/{process_1}/children").read_text("utf-8").split()[0])

    # the visitor

    def ask(
        self, path: str, *, content: Mapping[str, str] | None = None, token: str = "", accept: str = "application/json"
    ) -> Answer:
        """Return the answer to a request through the published port; status 0 where there is none."""
        if not self._roots.exists():
            self._fetch_roots()
        command = ["curl", "--silent", "--max-time", "10", "--cacert", str(self._roots)]
        command += ["--header", f"Accept: {accept}", "--write-out", "\n%{http_code}", URL + path]
        if content is not None:
            command += ["--header", "Content-Type: application/json", "--data", json.dumps(content)]
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        body, _, status = self.engine.run_inside(*command).stdout.rpartition("\n")
        return Answer(int(status), body)

    def sample_password(self) -> str:
        """Return the sample account's password, a new one each time."""
        printed = self.compose("exec", "-T", "agent", "sample-account")
        return next(line.split()[1] for line in printed.splitlines() if line.startswith("password"))

    def sign_in(self, password: str) -> Answer:
        return self.ask("/api/v1/auth/login", content={"email": "anna@example.org", "password": password})

    def forget_roots(self) -> None:
        """Trust what the next nginx shows: its volume was thrown away."""
        self._roots.unlink(missing_ok=True)

    def _fetch_roots(self) -> None:
        if self.container("nginx"):
            with_file = self.engine.run(
                "docker", "exec", self.container("nginx"), "cat", "/etc/drawbridge/web/roots.pem", check=False
            )
            if "BEGIN CERTIFICATE" in with_file:
                self._roots.write_text(with_file, "utf-8")
