"""``docker compose exec agent sample-account``: make the sample's account, or give it a new password, and print it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bridge.process.environment import environment
from demo.appliance import ANNA, readable_password

_AGENT: Final = (sys.executable, "-m", "agent")
_CONFIG: Final = ("--config", "/etc/drawbridge/agent.toml")


def main() -> int:
    password = readable_password()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # never an argument: anybody can read those
        file.write(password)
        file.flush()
        options = ("--password-file", str(Path(file.name)), *_CONFIG)
        accounts = _run("users", "list", *_CONFIG)
        if ANNA.email in accounts:
            _run("users", "password", ANNA.email, *options)
        else:
            _run("users", "add", ANNA.email, "--name", ANNA.name, *options)
        _run("grants", "add", ANNA.email, "--app", "health", "--person", ANNA.person, *_CONFIG)
    print(f"user      {ANNA.email}\npassword  {password}")
    print(f"at        {environment().get('PUBLIC_URL', 'https://localhost:8443')}")
    return 0


def _run(*arguments: str) -> str:
    done = subprocess.run(
        (*_AGENT, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.returncode)  # it said why
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
