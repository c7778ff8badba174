"""The owner's rescue console at the keep, over SSH from the control machine."""

from __future__ import annotations

from tests.lab import network
from tests.lab.lab import Lab


class Console:
    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def command(self, *options: str) -> tuple[str, ...]:
        return (
            "ssh", "-q", "-F", "none", "-i", str(self._lab.key), "-p", "2222", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5", *options,
            f"rescue@{self._lab.keep.address}",
        )  # fmt: skip

    def ask(self, *words: str, options: tuple[str, ...] = (), check: bool = True, text: str = "") -> str:
        return network.inside(network.ADM, *self.command(*options), *words, text=text, timeout_s=170, check=check)

    def works(self) -> bool:
        """Say whether it lets the owner in."""
        return self.ask("selftest", check=False).strip() == "ok"
