"""What must outlive a restart: what was published, blocks, waits, and when requests were sent.

``state.json`` is replaced whole and synced, before a request leaves as well as after its answer: a process that is
killed in between, again and again, still keeps to the limits.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from bridge.process.files import replace_file
from bridge.process.logs import log
from gateway.ddns.answers import Kind
from gateway.ddns.decisions import Block, Progress

_log: Final = logging.getLogger(__name__)
_VERSION: Final = 1
_SIZE_MAX_BYTES: Final = 1 << 20
FILE: Final = "state.json"


@dataclass(slots=True)
class Memory:
    """The state of all names."""

    progress: dict[str, Progress] = field(default_factory=dict)
    """By name/family."""
    sends: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """When requests left, by what shares limits."""
    raised: set[str] = field(default_factory=set)
    """Causes of alerts that are not cleared."""


def load_memory(folder: Path) -> Memory:
    """Return what was saved. A file that is damaged is put aside, and nothing is known."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            text = file.read(_SIZE_MAX_BYTES)
    except FileNotFoundError:
        return Memory()
    try:
        return memory_from_json(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log(_log, "ddns_state_damaged", level=logging.WARNING, path=str(path), cause=type(error).__name__)
        path.replace(path.with_suffix(".damaged"))
        return Memory()


def save_memory(folder: Path, memory: Memory, *, saved: bytes = b"") -> bytes:
    """Replace the file and sync it, unless it holds ``saved`` and that is what there is to save: an SD card wears out.

    Returns what the file holds then. Raises OSError.
    """
    content = memory_to_json(memory)
    if content != saved:
        replace_file(folder / FILE, content)
    return content


def memory_to_json(memory: Memory) -> bytes:
    value = {
        "version": _VERSION,
        "names": {key: asdict(progress) for key, progress in memory.progress.items()},
        "sends": memory.sends,
        "raised": sorted(memory.raised),
    }
    return json.dumps(value, indent=1).encode()


def memory_from_json(text: bytes) -> Memory:
    """Return what :func:`memory_to_json` wrote. Raises any of ValueError, TypeError, KeyError, AttributeError."""
    value: dict[str, Any] = json.loads(text)
    if value["version"] != _VERSION:
        msg = "another version"
        raise ValueError(msg)
    return Memory(
        progress={str(key): _progress(entry) for key, entry in value["names"].items()},
        sends={str(key): tuple(float(at) for at in times) for key, times in value["sends"].items()},
        raised={str(cause) for cause in value["raised"]},
    )


def _progress(entry: dict[str, Any]) -> Progress:
    known = {name.name for name in fields(Progress)}
    values = {key: value for key, value in entry.items() if key in known}
    for name in ("changed", "accepted", "not_before", "verified", "verify_at"):
        values[name] = values[name] if values[name] is None else float(values[name])
    values["trouble"] = None if values["trouble"] is None else Kind(values["trouble"])
    if (block := values["block"]) is not None:
        values["block"] = Block(Kind(block["kind"]), str(block["reason"]), float(block["since"]))
    return Progress(**values)
