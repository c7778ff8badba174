"""A TLS folder that is renewed in time, and what it does not take for a renewal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography.x509 import Certificate, CertificateSigningRequest

from bridge.errors import Code, Conflict
from bridge.pki import (
    IDENTITY_FILE,
    ROOTS_FILE,
    Authority,
    Identity,
    PKIRefused,
    Profile,
    Renewal,
    generate_key,
    issue,
    read_certificates,
    read_identity,
    renewal,
    serial_text,
    write_certificates,
)
from tests.waiting import until

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
DAY: Final = timedelta(days=1)

Chain = tuple[Certificate, ...]


class Keep:
    """An authority, the gateway's TLS folder, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "pki")
        self.authority.init(now=NOW)
        self.tls = folder / "tls"
        self.authority.issue_unit("gateway", self.tls, now=NOW)
        self.intermediate = read_identity(folder / "pki" / "intermediate.pem")
        self.now = NOW
        self.asked = 0
        self.answer: Callable[[Certificate, CertificateSigningRequest], Chain] = self.renew
        self.check_s = 3600.0

    def renew(self, leaf: Certificate, request: CertificateSigningRequest) -> Chain:
        return self.authority.renew_for(leaf, request, now=self.now)

    async def sign(self, leaf: Certificate, request: CertificateSigningRequest) -> Chain:
        self.asked += 1
        return self.answer(leaf, request)

    @property
    def renewal(self) -> Renewal:
        return Renewal(self.tls, self.sign, now=lambda: self.now, check_s=self.check_s)

    @property
    def leaf(self) -> Certificate:
        return read_identity(self.tls / IDENTITY_FILE).certificate


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    return Keep(tmp_path)


async def test_key_and_certificate_are_replaced_when_due_and_not_before(
    keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = keep.leaf
    keep.now = NOW + 10 * DAY

    assert not await keep.renewal.renew_if_due()
    assert keep.asked == 0

    keep.now = NOW + 11 * DAY
    assert await keep.renewal.renew_if_due()

    assert keep.leaf.public_key() != before.public_key()
    assert keep.leaf.not_valid_after_utc == NOW + 41 * DAY
    (record,) = caplog.records
    assert record.__dict__["drawbridge_fields"] == {
        "serial": serial_text(keep.leaf),
        "replaced": serial_text(before),
        "not_after": "2027-01-01T00:00:00+00:00",
    }


def for_another_key(keep: Keep) -> None:
    keep.answer = lambda leaf, _request: keep.renew(leaf, Identity(generate_key(), ()).request())


def for_another_unit(keep: Keep) -> None:
    def answer(_leaf: Certificate, request: CertificateSigningRequest) -> Chain:
        key = request.public_key()
        return issue(keep.intermediate, Profile.of_unit("monitor"), key, now=keep.now)  # type: ignore[arg-type]

    keep.answer = answer


def for_no_longer(keep: Keep) -> None:
    def answer(leaf: Certificate, request: CertificateSigningRequest) -> Chain:
        return keep.authority.renew_for(leaf, request, now=NOW)

    keep.answer = answer


def without_its_intermediate(keep: Keep) -> None:
    keep.answer = lambda leaf, request: keep.renew(leaf, request)[:1]


def with_another_intermediate(keep: Keep) -> None:
    other = Authority(keep.tls.parent / "other")
    other.init(now=NOW)
    strange = read_identity(keep.tls.parent / "other" / "intermediate.pem").chain
    keep.answer = lambda leaf, request: (keep.renew(leaf, request)[0], *strange)


def below_another_root(keep: Keep) -> None:
    other = Authority(keep.tls.parent / "other")
    other.init(now=NOW)
    write_certificates(keep.tls / ROOTS_FILE, read_certificates(keep.tls.parent / "other" / "root.pem"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (for_another_key, "not for our key"),
        (for_another_unit, "not for our key, our name"),
        (for_no_longer, "ends on 2026-12-21, no later than the old: see pki prolong"),
        (without_its_intermediate, "does not end in one of our roots"),
        (with_another_intermediate, "does not end in one of our roots"),
        (below_another_root, "does not end in one of our roots"),
    ],
)
async def test_folder_stays_as_it_is_when_the_new_certificate_would_serve_worse(
    keep: Keep, wrong: Callable[[Keep], None], reason: str
) -> None:
    before = keep.leaf
    keep.now = NOW + 20 * DAY
    wrong(keep)

    with pytest.raises(PKIRefused, match=reason):
        await keep.renewal.renew_if_due()

    assert keep.asked == 1
    assert keep.leaf == before


async def test_failure_is_logged_once_and_tried_again_until_it_is_over(
    keep: Keep, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "RETRY_S", 0.001)
    before, failures = keep.leaf, [ConnectionError("away"), ConnectionError("away"), Conflict(Code.CONFLICT)]
    keep.now = NOW + 20 * DAY

    def answer(leaf: Certificate, request: CertificateSigningRequest) -> Chain:
        if failures:
            raise failures.pop(0)
        return keep.renew(leaf, request)

    keep.answer = answer
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keep.renewal.run())
        await until(lambda: keep.leaf != before)
        running.cancel()

    assert keep.asked == 4
    reasons = [record.__dict__["drawbridge_fields"]["reason"] for record in caplog.records]
    assert reasons == ["ConnectionError: away", "Conflict: The request conflicts with the current state"]


async def test_certificate_is_looked_at_again_when_the_time_has_passed(keep: Keep) -> None:
    keep.check_s = 0.001
    before = keep.leaf
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keep.renewal.run())
        await asyncio.sleep(0)
        keep.now = NOW + 20 * DAY
        await until(lambda: keep.leaf != before)
        running.cancel()

    assert keep.asked == 1
