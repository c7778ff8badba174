from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.web.assets import Assets
from tests.gateway_door import Door


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.css").write_text("body {}")
    (tmp_path / "data.xyz9").write_bytes(b"\x00")
    (tmp_path / "inner").mkdir()
    return tmp_path


def test_path_changes_with_the_content(folder: Path) -> None:
    before = Assets(folder).path("a.css")
    (folder / "a.css").write_text("body { color: red }")

    assert re.fullmatch(r"/static/a\.[0-9a-f]{12}\.css", before)
    assert Assets(folder).path("a.css") != before


def test_files_are_written_under_their_served_names(folder: Path, tmp_path: Path) -> None:
    assets = Assets(folder)
    target = tmp_path / "out"

    assets.write_to(target)

    assert (target / assets.path("a.css").rpartition("/")[2]).read_text() == "body {}"
    assert len(list(target.iterdir())) == 2


async def test_every_asset_of_a_page_is_kept_for_good(door: Door) -> None:
    page = await (await door.client.get("/", headers=door.with_page())).text()

    paths = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(paths) == 3
    for path in paths:
        response = await door.client.get(path)
        assert response.status == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.content_type in {"text/css", "text/javascript", "image/svg+xml"}


async def test_asset_is_not_found_when_its_name_is_old(door: Door) -> None:
    response = await door.client.get("/static/chat.000000000000.js")

    assert response.status == 404
