"""A worker for passwords that is busy, and stays so: whom that concerns, and whom not. No times are measured here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from agent.accounts.users import NewUser
from bridge.client.breaker import BreakerRule, State
from bridge.client.call import Credentials
from bridge.contracts import health, system
from bridge.contracts.accounts import CONFIRM_ADMIN, REFRESH, SIGN_IN, SIGN_OUT
from bridge.contracts.operation import Lane
from bridge.errors import Code
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import EMAIL, PASSWORD, RECORDS, Machine, Running
from tests.integration.agent.test_app import add_user, code_of, run_sql
from tests.waiting import until

SIGN_INS = BreakerRule().calls_min
"""So many failed ones open a breaker."""


@pytest.fixture
async def machine(tmp_path: Path, store_dsns: StoreDsns, database: str) -> Machine:
    await run_sql(database, RECORDS)
    await add_user(store_dsns, NewUser(email=EMAIL, name="Ann"), person="p-1")
    return Machine.set_up(tmp_path, store_dsns, database)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Give the worker that checks passwords; it ends with the test, whatever becomes of that."""
    worker = Worker()
    really = bcrypt.checkpw

    def check(password: bytes, hashed: bytes) -> bool:
        if worker.is_held:
            worker.began.set()
            worker.freed.wait()
        return really(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    yield worker
    worker.freed.set()


class Worker:
    def __init__(self) -> None:
        self.is_held = False
        self.began = threading.Event()
        self.freed = threading.Event()


async def sign_in(running: Running, number: int) -> Code | None:
    call = running.call(SIGN_IN, email=f"person{number}@example.org", password=PASSWORD, address=f"192.0.2.{number}")
    return await code_of(call)


@pytest.mark.slow
async def test_only_sign_in_is_refused_and_its_breaker_open_when_the_password_worker_is_saturated(
    machine: Machine, worker: Worker
) -> None:
    one_at_a_time = {"credentials": {"in_flight": 1, "queue": 0}}
    one_at_a_time = {"credentials": {"in_flight": 1, "queue": 0}}
    async with machine.running(passwords={"bcrypt_cost": 4, "threads": 1}, shedding=one_at_a_time) as running:
        credentials = await running.sign_in()
        worker.is_held = True
        breakers = running.door.breakers
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(sign_in(running, 0))
            await until(worker.began.is_set, timeout_s=20.0)
            others = [await sign_in(running, number) for number in range(1, SIGN_INS + 1)]
            records = await running.call(health.LIST, credentials)
            status = await running.call(system.STATUS)
            not_closed = {lane for lane, breaker in breakers.items() if breaker.state is not State.CLOSED}
            worker.freed.set()
    assert Code.OVERLOADED in others
    assert set(others) <= {Code.OVERLOADED, Code.BREAKER_OPEN, Code.TIMEOUT}
    assert [item.symptom for item in records.items] == ["Headache"]
    assert status.dependencies
    assert not_closed == {Lane.CREDENTIALS}
    assert first.result() in {Code.BAD_CREDENTIALS, Code.TIMEOUT}


@pytest.mark.slow
async def test_who_is_signed_in_stays_so_or_signs_out_when_sign_ins_are_a_flood(
    machine: Machine, worker: Worker
) -> None:
    """Anybody with enough addresses can make it one: a Pi checks a password in two seconds."""
    one_at_a_time = {"credentials": {"in_flight": 1, "queue": 0}}
    async with machine.running(passwords={"bcrypt_cost": 4, "threads": 1}, shedding=one_at_a_time) as running:
        tokens = await running.call(SIGN_IN, email=EMAIL, password=PASSWORD, address="192.0.2.1")
        worker.is_held = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sign_in(running, 0))
            await until(worker.began.is_set, timeout_s=20.0)
            for number in range(1, SIGN_INS + 1):
                await sign_in(running, number)
            renewed = await running.call(REFRESH, refresh_token=tokens.refresh_token)
            credentials = Credentials(token=renewed.access_token, scope=f"{renewed.user.id}.s.1")
            confirmed = await code_of(running.call(CONFIRM_ADMIN, credentials))
            await running.call(SIGN_OUT, credentials)
            worker.freed.set()
        assert confirmed is Code.FORBIDDEN
        assert await code_of(running.call(health.LIST, credentials)) is Code.SESSION_ENDED
