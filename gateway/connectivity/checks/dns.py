"""Asks whether the resolvers answer, and tell the truth.

Each is asked for a host that exists; now and then, and when that one has moved, for one that cannot exist. Who has an
address for that, or a private one for a public host, lies: a portal, a filter, or malice.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final

from gateway.connectivity.dns import Answer, Kind, ask, random_name
from gateway.connectivity.findings import Finding, down, up
from gateway.connectivity.line import Line

_LIES_EVERY_S: Final = 60.0

_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::/127", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


async def check(line: Line) -> Finding:
    resolvers = line.resolvers()
    if not resolvers:
        return down("dns_dead", f"No resolver is set in {line.config.resolv_conf}")
    targets = line.config.targets
    turn = targets[line.turn % len(targets)]
    unknown = [each for each in targets if each != turn and each not in line.target_addresses]
    kind = line.family
    answers = await _ask_all(line, resolvers, [turn, *unknown], kind)
    if any(each.message for _, each in answers) and not any(_has_data(each, kind) for _, each in answers):
        answers += await _ask_all(line, resolvers, [each for each in targets if each not in {turn, *unknown}], kind)
    now = line.clock.monotonic()
    lies = _lies(answers, kind)
    addresses = _addresses(answers, kind)
    before = line.target_addresses
    is_new = any(name in before and not set(found) & set(before[name]) for name, found in addresses.items())
    if lies or is_new or now - line.lies_looked_for_at >= _LIES_EVERY_S:
        impossible = await _ask_all(line, resolvers, [random_name()], kind)
        lies |= {f"{each.server} for {name}": each.text for name, each in impossible if _has_data(each, kind)}
        line.lies_looked_for_at = now - _LIES_EVERY_S if lies else now
    evidence = {f"{each.server} for {name}": each.text for name, each in answers}
    if lies:
        for name, found in addresses.items():
            before.setdefault(name, found)  # a portal that captures names too shows itself there
        return down("dns_lying", f"The resolver {next(iter(lies)).split()[0]} does not tell the truth", evidence | lies)
    good = {each.server for _, each in answers if _has_data(each, kind)}
    before |= addresses
    if good:
        silent = [server for server in resolvers if server not in good]
        also = f"; {' and '.join(silent)} did not" if silent else ""
        return up(f"{' and '.join(each for each in resolvers if each in good)} answered{also}", evidence)
    if any(each.message for _, each in answers):
        return down("dns_refused", f"{_named(resolvers)} answered without an address", evidence)
    return down("dns_dead", f"{_named(resolvers)} did not answer", evidence)


def is_public(address: str) -> bool:
    """Say whether ``address`` can be one that the Internet knows."""
    value = ipaddress.ip_address(address)
    return not any(value in network for network in _NOT_PUBLIC)


async def _ask_all(line: Line, resolvers: tuple[str, ...], names: list[str], kind: Kind) -> list[tuple[str, Answer]]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            (name, group.create_task(ask(server, name, kind, clock=line.clock)))
            for server in resolvers
            for name in names
        ]
    return [(name, task.result()) for name, task in tasks]


def _has_data(answer: Answer, kind: Kind) -> bool:
    return answer.message is not None and bool(answer.message.data(kind))


def _addresses(answers: list[tuple[str, Answer]], kind: Kind) -> dict[str, tuple[str, ...]]:
    return {name: each.message.data(kind) for name, each in answers if each.message and each.message.data(kind)}


def _lies(answers: list[tuple[str, Answer]], kind: Kind) -> dict[str, str]:
    return {
        f"{each.server} for {name}": each.text
        for name, each in answers
        if each.message and not all(is_public(address) for address in each.message.data(kind))
    }


def _named(resolvers: tuple[str, ...]) -> str:
    return f"The resolver{'' if len(resolvers) == 1 else 's'} {' and '.join(resolvers)}"
