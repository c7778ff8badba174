from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ddns.answers import Kind
from gateway.ddns.decisions import Block, Progress
from gateway.ddns.requests import ask_for_update, make_folder, take_requests
from gateway.ddns.state import Memory, load_memory, memory_from_json, memory_to_json, save_memory

times = st.floats(0, 4e9)
texts = st.text(max_size=20)
progresses = st.builds(
    Progress,
    fingerprint=texts,
    published=st.none() | texts,
    changed=st.none() | times,
    accepted=st.none() | times,
    block=st.none() | st.builds(Block, st.sampled_from(Kind), texts, times),
    tried=st.none() | texts,
    trouble=st.none() | st.sampled_from(Kind),
    reason=texts,
    failures=st.integers(0, 99),
    not_before=times,
    forced=st.booleans(),
    no_changes=st.integers(0, 9),
    verified=st.none() | times,
    verify_at=st.none() | times,
    verifications=st.integers(0, 99),
    doubt=texts,
)


@given(
    progress=st.dictionaries(texts, progresses, max_size=2),
    sends=st.dictionaries(texts, st.lists(times, max_size=3).map(tuple), max_size=2),
    raised=st.sets(texts, max_size=2),
)
def test_state_is_the_same_when_it_was_written_and_read(
    progress: dict[str, Progress], sends: dict[str, tuple[float, ...]], raised: set[str]
) -> None:
    memory = Memory(progress, sends, raised)

    assert memory_from_json(memory_to_json(memory)) == memory


def test_state_is_the_same_after_a_restart(tmp_path: Path) -> None:
    memory = Memory({"a": Progress("print", block=Block(Kind.ABUSE, "because", 1.0))}, {"a": (1.0,)}, {"ddns.state"})

    save_memory(tmp_path, memory)

    assert load_memory(tmp_path) == memory


def test_file_is_not_written_when_nothing_changed(tmp_path: Path) -> None:
    saved = save_memory(tmp_path, Memory())
    (tmp_path / "state.json").unlink()

    assert save_memory(tmp_path, Memory(), saved=saved) == saved
    assert not (tmp_path / "state.json").exists()
    save_memory(tmp_path, Memory(raised={"ddns.state"}), saved=saved)
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_nothing_is_known_when_there_is_no_file(tmp_path: Path) -> None:
    assert load_memory(tmp_path) == Memory()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1, "names": {"a": {}}, "sends": {}, "raised": []}', "\xff"],
    ids=["empty", "cut", "list", "no-version", "later-version", "no-fields", "no-utf-8"],
)
def test_file_is_put_aside_when_it_is_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content, "latin-1")

    assert load_memory(tmp_path) == Memory()
    assert (tmp_path / "state.damaged").read_text("latin-1") == content


def test_requests_are_taken_once(tmp_path: Path) -> None:
    make_folder(tmp_path)
    ask_for_update(tmp_path, "a.example.org")
    ask_for_update(tmp_path, "b.example.org")

    assert sorted(take_requests(tmp_path)) == ["a.example.org", "b.example.org"]
    assert list(take_requests(tmp_path)) == []


def test_no_requests_are_waiting_when_there_is_no_folder(tmp_path: Path) -> None:
    assert list(take_requests(tmp_path)) == []


def test_requests_are_thrown_away_when_there_are_too_many(tmp_path: Path) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number:03}").write_text("a.example.org")
    (folder / ".draft").write_text("being written")
    (folder / "folder").mkdir()

    assert len(list(take_requests(tmp_path))) <= 64
    assert sorted(path.name for path in folder.iterdir()) == [".draft", "folder"]


def test_request_is_refused_when_no_service_has_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has not run yet"):
        ask_for_update(tmp_path, "a.example.org")
