"""Who has logged in, by sshd's word and the keys file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rescue.audit import Caller
from rescue.login import caller_of, fingerprint
from rescue.verbs import Role
from rescue.words import Refused

OWNER = "AAAAC3NzaC1lZDI1NTE5AAAAIGZ0c2NyaXB0b3duZXJvd25lcm93bmVyb3duZXJvd24x"
DOOR = "AAAAC3NzaC1lZDI1NTE5AAAAIGZ0c2NyaXB0ZG9vcmRvb3Jkb29yZG9vcmRvb3Jkb29y"
KEYS = f"""# a comment with {OWNER}
restrict,pty,from="10.0.0.0/8" ssh-ed25519 {OWNER} anna's laptop
restrict,from="10.77.0.4",command="selftest" ssh-ed25519 {DOOR} the door
"""


def login(folder: Path, used: str, keys: str = KEYS) -> Caller:
    (folder / "auth").write_text(used)
    (folder / "keys").write_text(keys)
    variables = {"SSH_USER_AUTH": str(folder / "auth"), "SSH_CONNECTION": "10.0.0.9 51234 10.77.0.3 2222"}
    return caller_of(variables, folder / "keys")


def test_login_has_the_role_of_its_line_when_the_key_is_known(tmp_path: Path) -> None:
    owner = login(tmp_path, f"publickey ssh-ed25519 {OWNER}\n")
    assert owner == Caller(Role.OWNER, fingerprint(OWNER), "anna's laptop", "10.0.0.9")
    assert login(tmp_path, f"publickey ssh-ed25519 {DOOR}\n").role is Role.SELFTEST


def test_fingerprint_is_ssh_keygens_when_compared(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    shown = subprocess.check_output(["ssh-keygen", "-lf", path], text=True)
    assert fingerprint(path.with_suffix(".pub").read_text().split()[1]) == shown.split()[1]


@pytest.mark.parametrize(
    ("used", "keys"),
    [
        ("", KEYS),
        ("password\n", KEYS),
        (f"publickey ssh-ed25519 {OWNER}\npublickey ssh-ed25519 {DOOR}\n", KEYS),
        (f"publickey ssh-ed25519 {OWNER[:-4]}AAAA\n", KEYS),
        (f"publickey ssh-ed25519 {OWNER}\n", f'{KEYS}command="selftest" ssh-ed25519 {OWNER} twice\n'),
        (f"publickey ssh-ed25519 {OWNER}\n", f'command="/bin/sh" ssh-ed25519 {OWNER} x\n'),
        (f"publickey ssh-ed25519 {OWNER}\n", f"# ssh-ed25519 {OWNER}\n"),
        ("publickey ssh-ed25519 \N{LATIN SMALL LETTER E WITH ACUTE}\n", KEYS),
    ],
)
def test_login_is_refused_when_its_key_cannot_be_told_for_sure(tmp_path: Path, used: str, keys: str) -> None:
    with pytest.raises(Refused):
        login(tmp_path, used, keys)


def test_login_is_refused_when_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not say"):
        caller_of({}, tmp_path / "keys")
    (tmp_path / "auth").write_text(f"publickey ssh-ed25519 {OWNER}\n")
    with pytest.raises(Refused, match="cannot be read"):
        caller_of({"SSH_USER_AUTH": str(tmp_path / "auth")}, tmp_path / "keys")
