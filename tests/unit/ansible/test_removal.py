"""The keep is what it was before, once its owner has typed what docs/operate.md says: nothing of the playbook stays."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.unit_files import ROOT

ROLES: Final = ROOT / "ansible/roles"
OF_THE_KEEP: Final = (
    "agent", "backup", "base", "changes", "database", "firewall", "pki", "release", "rescue", "ssh", "units",
)  # fmt: skip
OF_THE_DOOR: Final = {"door.yml", "name.yml", "with_secrets.yml"}
STAYS: Final = {
    "/boot/firmware/cmdline.txt": "the memory controller harms nobody",
    "/etc/nftables.conf": "it loads what others put into its folder",
    "/etc/nftables.d": "a folder for others' rules too",
    "/etc/systemd/journald.conf.d": "empty",
    "/etc/systemd/system": "the units' own folder",
    "/etc/systemd/system/nftables.service.d": "empty",
    "/run/sshd": "sshd's own",
}
WRITERS: Final = {"copy": "dest", "template": "dest", "unarchive": "dest", "file": "path", "command": "creates"}


def section() -> str:
    return (ROOT / "docs/operate.md").read_text("utf-8").partition("## Take it off again")[2]


def tasks(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        for part in ("block", "rescue", "always"):
            yield from tasks(entry.get(part, []))


def all_tasks() -> Iterator[dict[str, Any]]:
    for role in OF_THE_KEEP:
        for path in (ROLES / role / "tasks").glob("*.yml"):
            if path.name not in OF_THE_DOOR:
                yield from tasks(yaml.safe_load(path.read_text("utf-8")))


def written() -> Iterator[str]:
    """Yield every place where the playbook writes something at the keep, with * for what depends on the inventory."""
    for task in all_tasks():
        if task.get("delegate_to") == "localhost" or task.get("ansible.builtin.file", {}).get("state") == "absent":
            continue
        for writer, key in WRITERS.items():
            place = task.get(f"ansible.builtin.{writer}", {}).get(key, "")
            entries = task.get("loop", [""])
            for entry in entries if isinstance(entries, list) else ["*"]:
                value = entry.get("path", entry.get("name", "*")) if isinstance(entry, dict) else entry
                known = re.sub(r"\{\{ item(?:\.\w+)? \}\}", str(value), place)
                yield re.sub(r"\{\{.*?\}\}", "*", known).rstrip("/")


def removed() -> list[str]:
    """Return what the commands name, as the shell of the owner expands it."""
    lines = re.findall(r"^keep\$ (?:cd (\S+) && )?sudo rm -rf ([^#\n]+)", section(), re.MULTILINE)
    found: list[str] = []
    for folder, words in lines:
        printed = subprocess.run(
            ["bash", "-f", "-c", f"printf '%s\\n' {words}"], capture_output=True, text=True, check=True
        )
        found += [str(Path(folder or "/") / word) for word in printed.stdout.split()]
    return found


def test_nothing_that_the_playbook_wrote_is_left_when_it_was_taken_off() -> None:
    gone = [place.replace("@15-", "@*-") for place in removed()]
    of_others = ("/etc/postgresql/*/drawbridge/*", "/etc/systemd/system/[*].d*")  # pg_dropcluster's; our units', below
    left = {
        place
        for place in written()
        if place.startswith("/")
        and place not in STAYS
        and not any(fnmatch.fnmatch(place, one) for one in of_others)
        and not any(place == one or place.startswith(f"{one}/") or fnmatch.fnmatch(place, f"{one}*") for one in gone)
    }
    assert left == set()


def test_unit_is_stopped_and_its_file_removed_when_it_was_installed_on_the_keep() -> None:
    units = {
        path.name for folder in ("both", "keep") for path in (ROOT / "systemd" / folder).glob("*.*") if path.is_file()
    }
    stopped = {name for line in re.findall(r"disable --now ([^\n]+)", section()) for name in line.split()}
    started_by_others = {name for name in units if name.replace(".service", ".timer") in stopped}
    assert {name for name in units if {name, name.removesuffix(".service")}.isdisjoint(stopped)} <= started_by_others
    gone = removed()
    assert {
        name for name in units if not any(fnmatch.fnmatch(f"/etc/systemd/system/{name}", one) for one in gone)
    } == set()


def test_user_and_group_are_removed_when_the_playbook_made_them_on_the_keep() -> None:
    made = set()
    for task in all_tasks():
        for module in ("user", "group"):
            name = task.get(f"ansible.builtin.{module}", {}).get("name", "")
            made |= {name.replace("{{ base_user }}", "drawbridge-agent")} if name else set()
    assert made == {*re.findall(r"(?:user|group)del ([\w-]+)", section())}


def test_lines_in_the_owners_files_are_removed_when_the_playbook_put_them_there(tmp_path: Path) -> None:
    [marker] = {block["marker"] for task in all_tasks() if (block := task.get("ansible.builtin.blockinfile"))}
    begin, end = (marker.format(mark=mark) for mark in ("BEGIN", "END"))
    [expression] = re.findall(r"sed -i '([^']+)'", section())
    own = "local all all peer\n# BEGIN of the owner's own\nhost all all 192.168.1.0/24 scram-sha-256\n"
    (tmp_path / "pg_hba.conf").write_text(f"{begin}\nlocal clinic drawbridge_source peer\n{end}\n{own}")
    subprocess.run(["sed", "-i", expression, tmp_path / "pg_hba.conf"], check=True)
    assert (tmp_path / "pg_hba.conf").read_text() == own
