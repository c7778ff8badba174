"""Asks whether our port answers from outside. Only a mirror there can say, where one is set (docs/mirror.md)."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from typing import Final

from bridge.process.http_client import Malformed, exchange
from gateway.connectivity.findings import Finding, down, off, unknown, up
from gateway.connectivity.line import Line
from gateway.connectivity.streams import Failed, connected

_ANSWER_S: Final = 5.0
_ANSWER_MAX_BYTES: Final = 4096
_HTTPS: Final = 443
_OK: Final = 200


async def check(line: Line) -> Finding:
    if line.config.mirror is None:
        return off("No mirror is set, so nobody looks from outside")
    host, port, path = split(line.config.mirror)
    wanted = line.config.mirror_port
    evidence = {"mirror": host, "port": str(wanted)}
    address = await _address(line, host)
    if not address:
        return unknown(f"The mirror {host} has no address", evidence)
    try:
        async with connected(address, port, tls=line.tls, name=host) as (reader, writer), asyncio.timeout(_ANSWER_S):
            reply = await exchange(
                reader, writer, host=host, path=f"{path}?port={wanted}", body_max_bytes=_ANSWER_MAX_BYTES
            )
        answer = json.loads(reply.body) if reply.status == _OK else None
    except (Failed, Malformed, OSError, ValueError) as error:
        return unknown(f"The mirror {host} does not answer", {**evidence, "error": str(error) or "silent"})
    if not isinstance(answer, dict) or not isinstance(answer.get("reachable"), bool):
        return unknown(f"The mirror {host} answers something else", {**evidence, "status": str(reply.status)})
    evidence["reason"] = str(answer.get("reason", ""))[:100]
    if answer["reachable"]:
        return up(f"Port {wanted} answers from outside", evidence)
    return down("port_closed", f"Port {wanted} does not answer from outside", evidence)


def split(url: str) -> tuple[str, int, str]:
    """Return host, port and path of an https address; an IPv6 address stands in brackets."""
    authority, slash, path = url.removeprefix("https://").partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, str(_HTTPS)
    return host.strip("[]"), int(port), slash + path or "/"


async def _address(line: Line, host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return next(iter(await line.resolve(host, line.family)), "")
