"""Rings and their rotation as pure values; the key file as a service meets it."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from bridge.keys import (
    FILE_NAME,
    Generation,
    Keyring,
    KeysRefused,
    KeyStore,
    Ring,
    RotationStep,
    generate,
    load_generation,
    load_keyring,
    rotate_once,
    rotation_under_way,
    save_generation,
    save_keyring,
)

NOW: Final = datetime(2026, 11, 21, 8, 30, 1, 250_000, tzinfo=UTC)
A, B, C = (generate("gateway", now=NOW) for _ in range(3))
MONITOR: Final = generate("monitor", now=NOW)


def hkdf(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block of SHA-256, written out."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


# generations


def test_key_id_names_unit_and_day_when_generated() -> None:
    generation = generate("gateway", now=NOW)

    assert re.fullmatch(r"gateway\.2026-11-21\.[a-z0-9]{4}", generation.key_id)
    assert len(generation.secret) == 32
    assert generation.created == NOW.replace(microsecond=0)
    assert generation.unit == "gateway"


def test_generate_refuses_when_the_unit_is_no_name() -> None:
    with pytest.raises(KeysRefused, match="no unit's name"):
        generate("../agent", now=NOW)


def test_generation_hides_its_secret_when_shown() -> None:
    assert "secret" not in repr(A)
    assert "secret" not in repr(Keyring({"gateway": Ring(A)}).request_key())


# the keyring


def test_keys_are_derived_by_direction_when_a_ring_is_made() -> None:
    keyring = Keyring({"gateway": Ring(A)})
    salt = A.key_id.encode()

    request, response = keyring.find_request_key(A.key_id), keyring.response_key(A.key_id)

    assert request is not None
    assert response is not None
    assert request.secret == hkdf(A.secret, salt=salt, info=b"drawbridge bridge-v1 request")
    assert response.secret == hkdf(A.secret, salt=salt, info=b"drawbridge bridge-v1 response")
    assert request.key_id == response.key_id == A.key_id


def test_keyring_accepts_every_generation_when_a_rotation_is_under_way() -> None:
    keyring = Keyring({"gateway": Ring(B, previous=A, next=C), "monitor": Ring(MONITOR)})

    assert keyring.key_ids == (A.key_id, B.key_id, C.key_id, MONITOR.key_id)
    for generation in (A, B, C, MONITOR):
        assert keyring.find_request_key(generation.key_id) is not None
        assert keyring.response_key(generation.key_id) is not None
        assert keyring.unit_of(generation.key_id) == generation.unit


def test_keyring_finds_nothing_when_the_key_id_is_unknown() -> None:
    keyring = Keyring({"gateway": Ring(A)})

    assert keyring.find_request_key(B.key_id) is None
    assert keyring.response_key(B.key_id) is None
    assert keyring.unit_of(B.key_id) is None
    with pytest.raises(KeysRefused, match="no keys for monitor"):
        keyring.ring("monitor")


def test_request_key_is_the_current_generation_when_there_is_one_unit() -> None:
    assert Keyring({"gateway": Ring(B, previous=A, next=C)}).request_key().key_id == B.key_id


@pytest.mark.parametrize(
    ("rings", "named"),
    [({}, "none"), ({"gateway": Ring(A), "monitor": Ring(MONITOR)}, "gateway, monitor")],
    ids=["none", "two"],
)
def test_request_key_refuses_when_there_is_not_one_unit(rings: dict[str, Ring], named: str) -> None:
    with pytest.raises(KeysRefused, match=named):
        Keyring(rings).request_key()


@pytest.mark.parametrize("rings", [{"monitor": Ring(A)}, {"gateway": Ring(A, previous=A)}], ids=["another's", "twice"])
def test_keyring_refuses_when_a_key_id_is_anothers_or_occurs_twice(rings: dict[str, Ring]) -> None:
    with pytest.raises(KeysRefused, match="not the key id of one generation"):
        Keyring(rings)


def test_stage_makes_the_generation_current_when_the_unit_is_new() -> None:
    keyring = Keyring({"gateway": Ring(A)}).stage(MONITOR).stage(B)

    assert keyring.rings == {"gateway": Ring(A, next=B), "monitor": Ring(MONITOR)}


# a ring's steps


def test_ring_keeps_the_old_generation_when_promoted() -> None:
    assert Ring(A).stage(B).promote() == Ring(B, previous=A)
    assert Ring(B, previous=A).retire() == Ring(B)


def test_ring_stays_when_the_same_generation_is_staged_again() -> None:
    assert Ring(A, next=B).stage(B) == Ring(A, next=B)
    assert Ring(A).stage(A) == Ring(A)


def test_ring_refuses_when_another_generation_is_staged_already() -> None:
    with pytest.raises(KeysRefused, match="promote it first"):
        Ring(A, next=B).stage(C)


def test_ring_refuses_to_promote_when_nothing_is_staged() -> None:
    with pytest.raises(KeysRefused, match="no next generation"):
        Ring(A).promote()


# rotation


def rotation() -> list[tuple[RotationStep, Ring, Ring]]:
    """Return each step of a rotation with the agent's and the unit's ring after it."""
    steps = []
    agent = unit = Ring(A)
    step: RotationStep | None = RotationStep.STAGE_AT_AGENT
    while step is not None:
        agent, unit = rotate_once(agent, unit, step=step, now=NOW)
        steps.append((step, agent, unit))
        step = rotation_under_way(agent, unit)
    return steps


@pytest.mark.story("health/US-BE-44.5")
def test_rotation_takes_every_step_in_order_when_begun() -> None:
    steps = rotation()

    assert [step for step, _, _ in steps] == list(RotationStep)
    _, agent, unit = steps[-1]
    assert agent == unit == Ring(agent.current)
    assert agent.current != A


def test_rotation_loses_no_call_when_processes_lag_behind_their_files() -> None:
    """Until a pause, a process may still hold any ring that its file held since the pause before."""
    agents, units = [Ring(A)], [Ring(A)]
    for step, agent, unit in rotation():
        if step.needs_settling:
            agents, units = agents[-1:], units[-1:]
        agents.append(agent)
        units.append(unit)
        for agent_has, unit_has, unit_reads_answer in product(agents, units, units):
            assert unit_has.current in agent_has.generations, step
            assert unit_has.current in unit_reads_answer.generations, step


def test_rotation_is_refused_when_the_rings_share_nothing() -> None:
    for agent, unit in [(Ring(A), Ring(B)), (Ring(A, next=B), Ring(C)), (Ring(A), Ring(A, next=B))]:
        with pytest.raises(KeysRefused, match="do not belong to one rotation"):
            rotation_under_way(agent, unit)


# the file


def test_keyring_is_the_same_when_saved_and_loaded(tmp_path: Path) -> None:
    rings = {"gateway": Ring(B, previous=A, next=C), "monitor": Ring(MONITOR)}

    save_keyring(tmp_path / "keys", Keyring(rings))

    assert load_keyring(tmp_path / "keys").rings == rings
    assert (tmp_path / "keys" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_generation_is_the_same_when_carried(tmp_path: Path) -> None:
    save_generation(tmp_path / "carried.json", A)

    assert load_generation(tmp_path / "carried.json") == A


def test_carried_file_is_refused_when_it_holds_a_rotation(tmp_path: Path) -> None:
    save_keyring(tmp_path, Keyring({"gateway": Ring(A, next=B)}))

    with pytest.raises(KeysRefused, match="does not hold one generation"):
        load_generation(tmp_path / FILE_NAME)


def test_keys_are_refused_when_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(KeysRefused, match=r"keys\.json cannot be read: No such file"):
        load_keyring(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"current"', '"presently"', "gateway"),
        (A.key_id, "gateway", "gateway.current.key_id"),
        ("2026-11-21T", "2026-21-11T", "gateway.current.created"),
        ("{", "", "the file"),
    ],
    ids=["field", "key id", "time", "JSON"],
)
def test_keys_are_refused_without_showing_them_when_malformed(tmp_path: Path, old: str, new: str, where: str) -> None:
    save_keyring(tmp_path, Keyring({"gateway": Ring(A)}))
    path = tmp_path / FILE_NAME
    text = path.read_text()
    secret = json.loads(text)["gateway"]["current"]["secret"]
    path.write_text(text.replace(old, new, 1))

    with pytest.raises(KeysRefused, match="is malformed") as refusal:
        load_keyring(tmp_path)

    assert where in str(refusal.value)
    assert secret not in str(refusal.value)


def test_keys_are_refused_when_a_secret_is_short(tmp_path: Path) -> None:
    generation = Generation(A.key_id, b"short", NOW)
    save_keyring(tmp_path, Keyring({"gateway": Ring(generation)}))

    with pytest.raises(KeysRefused, match=r"gateway\.current\.secret"):
        load_keyring(tmp_path)


# the store


def test_store_refuses_to_start_when_there_are_no_keys(tmp_path: Path) -> None:
    with pytest.raises(KeysRefused):
        KeyStore(tmp_path)


def test_store_follows_its_file_when_keys_rotate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    save_keyring(tmp_path, Keyring({"gateway": Ring(A)}))
    store = KeyStore(tmp_path)
    assert not store.reload_if_changed()

    save_keyring(tmp_path, Keyring({"gateway": Ring(B, previous=A)}))

    assert store.request_key().key_id == A.key_id
    assert store.reload_if_changed()
    assert store.request_key().key_id == B.key_id
    assert store.find_request_key(A.key_id) is not None
    assert store.response_key(A.key_id) is not None
    assert store.unit_of(A.key_id) == "gateway"
    assert [record.getMessage() for record in caplog.records] == ["keys_loaded"]
    assert not store.reload_if_changed()


def test_store_keeps_its_keys_and_says_so_once_when_the_new_ones_are_bad(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_keyring(tmp_path, Keyring({"gateway": Ring(A)}))
    store = KeyStore(tmp_path)

    (tmp_path / FILE_NAME).write_text("{")

    assert not store.reload_if_changed()
    assert not store.reload_if_changed()
    assert [record.getMessage() for record in caplog.records] == ["keys_refused"]
    assert store.request_key().key_id == A.key_id

    (tmp_path / FILE_NAME).unlink()
    assert not store.reload_if_changed()
    save_keyring(tmp_path, Keyring({"gateway": Ring(B)}))
    assert store.reload_if_changed()
    assert store.request_key().key_id == B.key_id


def test_key_ids_sort_by_age_when_days_differ() -> None:
    later = generate("gateway", now=NOW + timedelta(days=10))

    assert later.key_id > A.key_id
