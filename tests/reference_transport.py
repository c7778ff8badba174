"""The plain transport, on aiohttp's client: what the lean one is held to, in tests and in ``make bench``."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from bridge.client.http1 import Head
from bridge.client.transport import ClientTLS, ConnectFailed, ConnectionLost, Endpoint, Response


class ReferenceTransport:
    """The same ``exchange`` as :class:`bridge.client.transport.Transport`."""

    def __init__(self, endpoint: Endpoint, tls: ClientTLS, *, size: int = 4) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._url = URL(f"https://{endpoint.host}:{endpoint.port}")
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=size, keepalive_timeout=15))

    async def exchange(self, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            async with self._session.post(
                self._url.with_path(path),
                data=body,
                headers={**headers, "host": self._endpoint.server_name},
                ssl=self._tls.context,
                server_hostname=self._endpoint.server_name,
                allow_redirects=False,
            ) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                return Response(Head(response.status, names, keep_alive=True), await response.read())
        except aiohttp.ClientConnectorError as error:
            raise ConnectFailed(str(error)) from error
        except (aiohttp.ClientError, ConnectionResetError) as error:
            raise ConnectionLost(str(error), was_reused=False) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()
