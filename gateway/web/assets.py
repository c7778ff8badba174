"""Style sheets, scripts and icons under names that change with their content, so that browsers keep them for good.

``chat.css`` is served as ``/static/chat.<hash>.css``. nginx serves the same names from a folder where it can
(:meth:`Assets.write_to`), with both gateways down.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from bridge.errors import Code, NotFound
from gateway.web.rate_limits import Counted, counted

STATIC: Final = Path(__file__).with_name("static")
_HASH_DIGITS: Final = 12
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    content: bytes
    content_type: str


class Assets:
    """Every file of a folder, in memory: they are few and small."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._paths: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            content = file.read_bytes()
            name = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}{file.suffix}"
            kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._paths[file.name] = f"/static/{name}"
            self._assets[name] = Asset(name, content, kind)

    def path(self, name: str) -> str:
        """Return the path of a file by its name in the folder. Raises KeyError for a name that is not there."""
        return self._paths[name]

    def write_to(self, folder: Path) -> None:
        """Write every file into ``folder`` under the name that it is served by."""
        folder.mkdir(parents=True, exist_ok=True)
        for asset in self._assets.values():
            (folder / asset.name).write_bytes(asset.content)

    @counted(Counted.ASSET)
    async def serve(self, request: web.Request) -> web.Response:
        """``GET /static/{name}``."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise NotFound(Code.NOT_FOUND)
        charset = "utf-8" if asset.content_type.startswith("text/") else None
        headers = {hdrs.CACHE_CONTROL: _FOR_GOOD}
        return web.Response(body=asset.content, content_type=asset.content_type, charset=charset, headers=headers)
