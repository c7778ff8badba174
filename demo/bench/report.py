"""The measured figures, as JSON and as the tables of ``docs/performance.md``."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bridge.contracts.operation import Lane
from demo.appliance import ROOT
from demo.bench.chat import Chat
from demo.bench.hold import Hold, Rush
from demo.bench.hop import Hop
from demo.bench.load import Latencies
from demo.bench.rounds import CONNECTIONS, Comparison, Ratio
from demo.bench.saturation import Saturation
from demo.bench.sign_in import SignIn
from demo.bench.tokens import Verification
from demo.bench.trail import Trail
from demo.bench.usage import Memory
from demo.processes import DemoError

RESULTS: Final = ROOT / "docs" / "performance.json"
PAGE: Final = ROOT / "docs" / "performance.md"

_BEGIN: Final = "<!-- measured: written by `make bench` -->\n"
_END: Final = "<!-- end of measured -->\n"

CACHED_GOAL: Final = 0.5
UNCACHED_GOAL: Final = 0.5
P50_GOAL: Final = 2.0
HOP_GOAL_MS: Final = 0.3
GATEWAY_GOAL_MB: Final = 120.0
AGENT_GOAL_MB: Final = 90.0
P95_GOAL_MS: Final = 200.0
READING_GOAL_MS: Final = 3.0
READING_GOAL_MB: Final = 40.0
CHAT_GOAL_MS: Final = 50.0
VERIFY_GOAL_PER_S: Final = 50_000
TOKEN_GOAL_MS: Final = 0.2
REVOKED_GOAL_MS: Final = 1_000.0
BCRYPT_GOAL: Final = 0.9
BESIDE_GOAL: Final = 2.0
_FLAT_MB: Final = 5.0

_NAMES: Final = {
    "fixed": "(a) bare aiohttp, fixed bytes",
    "rows": "(b) bare aiohttp + asyncpg",
    "cached": "(c) Drawbridge, cached",
    "uncached": "(d) Drawbridge, uncached, over the bridge",
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where and how the figures were taken."""

    date: str
    processor: str
    processors: int
    python: str
    rounds: int
    seconds: float

    @classmethod
    def here(cls, date: str, rounds: int, seconds: float) -> Conditions:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
        return cls(
            date=date,
            processor=models[0] if models else platform.machine(),
            processors=sum(line.startswith("processor") for line in lines),
            python=platform.python_version(),
            rounds=rounds,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True)
class Report:
    conditions: Conditions
    comparison: Comparison
    hop: Hop
    hold: Hold
    rush: Rush
    chat: Chat
    trail: Trail | None = None
    sign_in: SignIn | None = None
    verification: Verification | None = None
    revocation: Latencies | None = None
    saturation: Saturation | None = None


_REPORT: Final = TypeAdapter(Report)


def read() -> Report:
    """Return the figures of ``docs/performance.json``."""
    return _REPORT.validate_json(RESULTS.read_bytes())


def write(report: Report) -> None:
    """Write the figures, and their tables into the page. Raises DemoError where that has no place for them."""
    RESULTS.write_bytes(_REPORT.dump_json(report, indent=2) + b"\n")
    PAGE.write_text(page(PAGE.read_text("utf-8"), report), "utf-8")


def page(text: str, report: Report) -> str:
    """Return the page's ``text`` with the tables of ``report`` in it. Raises DemoError."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        msg = f"{PAGE} has no place for the tables: {_BEGIN.strip()} … {_END.strip()}"
        raise DemoError(msg)
    return f"{before}{begin}\n{tables(report)}\n{end}{after}"


def tables(report: Report) -> str:
    """Return everything that was measured, as Markdown."""
    conditions, comparison = report.conditions, report.comparison
    parts = [
        (
            f"{conditions.date}, {conditions.processor}, {conditions.processors} processors, "
            f"Python {conditions.python}; {conditions.rounds} rounds of {conditions.seconds:g} s each; "
            f"answers of {comparison.body_bytes:,} bytes."
        ),
        "### Goals\n\n" + _table(("goal", "measured", "least to most", ""), _goals(report)),
        *(
            f"### {connections} connection{'s' if connections > 1 else ''}\n\n"
            + _table(
                ("", "requests/s", "p50 ms", "p99 ms", "processor time for 1,000 requests, s"),
                _figures(comparison, connections),
            )
            for connections in CONNECTIONS
        ),
        "### The chat\n\n" + _chat(report.chat),
        *(() if report.sign_in is None else ("### Refused sign-ins\n\n" + _sign_in(report.sign_in),)),
        *(() if report.saturation is None else ("### Sign-ins beside lists\n\n" + _saturation(report.saturation),)),
        "### A hundred people\n\n" + _hold(report.hold) + "\n\n" + _rush(report.rush),
    ]
    return "\n\n".join(parts) + "\n"


def _goals(report: Report) -> Iterator[tuple[str, str, str, str]]:
    comparison, hold = report.comparison, report.hold

    def ratio(name: str, measured: Ratio, *, is_met: bool) -> tuple[str, str, str, str]:
        return name, f"{measured.median:.2f}", f"{measured.least:.2f} – {measured.most:.2f}", _verdict(is_met=is_met)

    cached, uncached, p50 = comparison.cached_to_fixed, comparison.uncached_to_rows, comparison.uncached_p50_to_rows
    yield ratio(f"(c) ≥ {CACHED_GOAL:g} × (a), requests/s", cached, is_met=cached.median >= CACHED_GOAL)
    yield ratio(f"(d) ≥ {UNCACHED_GOAL:g} × (b), requests/s", uncached, is_met=uncached.median >= UNCACHED_GOAL)
    yield ratio(f"(d) ≤ {P50_GOAL:g} × (b), p50 at one connection", p50, is_met=p50.median <= P50_GOAL)
    hop = report.hop
    yield (
        f"the bridge adds ≤ {HOP_GOAL_MS:g} ms p50 to a direct asyncpg call",
        f"{hop.added_p50_ms:.2f} ms",
        f"{hop.direct.p50_ms:.2f} → {hop.bridge.p50_ms:.2f}",
        _verdict(is_met=hop.added_p50_ms <= HOP_GOAL_MS),
    )
    for name, goal in (("gateway", GATEWAY_GOAL_MB), ("agent", AGENT_GOAL_MB)):
        used = hold.memory_late[name]
        yield (
            f"{name} ≤ {goal:g} MB", f"{used.rss_mb:.0f} MB", f"{used.pss_mb:.0f} MB without what others share",
            _verdict(is_met=used.rss_mb <= goal),
        )  # fmt: skip
    is_good = not hold.errors and hold.overall.p95_ms <= P95_GOAL_MS
    yield (
        f"{hold.users} people: no error, p95 ≤ {P95_GOAL_MS:g} ms",
        f"{sum(hold.errors.values())} errors, {hold.overall.p95_ms:.1f} ms",
        f"{hold.seconds:.0f} s",
        _verdict(is_met=is_good),
    )
    yield from _chat_goals(report.chat)
    if (verified := report.trail) is not None:
        yield (
            f"the audit trail is verified at ≥ {VERIFY_GOAL_PER_S:,} entries/s",
            f"{verified.per_s:,.0f}",
            f"{verified.least_per_s:,.0f} – {verified.most_per_s:,.0f}",
            _verdict(is_met=verified.per_s >= VERIFY_GOAL_PER_S),
        )
    yield from _account_goals(report)
    growth = {name: late.rss_mb - hold.memory_early[name].rss_mb for name, late in hold.memory_late.items()}
    yield (
        "memory flat meanwhile",
        ", ".join(f"{name} {grown:+.1f} MB" for name, grown in growth.items()),
        "",
        _verdict(is_met=max(growth.values()) <= _FLAT_MB),
    )


def _chat_goals(chat: Chat) -> Iterator[tuple[str, str, str, str]]:
    reading = chat.understanding
    yield (
        f"a message is read in ≤ {READING_GOAL_MS:g} ms p99",
        f"{reading.per_message.p99_ms:.2f} ms",
        f"{reading.messages:,} messages",
        _verdict(is_met=reading.per_message.p99_ms <= READING_GOAL_MS),
    )
    yield (
        f"reading adds ≤ {READING_GOAL_MB:g} MB",
        f"{reading.added_mb:.0f} MB",
        "",
        _verdict(is_met=reading.added_mb <= READING_GOAL_MB),
    )
    yield (
        f"{chat.people} people chat, records uncached: no error, p95 ≤ {CHAT_GOAL_MS:g} ms",
        f"{sum(chat.errors.values())} errors, {chat.answers.p95_ms:.1f} ms",
        f"p50 {chat.answers.p50_ms:.1f} ms; without a pause p95 {chat.rush.p95_ms:.1f} ms",
        _verdict(is_met=not chat.errors and chat.answers.p95_ms <= CHAT_GOAL_MS),
    )


def _account_goals(report: Report) -> Iterator[tuple[str, str, str, str]]:
    if (checked := report.verification) is not None:
        yield (
            f"the gateway verifies a token in ≤ {TOKEN_GOAL_MS:g} ms p50",
            f"{checked.first.p50_ms:.3f} ms",
            f"{checked.first_to_bare:.1f} × its bare signature; known already: {checked.again.p50_ms * 1000:.1f} µs",
            _verdict(is_met=checked.first.p50_ms <= TOKEN_GOAL_MS),
        )
    if (revoked := report.revocation) is not None:
        yield (
            f"who is disabled is refused within {REVOKED_GOAL_MS / 1000:g} s",
            f"{revoked.max_ms:.0f} ms at most",
            f"p50 {revoked.p50_ms:.0f} ms, {revoked.count} accounts",
            _verdict(is_met=revoked.max_ms <= REVOKED_GOAL_MS),
        )
    if (both := report.saturation) is None:
        return
    yield (
        f"sign-ins ≥ {BCRYPT_GOAL:g} × what bare bcrypt checks on the same processor",
        f"{both.to_bare.median:.2f}",
        f"{both.to_bare.least:.2f} – {both.to_bare.most:.2f}; beside lists {both.beside_lists_to_bare.median:.2f}",
        _verdict(is_met=both.to_bare.median >= BCRYPT_GOAL),
    )
    for what, ratio in (("saturated", both.saturated_p95), ("flooded", both.flooded_p95)):
        yield (
            f"lists while sign-in is {what}: no error, p95 ≤ {BESIDE_GOAL:g} × quiet",
            f"{sum(both.list_errors.values())} errors, {ratio.median:.2f}",
            f"{ratio.least:.2f} – {ratio.most:.2f}",
            _verdict(is_met=not both.list_errors and ratio.median <= BESIDE_GOAL),
        )
    others = {lane: times for lane, times in both.opens.items() if lane != Lane.CREDENTIALS and times}
    yield (
        "no breaker opens meanwhile but that for sign-ins",
        ", ".join(others) or "none",
        f"that for sign-ins {both.opens.get(Lane.CREDENTIALS, 0)} times",
        _verdict(is_met=not others),
    )


def _saturation(both: Saturation) -> str:
    answers = ", ".join(f"{number:,} × {status}" for status, number in sorted(both.flood.items()))
    return (
        f"The agent has one worker for passwords, bcrypt cost {both.bcrypt_cost}, on the processor that it answers "
        f"lists with: {both.sign_ins_per_s:.1f} sign-ins/s, errors: {_errors(both.sign_in_errors)}. Lists, none of "
        f"them cached, have a p95 of {both.quiet_p95_ms:.1f} ms when it is quiet. The flood's sign-ins were answered: "
        f"{answers}."
    )


def _chat(chat: Chat) -> str:
    reading = chat.understanding.per_message
    return (
        f"A message is read in p50 {reading.p50_ms:.2f} ms, p95 {reading.p95_ms:.2f} ms, p99 {reading.p99_ms:.2f} ms, "
        f"{reading.max_ms:.1f} ms at most, over the {chat.understanding.messages // 2:,} dialogs that the tests hold. "
        f"{chat.people} people who ask about once a second each, records and figures uncached: "
        f"p50 {chat.answers.p50_ms:.1f} ms, p95 {chat.answers.p95_ms:.1f} ms, p99 {chat.answers.p99_ms:.1f} ms. "
        f"Without a pause: {chat.rush_per_s:,.0f} answers/s, p50 {chat.rush.p50_ms:.1f} ms, "
        f"p95 {chat.rush.p95_ms:.1f} ms, p99 {chat.rush.p99_ms:.1f} ms; "
        f"the names of symptoms uncached too: p95 {chat.bare.p95_ms:.1f} ms. Errors: {_errors(chat.errors)}."
    )


def _sign_in(refused: SignIn) -> str:
    rows = [
        (kind, f"{took_ms:.1f}", f"{refused.later[kind]:.2f}" if kind in refused.later else "")
        for kind, took_ms in refused.median_ms.items()
    ]
    return (
        f"{refused.tries} tries of each kind, taking turns, the whole way. The last column is the chance that such a "
        "refusal takes longer than one for an address without an account: 0.5 tells nothing.\n\n"
        + _table(("what was wrong", "median ms", "takes longer"), rows)
    )


def _figures(comparison: Comparison, connections: int) -> Iterator[tuple[str, str, str, str, str]]:
    for name, title in _NAMES.items():
        figures = comparison.figures[name][connections]
        cpu = ", ".join(f"{process} {used:.3f}" for process, used in figures.cpu_ms.items())  # ms a request: s a 1,000
        yield title, f"{figures.requests_per_s:,.0f}", f"{figures.p50_ms:.2f}", f"{figures.p99_ms:.2f}", cpu


def _hold(hold: Hold) -> str:
    rows = [
        (
            kind,
            f"{each.count:,}",
            f"{each.p50_ms:.1f}",
            f"{each.p95_ms:.1f}",
            f"{each.p99_ms:.1f}",
            f"{each.max_ms:.0f}",
        )
        for kind, each in sorted({**hold.kinds, "all": hold.overall}.items(), key=lambda item: item[0] == "all")
    ]
    return (
        f"{hold.seconds:.0f} s, {hold.requests_per_s:.0f} requests/s, the settings as shipped; "
        f"errors: {_errors(hold.errors)}. Processors used: {_busy(hold.busy)}. Memory (RSS): {_memory(hold)}.\n\n"
        + _table(("asked", "answers", "p50 ms", "p95 ms", "p99 ms", "most ms"), rows)
    )


def _rush(rush: Rush) -> str:
    return (
        f"Without a pause, and the limits raised: {rush.requests_per_s:,.0f} requests/s, "
        f"p50 {rush.overall.p50_ms:.0f} ms, p95 {rush.overall.p95_ms:.0f} ms; errors: {_errors(rush.errors)}. "
        f"Processors used: {_busy(rush.busy)}. The bottleneck is the {rush.bottleneck}."
    )


def _memory(hold: Hold) -> str:
    def grown(name: str, early: Memory) -> str:
        return f"{name} {early.rss_mb:.1f} → {hold.memory_late[name].rss_mb:.1f} MB"

    return ", ".join(grown(name, early) for name, early in hold.memory_early.items())


def _busy(busy: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in busy.items())


def _errors(errors: Mapping[str, int]) -> str:
    return ", ".join(f"{number} × {what}" for what, number in errors.items()) or "none"


def _verdict(*, is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
