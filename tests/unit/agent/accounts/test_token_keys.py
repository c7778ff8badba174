from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.accounts.token_keys import TokenKeys, TokenKeysError
from agent.settings import Tokens
from agent.settings.types import DAY_S

NOW = 1_780_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Tokens:
    return Tokens(keys_dir=tmp_path / "tokens")


def loaded(settings: Tokens, now: float = NOW) -> TokenKeys:
    keys = TokenKeys(settings)
    keys.load(now)
    return keys


def test_keys_are_made_once_when_the_folder_is_new(settings: Tokens) -> None:
    first, again = loaded(settings), loaded(settings, NOW + 1)
    assert first.public_keys() == again.public_keys()
    assert len(first.refresh_key) == 32
    assert first.refresh_key == again.refresh_key
    assert settings.keys_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in settings.keys_dir.iterdir()} == {0o600}


def test_the_only_key_signs_when_it_was_just_made(settings: Tokens) -> None:
    keys = loaded(settings)
    assert keys.signer(NOW).born == NOW
    assert keys.find(keys.signer(NOW).kid) is keys.signer(NOW)
    assert keys.find("other") is None


def test_a_new_key_signs_when_gateways_have_had_time_to_learn_it(settings: Tokens) -> None:
    keys = loaded(settings)
    old = keys.signer(NOW)
    new = keys.rotate(NOW + 1000)
    assert keys.signer(NOW + 1000) == old
    assert keys.signer(NOW + 1059) == old
    assert keys.signer(NOW + 1060) == new
    assert [key.kid for key in keys.public_keys()] == [old.kid, new.kid]


def test_an_old_key_verifies_when_its_tokens_may_still_live(settings: Tokens) -> None:
    keys = loaded(settings)
    old, new = keys.signer(NOW), keys.rotate(NOW + 1000)
    last = NOW + 1000 + settings.lead_s + settings.access_s
    assert not keys.maintain(last - 1)
    assert keys.find(old.kid) == old
    assert keys.maintain(last)
    assert keys.find(old.kid) is None
    assert [path.stem for path in settings.keys_dir.glob("*.pem")] == [new.kid]


def test_a_key_is_made_when_the_newest_is_old(settings: Tokens) -> None:
    keys = loaded(settings)
    assert not keys.maintain(NOW + 90 * DAY_S - 1)
    assert keys.maintain(NOW + 90 * DAY_S)
    assert len(keys.public_keys()) == 2


def test_a_running_agent_takes_a_key_over_when_the_owner_made_it(settings: Tokens) -> None:
    running, owner = loaded(settings), loaded(settings)
    made = owner.rotate(NOW + 10)
    assert running.maintain(NOW + 11)
    assert running.find(made.kid) is not None
    assert not running.maintain(NOW + 12)


def test_keys_stay_in_use_when_the_folder_is_emptied(settings: Tokens) -> None:
    keys = loaded(settings)
    signer = keys.signer(NOW)
    (settings.keys_dir / f"{signer.kid}.pem").unlink()
    with pytest.raises(TokenKeysError, match="every signing key was removed"):
        keys.maintain(NOW)
    assert keys.signer(NOW) == signer


def test_a_running_agent_takes_the_refresh_key_over_when_the_owner_replaced_it(settings: Tokens) -> None:
    keys = loaded(settings)
    (settings.keys_dir / "refresh.key").write_text("ab" * 32)
    assert not keys.maintain(NOW)
    assert keys.refresh_key == b"\xab" * 32


def test_refresh_key_stays_in_use_when_half_of_another_was_written(settings: Tokens) -> None:
    keys = loaded(settings)
    before = keys.refresh_key
    (settings.keys_dir / "refresh.key").write_text("ab" * 16)
    with pytest.raises(TokenKeysError, match=r"refresh\.key is not 32 bytes in hex"):
        keys.maintain(NOW)
    assert keys.refresh_key == before


@pytest.mark.story("tasks/US-BE-1.3.5")
def test_load_refuses_when_others_can_read_a_key(settings: Tokens) -> None:
    key = loaded(settings).signer(NOW)
    (settings.keys_dir / f"{key.kid}.pem").chmod(0o644)
    with pytest.raises(TokenKeysError, match=f"{key.kid}.pem is open to others"):
        loaded(settings)


@pytest.mark.parametrize(
    ("name", "content"), [("refresh.key", "no hex"), ("refresh.key", ""), ("20260101T000000Z-abcd.pem", "no PEM")]
)
def test_load_refuses_when_a_file_holds_something_else(settings: Tokens, name: str, content: str) -> None:
    loaded(settings)
    (settings.keys_dir / name).touch(0o600)
    (settings.keys_dir / name).write_text(content)
    with pytest.raises(TokenKeysError, match=str(settings.keys_dir)):
        loaded(settings)


def test_load_refuses_when_a_key_is_of_another_kind(settings: Tokens) -> None:
    loaded(settings)
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = settings.keys_dir / "20260101T000000Z-abcd.pem"
    path.touch(0o600)
    path.write_bytes(pem)
    with pytest.raises(TokenKeysError, match="is not an Ed25519 key"):
        loaded(settings)


def test_files_of_other_names_are_left_alone_when_keys_are_read(settings: Tokens) -> None:
    loaded(settings)
    (settings.keys_dir / "notes.pem").write_text("not ours")
    assert len(loaded(settings).public_keys()) == 1
