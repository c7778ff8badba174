"""The link to the following page of a list (RFC 8288)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote

from aiohttp import web

_QUERIES_REMEMBERED: Final = 256


def next_page_link(request: web.Request, cursor: str) -> str:
    """Return the value of ``Link``: this request's own path and filter, with ``cursor`` in place of the one it had."""
    return _link(request.rel_url.raw_path, request.rel_url.raw_query_string, cursor)


@lru_cache(_QUERIES_REMEMBERED)
def _link(path: str, query: str, cursor: str) -> str:
    kept = [pair for pair in query.split("&") if pair and not pair.startswith("cursor=")]
    kept.append(f"cursor={quote(cursor)}")
    return f'<{path}?{"&".join(kept)}>; rel="next"'
