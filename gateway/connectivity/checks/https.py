"""Asks whether the Internet answers: a TLS connection to one target, and to the others if that fails or lingers.

Nothing is sent on it. Once a target cannot be reached, plain-HTTP requests tell a portal, which answers everybody's
with a redirect to itself.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bridge.process.http_client import Malformed, exchange
from gateway.connectivity.findings import Finding, down, unknown, up
from gateway.connectivity.line import Line
from gateway.connectivity.streams import SILENT, UNREACHABLE, Failed, connected

PORT: Final = 443
_PLAIN_PORT: Final = 80
_ALONE_S: Final = 1.0
"""So long one target has to be the proof, before the others are tried too."""
_PORTAL_S: Final = 2.0
_NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED of openssl/x509_vfy.h
_EXPIRED: Final = 10
_AUTHENTICATION_REQUIRED: Final = 511  # RFC 6585: what a portal should say
_REDIRECTS: Final = range(300, 400)


async def check(line: Line) -> Finding:
    targets = line.config.targets
    first = line.turn % len(targets)
    names = [name for name in targets[first:] + targets[:first] if line.target_addresses.get(name)]
    if not names:
        return unknown("No address of any target is known")
    alone, *others = names
    async with asyncio.TaskGroup() as group:
        tries = {alone: group.create_task(_try(line, alone))}
        looks: dict[str, asyncio.Task[str]] = {}
        if not line.is_in_doubt:
            await asyncio.wait(tries.values(), timeout=_ALONE_S)
        if not _is_good(tries[alone]):
            tries |= {name: group.create_task(_try(line, name)) for name in others}
            looks = {name: group.create_task(_portal(line, name)) for name in names}
    results = {name: task.result() for name, task in tries.items()}
    failures = {name: result for name, result in results.items() if isinstance(result, Failed)}
    for name, result in results.items():
        if not isinstance(result, Failed):
            line.is_in_doubt = False
            return up(f"{name} answers, and is who it says", {name: result, **_texts(failures)})
    line.is_in_doubt = True
    return _explain(failures, {name: task.result() for name, task in looks.items()})


def _is_good(one: asyncio.Task[str | Failed]) -> bool:
    return one.done() and not isinstance(one.result(), Failed)


async def _try(line: Line, name: str) -> str | Failed:
    """Return where and how fast ``name`` answered, or how it failed."""
    began, address = line.clock.monotonic(), line.target_addresses[name][0]
    try:
        async with connected(address, PORT, tls=line.tls, name=name):
            return f"{address}, {(line.clock.monotonic() - began) * 1000:.0f} ms"
    except Failed as failure:
        return failure


def _explain(failures: dict[str, Failed], portals: dict[str, str]) -> Finding:
    evidence = _texts(failures)
    codes = {failure.verify_code for failure in failures.values()}
    if codes <= {_NOT_YET_VALID, _EXPIRED}:
        return down("clock_wrong", "Every certificate is out of its dates for this machine's clock", evidence)
    for name, portal in portals.items():
        if portal:
            return down("captive_portal", f"A portal answers in the place of {name}", {**evidence, "portal": portal})
    if 0 not in codes:
        return down("captive_portal", "Somebody else answers in the place of every target", evidence)
    reasons = {failure.reason for failure in failures.values()}
    if reasons <= {SILENT, UNREACHABLE}:
        return down("upstream_black_hole", "The router answers, but nothing beyond it does", evidence)
    return down("upstream_refused", "The Internet can be reached, but no TLS connection can be made", evidence)


async def _portal(line: Line, name: str) -> str:
    """Return where a plain-HTTP request to ``name`` is sent on to, if that is another host; else nothing."""
    try:
        async with (
            connected(line.target_addresses[name][0], _PLAIN_PORT) as (reader, writer),
            asyncio.timeout(_PORTAL_S),
        ):
            reply = await exchange(reader, writer, host=name, path="/", body_max_bytes=1 << 16)
    except (Failed, Malformed, OSError):
        return ""
    location = reply.headers.get("location", "")
    host = location.partition("://")[2].partition("/")[0].partition(":")[0].lower()
    if reply.status == _AUTHENTICATION_REQUIRED or (reply.status in _REDIRECTS and host not in {"", name}):
        return f"{reply.status} {location}"[:200]
    return ""


def _texts(failures: dict[str, Failed]) -> dict[str, str]:
    return {name: failure.reason for name, failure in failures.items()}
