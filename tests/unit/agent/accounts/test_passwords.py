from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import bcrypt
import pytest

from agent.accounts.passwords import BYTES_MAX, Passwords, check_strength
from agent.settings import Passwords as PasswordSettings
from bridge.errors import Code, Invalid


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(PasswordSettings(bcrypt_cost=4, threads=1))
    yield passwords
    passwords.close()


@pytest.mark.parametrize("password", ["Zebrafnk1", "ÄÖÜäöü12", "Correct horse 1"])
def test_strength_passes_when_long_and_mixed_enough(password: str) -> None:
    check_strength(password)


@pytest.mark.story("health/US-BE-34.4")
@pytest.mark.parametrize("password", ["", "Abcdef1", "abcdefg1", "ABCDEFG1", "Abcdefgh"])
def test_strength_is_refused_when_short_or_of_one_kind(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_strength(password)
    assert caught.value.fields[0].name == "password"
    assert password == "" or password not in caught.value.fields[0].message


@pytest.mark.parametrize("password", ["Password1", "Qwertz123"])
def test_strength_is_refused_when_everybody_would_try_it(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_strength(password, field="new_password")
    assert [(field.name, "first" in field.message) for field in caught.value.fields] == [("new_password", True)]


@pytest.mark.parametrize("password", ["x" * 71 + "Y1", "ä" * 36 + "Y1"])
def test_strength_is_refused_under_the_fields_own_name_when_bcrypt_would_not_see_all(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_strength(password, field="new_password")
    assert [(field.name, "72 bytes" in field.message) for field in caught.value.fields] == [("new_password", True)]


@pytest.mark.story("todo/FR-012", "todo/SC-006", "tasks/US-BE-1.4.2")
async def test_password_matches_its_hash_when_it_is_the_same(passwords: Passwords) -> None:
    stored = await passwords.hash("  Correct horse 1 ")
    assert stored.startswith("$2b$04$")
    assert await passwords.matches("  Correct horse 1 ", stored)
    assert not await passwords.matches("Correct horse 1", stored)
    assert stored != await passwords.hash("  Correct horse 1 ")


@pytest.mark.story("tasks/US-BE-1.2.1")
async def test_hash_costs_what_is_required_when_nothing_else_is_set() -> None:
    passwords = Passwords(PasswordSettings())
    stored = await passwords.hash("Correct horse 1")
    passwords.close()
    assert stored.startswith("$2b$12$")


async def test_password_matches_when_another_keyboard_composed_it(passwords: Passwords) -> None:
    stored = await passwords.hash("Cr\u00e8me 12345")
    assert await passwords.matches("Cre\u0300me 12345", stored)


async def test_password_never_matches_when_there_is_no_account(passwords: Passwords) -> None:
    assert not await passwords.matches("anything", None)
    assert not await passwords.matches("", None)


async def test_password_is_refused_when_bcrypt_would_not_see_all_of_it(passwords: Passwords) -> None:
    assert await passwords.hash("x" * BYTES_MAX)
    for refused in (passwords.hash("é" * (BYTES_MAX // 2) + "x"), passwords.matches("x" * (BYTES_MAX + 1), None)):
        with pytest.raises(Invalid) as caught:
            await refused
        assert caught.value.code is Code.INVALID_REQUEST
        assert "72 bytes" in caught.value.fields[0].message


async def test_check_takes_as_long_when_there_is_no_account() -> None:
    """What is compared is CPU time of one thread, so that a busy machine does not matter."""
    passwords = Passwords(PasswordSettings(bcrypt_cost=10, threads=1))
    stored = await passwords.hash("Correct horse 1")

    async def cpu_s(stored: str | None) -> float:
        started = time.process_time()
        await passwords.matches("Wrong horse 1", stored)
        return time.process_time() - started

    known = min([await cpu_s(stored) for _ in range(3)])
    unknown = min([await cpu_s(None) for _ in range(3)])
    passwords.close()
    assert unknown == pytest.approx(known, rel=0.2)


async def test_check_costs_the_same_whoever_is_asked_for_when_the_cost_was_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, now = (Passwords(PasswordSettings(bcrypt_cost=cost, threads=1)) for cost in (4, 7))
    old, new = await before.hash("Correct horse 1"), await now.hash("Correct horse 1")
    checkpw, hashpw = bcrypt.checkpw, bcrypt.hashpw
    work: list[int] = []

    def checked(password: bytes, hashed: bytes) -> bool:
        work.append(2 ** int(hashed[4:6]))
        return checkpw(password, hashed)

    def made(password: bytes, salt: bytes) -> bytes:
        work.append(2 ** int(salt[4:6]))
        return hashpw(password, salt)

    monkeypatch.setattr(bcrypt, "checkpw", checked)
    monkeypatch.setattr(bcrypt, "hashpw", made)
    found = {}
    for stored, password in product((None, old, new), ("Correct horse 1", "Wrong horse 1")):
        work.clear()
        found[stored, password] = await now.matches(password, stored), sum(work)
    before.close()
    now.close()
    assert {cost for _, cost in found.values()} == {2**7}
    assert {key for key, (is_right, _) in found.items() if is_right} == {
        (old, "Correct horse 1"),
        (new, "Correct horse 1"),
    }
