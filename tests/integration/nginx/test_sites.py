"""Who is answered, over what: names, TLS, HTTP/2, redirects, ACME; and that nginx itself finds nothing to say."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Doors, wires
from tests.integration.nginx.rendering import DOMAIN, LAN_NAME
from tests.integration.nginx.server import BINARY, Nginx, version_of

SCANNER = b"GET / HTTP/1.1\r\nHost: other.example.org\r\nConnection: close\r\n\r\n"


@pytest.mark.story("health/US-BE-12.1", "health/US-BE-13.2")
@pytest.mark.parametrize("name", [DOMAIN, LAN_NAME])
async def test_sign_in_page_comes_over_tls_when_asked_by_either_name(nginx: Nginx, doors: Doors, name: str) -> None:
    async with nginx.client(name=name) as client, client.get("/sign-in", headers={"Accept": "text/html"}) as response:
        assert response.status == 200
        assert "Drawbridge" in await response.text()


async def test_api_answers_over_http2_when_the_client_offers_it(nginx: Nginx, doors: Doors) -> None:
    token = doors[0].token()
    status, output = await nginx.curl(
        "--http2", "-w", "\n%{http_version} %{http_code}", "-H", f"Authorization: Bearer {token}",
        f"https://{DOMAIN}:{nginx.https_port}/version",
    )  # fmt: skip

    assert (status, output) == (0, '{"version":"1.2.3","api":"v1"}\n2 200')


@pytest.mark.story("health/US-BE-13.3", "health/US-BE-27.2")
@pytest.mark.parametrize(("name", "path"), [(DOMAIN, "/chat?question=why"), (LAN_NAME, "/")])
async def test_http_leads_to_https_and_keeps_the_method_when_a_name_is_ours(nginx: Nginx, name: str, path: str) -> None:
    answer = await nginx.send_plain(f"POST {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 308 ")
    assert f"\r\nLocation: https://{name}:{nginx.https_port}{path}\r\n".encode() in answer
    assert b"Strict-Transport-Security" not in answer  # RFC 6797, 7.2


async def test_challenge_is_served_over_http_when_certbot_has_written_it(nginx: Nginx) -> None:
    folder = nginx.folder / "www" / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof", "ascii")

    answer = await nginx.send_plain(
        f"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode()
    )

    assert answer.endswith(b"\r\n\r\nproof")


@pytest.mark.story("health/US-BE-27.2")
async def test_http_is_refused_when_the_name_is_not_ours(nginx: Nginx) -> None:
    assert (await nginx.send_plain(SCANNER)).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("server_name", ["other.example.org", None])
async def test_handshake_is_refused_when_the_name_is_not_ours(nginx: Nginx, server_name: str | None) -> None:
    context = nginx.tls()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        await nginx.send(SCANNER, tls=context, server_name=server_name)


async def test_request_is_misdirected_when_the_handshake_was_for_another_name(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind:
        answer = await nginx.send(SCANNER)

    assert answer.startswith(b"HTTP/1.1 421 ")
    assert [wire.received for wire in behind] == [[], []]


@pytest.mark.story("health/US-BE-13.4", "health/US-BE-27.3")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_handshake_is_refused_when_the_client_knows_no_tls_1_2(nginx: Nginx) -> None:
    context = nginx.tls()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else this end would not even ask
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL"):
        await nginx.send(SCANNER, tls=context)


@pytest.mark.story("health/US-BE-13.4", "health/US-BE-27.4")
async def test_handshake_keeps_the_past_secret_when_the_client_knows_only_tls_1_2(nginx: Nginx) -> None:
    context = nginx.tls()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES128-GCM-SHA256")  # RSA key exchange, without forward secrecy

    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await nginx.send(SCANNER, tls=context)


@pytest.mark.story("health/US-BE-12.5")
def test_nginx_says_nothing_when_it_tests_its_configuration(nginx: Nginx) -> None:
    assert BINARY is not None
    command = [BINARY, "-t", "-p", str(nginx.folder), "-c", str(nginx.folder / "nginx.conf"), "-e", "/dev/null"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert [line for line in said.stderr.splitlines() if "warn" in line or "emerg" in line] == []
    assert said.returncode == 0


async def test_http2_is_switched_on_as_each_version_wants_it_when_rendered(
    start_nginx: StartNginx, tmp_path: Path
) -> None:
    assert BINARY is not None
    other = "1.22.1" if version_of(BINARY) >= "1.25.1" else "1.26.3"
    with start_nginx() as nginx:
        own = nginx.configuration()
        nginx.render(nginx_version=other)
        others = nginx.configuration()

    old, new = (others, own) if other == "1.22.1" else (own, others)
    assert ("ssl http2 default_server" in old, "http2 on;" in old) == (True, False)
    assert ("ssl http2" in new, "http2 on;" in new) == (False, True)


async def test_new_certificate_is_shown_and_no_request_lost_when_nginx_reloads(shared_nginx: Nginx) -> None:
    nginx = shared_nginx
    async with wires(nginx.folder / "run"), asyncio.TaskGroup() as tasks:
        before = await certificate_of(nginx)
        nginx.certificates.issue()
        reloading = tasks.create_task(nginx.reload())
        statuses = set()
        async with nginx.client() as client:
            while not reloading.done():
                async with client.get("/") as response:
                    statuses.add(response.status)
        after = await certificate_of(nginx)

    assert statuses == {200}
    assert after != before


async def certificate_of(nginx: Nginx) -> bytes | None:
    _, writer = await asyncio.open_connection("127.0.0.1", nginx.https_port, ssl=nginx.tls(), server_hostname=DOMAIN)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(True)  # noqa: FBT003 - as DER
        return shown
    finally:
        writer.transport.abort()
