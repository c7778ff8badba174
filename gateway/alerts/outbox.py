"""Messages on their way: which channel has which, when it is tried again, and what need not be sent any more. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gateway.alerts.message import Message, Outcome, Part

MESSAGES_MAX: Final = 100
FINISHED_MAX: Final = 50
JOURNAL: Final = "journal"
"""The channel that is always there, at once, whatever the hour."""
TRY_AGAIN_S: Final = (30.0, 60.0, 120.0, 240.0, 480.0, 900.0)
REFUSED_AGAIN_S: Final = 24 * 3600.0
"""A message that was refused is tried once more when the monitor starts anew, if it is no older: settings may have been
put right."""


@dataclass(slots=True)
class BackOff:
    """A channel that fails: how often in a row, since when, why, and when it is tried again."""

    failures: int = 0
    since: float = 0.0
    next_try: float = 0.0
    reason: str = ""


@dataclass(slots=True)
class Outbox:
    """``channels`` are those that are configured. ``dropped`` counts messages that had to make room."""

    channels: tuple[str, ...]
    messages: list[Message] = field(default_factory=list)
    back_offs: dict[str, BackOff] = field(default_factory=dict)
    dropped: int = 0

    @classmethod
    def from_json(cls, channels: tuple[str, ...], values: Mapping[str, Any]) -> Outbox:
        messages = [Message.from_json(message) for message in values["messages"]]
        back_offs = {name: BackOff(**one) for name, one in values["back_offs"].items() if name in channels}
        return cls(channels, messages, back_offs, values["dropped"])

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": [message.as_json() for message in self.messages],
            "back_offs": {name: asdict(one) for name, one in self.back_offs.items()},
            "dropped": self.dropped,
        }

    def add(self, message: Message) -> None:
        self.messages.append(message)
        finished = [one for one in self.messages if self._is_finished(one)]
        for one in finished[: max(0, len(finished) - FINISHED_MAX)]:
            self.messages.remove(one)
        while len(self.messages) > MESSAGES_MAX:
            least = min(self.messages, key=lambda one: (not self._is_finished(one), one.severity == "critical"))
            self.dropped += not self._is_finished(least)
            self.messages.remove(least)

    def next(self, channel: str, now: float) -> Message | None:
        """Return what ``channel`` is to be given now, without what later messages say too."""
        back_off = self.back_offs.get(channel)
        if back_off and 0 < back_off.next_try - now <= TRY_AGAIN_S[-1]:
            return None
        for position, message in enumerate(self.messages):
            if channel in message.outcomes or (message.is_held and channel != JOURNAL):
                continue
            parts = self._news(position)
            if parts:
                return message.with_parts(parts)
            message.outcomes[channel] = Outcome()
        return None

    def _news(self, position: int) -> list[Part]:
        later = [part for message in self.messages[position + 1 :] for part in message.parts]
        return [part for part in self.messages[position].parts if not any(one.tells_all_of(part) for one in later)]

    def release(self, made: float, new_id: str) -> bool:
        """End the quiet hours: what was held becomes one message. True where ``new_id`` was used."""
        held = [(number, message) for number, message in enumerate(self.messages) if message.is_held]
        news = [part for number, _ in held for part in self._news(number)]
        for _, message in held:
            message.is_held = False
        if len(held) <= 1 or not news:
            return False
        remote = [channel for channel in self.channels if channel != JOURNAL]
        for _, message in held:
            message.outcomes |= {channel: Outcome() for channel in remote if channel not in message.outcomes}
        self.add(Message(new_id, made, tuple(news), outcomes={JOURNAL: Outcome()}))
        return True

    def delivered(self, channel: str, message_id: str, now: float) -> None:
        self.back_offs.pop(channel, None)
        self._outcome(channel, message_id, Outcome(at=now))

    def refused(self, channel: str, message_id: str, reason: str) -> None:
        """Take down that ``channel`` will never take this message."""
        self._outcome(channel, message_id, Outcome(refused=reason))

    def failed(self, channel: str, reason: str, now: float, *, wait_s: float | None = None) -> None:
        """Take down that ``channel`` did not work; ``wait_s`` is what it asks us to wait."""
        back_off = self.back_offs.setdefault(channel, BackOff(since=now))
        step = TRY_AGAIN_S[min(back_off.failures, len(TRY_AGAIN_S) - 1)]
        back_off.failures += 1
        back_off.next_try = now + min(max(step, wait_s or 0.0), TRY_AGAIN_S[-1])
        back_off.reason = reason

    def hurry(self) -> None:
        """Let whatever waits be tried now: the line is back."""
        for back_off in self.back_offs.values():
            back_off.next_try = 0.0

    def retry_refused(self, now: float) -> None:
        for message in self.messages:
            if now - message.made < REFUSED_AGAIN_S:
                for channel in [name for name, outcome in message.outcomes.items() if outcome.refused]:
                    del message.outcomes[channel]

    def outcomes_of(self, cause: str) -> Mapping[str, Outcome]:
        """Return what became of the newest message that told of ``cause``."""
        for message in reversed(self.messages):
            if any(cause == part.cause or _is_folded(cause, part) for part in message.parts):
                return message.outcomes
        return {}

    def _outcome(self, channel: str, message_id: str, outcome: Outcome) -> None:
        for message in self.messages:
            if message.id == message_id:
                message.outcomes[channel] = outcome

    def _is_finished(self, message: Message) -> bool:
        return not message.is_held and set(self.channels) <= set(message.outcomes)


def _is_folded(cause: str, part: Part) -> bool:
    return any(one.cause == cause for one in part.folded)
