"""The control machine: where the owner keeps the inventory and runs the playbook."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab import network
from tests.lab.internet import DOMAIN, OWNER
from tests.lab.shell import PROJECT, LabError, run

LAN_NAME: Final = "drawbridge.local"
_RECAP: Final = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
_PLAY_S: Final = 1800
_VENV: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Play:
    """What a run of the playbook came to: tasks changed by host, and all that it printed."""

    changed: Mapping[str, int]
    output: str


class Control:
    """``folder`` holds the inventory, and the PKI that the playbook makes beside it."""

    def __init__(self, folder: Path, key: Path, addresses: Mapping[str, str]) -> None:
        self.folder = folder / "control"
        self.inventory = self.folder / "inventory.yml"
        self._key = key
        self._addresses = addresses

    @property
    def lan_root(self) -> Path:
        """What the devices of the house are told to trust."""
        return self.folder / "drawbridge-pki/web/root.pem"

    def set_up(self, *, door: str, keep: str, settings: Mapping[str, Any]) -> None:
        """Write the inventory, and learn the hosts' keys, as an owner does with the first connection."""
        self.folder.mkdir(exist_ok=True)
        known = self.folder / "known_hosts"
        known.write_text(network.inside(network.ADM, "ssh-keyscan", "-t", "ed25519", *self._addresses.values()))
        common = {
            "drawbridge_domain": DOMAIN,
            "drawbridge_email": OWNER,
            "drawbridge_lan": "10.77.0.0/24",
            # the tests sign in and ask more often than people do
            "drawbridge_agent_settings": {"limits": {"sign_in_per_account": 600, "sign_in_per_address": 600}},
            "drawbridge_gateway_settings": {
                "limits": {"sign_in_per_minute": 600, "account_per_minute": 3000, "address_total_per_minute": 3000}
            },
            "drawbridge_rescue_keys": [self._key.with_suffix(".pub").read_text().strip()],
            "ansible_user": "pi",
            "ansible_ssh_private_key_file": str(self._key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
            **settings,
        }
        (self.folder / "source.toml").write_text((PROJECT / "demo/source.toml").read_text())
        source = {
            "drawbridge_source_database": "clinic",
            "drawbridge_source_tables": ["symptom_log", "symptom_type"],
            "drawbridge_source_mapping": "source.toml",
            "drawbridge_keep_open": [{"name": "PostgreSQL", "port": 5432, "from": ["lan"]}],
        }
        groups = {
            "door": {"hosts": {door: {"ansible_host": self._addresses[door]}}},
            "keep": {"hosts": {keep: {"ansible_host": self._addresses[keep], **source}}},
        }
        self.inventory.write_text(json.dumps({"all": {"vars": common, "children": groups}}, indent=1))  # JSON is YAML

    def fetch_wheels(self, python: str, machine: str) -> None:
        """Build both releases while this machine's own network can be used: the control namespace has none."""
        for side in ("door", "keep"):
            run(
                sys.executable, PROJECT / "ansible/build_release.py",
                f"--side={side}", f"--python={python}", f"--machine={machine}", timeout_s=300,
            )  # fmt: skip

    def play(self, *arguments: str, playbook: str = "site.yml", expect: bool = True, project: Path = PROJECT) -> Play:
        """Run a playbook of ``project``. Raises LabError where it failed although that was not expected."""
        command: tuple[str | Path, ...] = (
            "env", f"PATH={_VENV}:/usr/bin:/bin:/usr/sbin:/sbin", f"ANSIBLE_CONFIG={project / 'ansible/ansible.cfg'}",
            "ANSIBLE_LOCAL_TEMP=/tmp/drawbridge-lab-ansible",
            _VENV / "ansible-playbook", "-i", self.inventory, project / "ansible" / playbook, *arguments,
        )  # fmt: skip
        output = run("ip", "netns", "exec", network.ADM, *command, timeout_s=_PLAY_S, check=False)
        recap = {host: [int(one) for one in numbers] for host, *numbers in _RECAP.findall(output)}
        failed = not recap or any(unreachable or failures for _ok, _changed, unreachable, failures in recap.values())
        if failed == expect:
            msg = f"{playbook} {' '.join(arguments)} {'failed' if failed else 'did not fail'}:\n{output}"
            raise LabError(msg)
        return Play({host: numbers[1] for host, numbers in recap.items()}, output)
