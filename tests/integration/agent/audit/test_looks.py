"""Who looked at a person's records is recorded, and that person can see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.audit.looks import ONE_LOOK_S, Looks
from agent.audit.operations import Auditing
from agent.audit.reading import Reader
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.contracts.audit import LOOKS, ListEntries, ListLooks
from bridge.contracts.audit import Looks as LooksPage
from bridge.contracts.health import LIST, STATS
from bridge.contracts.operation import Role
from bridge.errors import AppError, Code, Invalid
from bridge.process.clock import SystemClock
from bridge.server import CallerContext, UserCaller
from tests.clocks import TurnedClock
from tests.integration.agent.accounts.house import ANN, BOB
from tests.integration.agent.audit.conftest import soon


@dataclass
class Links:
    persons: dict[UUID, dict[str, str | None]] = field(default_factory=dict)

    async def persons_of(self, user_id: UUID) -> Mapping[str, str | None]:
        return self.persons.get(user_id, {})


class Later:
    """A clock that is put forward at will."""

    ahead_s = 0.0

    def time(self) -> float:
        return SystemClock.time() + self.ahead_s

    def monotonic(self) -> float:
        return SystemClock.monotonic() + self.ahead_s


def caller(user_id: UUID, session_id: UUID | None = None) -> CallerContext:
    user = UserCaller(user_id, session_id or uuid4(), Role.VIEWER, 1)
    return CallerContext(user, "0af7651916cd43dd", "", soon(), "", "")


async def seen_by(store: Pool, links: Links, user_id: UUID, **asked: object) -> LooksPage:
    answer = await Auditing(Reader(store), links).handlers[LOOKS](caller(user_id), ListLooks.model_validate(asked))
    page = LooksPage.model_validate_json(answer.body)
    assert answer.next_cursor == (page.next or "")
    return page


async def count(store: Pool) -> int:
    return len((await Reader(store).page(ListEntries(), deadline=soon())).entries)


async def test_look_says_who_whose_what_and_when_when_it_is_recorded(store: Pool, turned_clock: TurnedClock) -> None:
    ann, session = uuid4(), uuid4()
    await Looks(store, turned_clock).record(caller(ann, session), LIST, app="health", person="p-7")
    asked = ListEntries(entity_type="health.records", entity_id="p-7")
    [entry] = (await Reader(store).page(asked, deadline=soon())).entries
    assert (entry.user_id, entry.session_id, entry.action) == (ann, session, "health.symptoms.list")
    assert (entry.timestamp.timestamp(), entry.request_id) == (turned_clock.time(), "0af7651916cd43dd")


async def test_look_is_recorded_once_a_minute_when_a_page_asks_again_and_again(store: Pool) -> None:
    clock, ann, session = Later(), uuid4(), uuid4()
    looks = Looks(store, clock)
    for _ in range(3):
        await looks.record(caller(ann, session), LIST, app="health", person="p-7")
    assert await count(store) == 1
    await looks.record(caller(ann, session), STATS, app="health", person="p-7")
    await looks.record(caller(ann, session), LIST, app="health", person="p-8")
    await looks.record(caller(ann), LIST, app="health", person="p-7")
    assert await count(store) == 4
    clock.ahead_s = ONE_LOOK_S + 1
    await looks.record(caller(ann, session), LIST, app="health", person="p-7")
    assert await count(store) == 5


async def test_look_is_refused_when_it_cannot_be_recorded(tmp_path: object, store: Pool) -> None:
    away = Pool(PoolOptions("away", f"postgresql://nobody@/none?host={tmp_path}"), SystemClock())
    looks = Looks(away, SystemClock())
    for _ in range(2):  # and is not taken for recorded then
        with pytest.raises(AppError) as caught:
            await looks.record(caller(uuid4()), LIST, app="health", person=None)
        assert caught.value.code is Code.DATABASE_UNAVAILABLE
    await away.close(soon())


async def test_looks_are_shown_to_whom_the_records_belong_and_to_nobody_else(store: Pool) -> None:
    users = Users(store, passwords := Passwords(PasswordSettings(bcrypt_cost=4)), SystemClock())
    ann = await users.add(ANN, "Correct horse 1", deadline=soon())
    bob = await users.add(BOB, "Correct horse 1", deadline=soon())
    passwords.close()
    links = Links({ann: {"health": "p-7"}, bob: {"health": "p-7"}, (eve := uuid4()): {"health": None}})
    looks = Looks(store, clock := TurnedClock())
    for who, operation, person in ((ann, LIST, "p-7"), (bob, STATS, "p-7"), (uuid4(), LIST, "p-7"), (eve, LIST, None)):
        await looks.record(caller(who), operation, app="health", person=person)
        clock.advance(1)

    page = await seen_by(store, links, ann)
    assert [(look.app, look.action, look.by, look.is_self) for look in page.items] == [
        ("health", "health.symptoms.list", None, False),
        ("health", "health.symptoms.stats", "Bob", False),
        ("health", "health.symptoms.list", "Ann", True),
    ]
    assert [look.is_self for look in (await seen_by(store, links, eve)).items] == [True]
    assert (await seen_by(store, links, uuid4())).items == ()


async def test_looks_come_by_pages_when_there_are_many(store: Pool) -> None:
    links = Links({(ann := uuid4()): {"health": "p-7"}})
    looks = Looks(store, TurnedClock())
    for _ in range(5):
        await looks.record(caller(ann), LIST, app="health", person="p-7")
    first = await seen_by(store, links, ann, limit=3)
    second = await seen_by(store, links, ann, limit=3, cursor=first.next)
    assert (len(first.items), len(second.items), second.next) == (3, 2, None)
    links.persons[ann] = {"health": "p-8"}
    with pytest.raises(Invalid) as caught:
        await seen_by(store, links, ann, cursor=first.next)
    assert caught.value.code is Code.INVALID_CURSOR
