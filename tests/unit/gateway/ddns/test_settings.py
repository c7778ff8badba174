from __future__ import annotations

from pathlib import Path

import pytest

from bridge.process.settings import SettingsError, load
from gateway.ddns.credentials import read_credential
from gateway.ddns.nameservers import Nameserver
from gateway.settings import PREFIX, GatewaySettings

RECORD = '[[ddns.records]]\nname = "box.example.org"\n'


def settings(text: str, tmp_path: Path) -> GatewaySettings:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    return load(GatewaySettings, file, prefix=PREFIX, environ={})


def test_record_needs_two_values_when_the_provider_takes_a_token(tmp_path: Path) -> None:
    made = settings(RECORD.replace("example.org", "duckdns.org") + 'provider = "duckdns"', tmp_path)

    (record,) = made.ddns.records
    assert record.families == ("ipv4", "ipv6")
    assert record.credential_name == "ddns.duckdns"


def test_credential_is_the_records_own_when_it_names_one(tmp_path: Path) -> None:
    made = settings(RECORD + 'provider = "desec"\ncredential = "garden"', tmp_path)

    assert made.ddns.records[0].credential_name == "ddns.garden"


def test_name_is_made_plain_when_it_has_capitals_and_a_dot(tmp_path: Path) -> None:
    made = settings(RECORD.replace("box.example.org", "Box.Example.ORG.") + 'provider = "desec"', tmp_path)

    assert made.ddns.records[0].name == "box.example.org"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('provider = "dyndns2"', "ddns.records.0: dyndns2: needs username, and server, such as https://"),
        ('provider = "rfc2136"\nusername = "key"', "ddns.records.0: rfc2136: needs username"),
        ('provider = "duckdns"', "ddns.records.0: duckdns: name must end in .duckdns.org"),
        ('provider = "desec"\nusername = "me"', "ddns.records.0: desec: takes no username"),
        ('provider = "freedns"', "ddns.records.0.provider: Input should be 'dyndns2', 'duckdns'"),
        ('provider = "desec"\ntoken = "s3cret"', "ddns.records.0.token: there is no such setting"),
        ('provider = "desec"\nfamilies = []', "ddns.records.0.families"),
        ('provider = "desec"\nfamilies = ["ipv5"]', "ddns.records.0.families.0"),
        ('provider = "desec"\ncredential = "../x"', "ddns.records.0.credential"),
        ('provider = "desec"\nserver = "http://a.example"', "desec: server must be a URL that begins with https://"),
        ('provider = "desec"\nserver = "https://u:p@a.example"', "desec: server must be a URL"),
        ('provider = "rfc2136"\nusername = "k"\nserver = "a b"', "rfc2136: server must be a name server's address"),
        ('provider = "cloudflare"\nzone = "org"', "ddns.records.0.zone"),
    ],
)
def test_start_is_stopped_with_a_reason_when_a_record_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(RECORD + text, tmp_path)

    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["box", "", "a..example.org", "-a.example.org", "a b.example.org", "a" * 64 + ".org"])
def test_start_is_stopped_when_a_name_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="full host name"):
        settings(f'[[ddns.records]]\nname = "{name}"\nprovider = "desec"', tmp_path)


def test_start_is_stopped_when_a_name_has_two_keepers(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"box\.example\.org is there twice for ipv6"):
        settings(RECORD + 'provider = "desec"\n' + RECORD + 'provider = "cloudflare"\nfamilies = ["ipv6"]', tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'echo_urls = ["http://a.example", "https://b.example"]',
        'echo_urls = ["https://a.example"]',
        "ipv4_sources = []",
        "check_s = 1",
        'contact = "two words"',
        'resolvers = ["a b"]',
    ],
)
def test_start_is_stopped_when_a_value_is_bad(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"^ddns\.{text.partition(' ')[0]}"):
        settings(f"[ddns]\n{text}", tmp_path)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.88.98.1", "192.88.98.1", 53),
        ("192.88.98.1:5353", "192.88.98.1", 5353),
        ("2a00::1", "2a00::1", 53),
        ("[2a00::1]:5353", "2a00::1", 5353),
        ("ns1.example.org", "ns1.example.org", 53),
        ("ns1.example.org:5353", "ns1.example.org", 5353),
    ],
)
def test_nameserver_is_understood(text: str, host: str, port: int) -> None:
    assert Nameserver.parse(text) == Nameserver(host, port)


@pytest.mark.parametrize("text", ["", ":53", "a b", "ns:0", "ns:65536", "ns:x", "ns/x"])
def test_nameserver_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be a name server"):
        Nameserver.parse(text)


def test_credential_is_the_files_one_line(tmp_path: Path) -> None:
    (tmp_path / "ddns.duckdns").write_text("t0ken\n")

    secret = read_credential("ddns.duckdns", {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert secret.get_secret_value() == "t0ken"
    assert "t0ken" not in repr(secret)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "one line of printable ASCII"),
        (b"two\nlines", "one line of printable ASCII"),
        (b"t\xc3\xb6ken", "one line of printable ASCII"),
        (b"x" * 5000, "one line of printable ASCII"),
    ],
    ids=["missing", "empty", "lines", "umlaut", "long"],
)
def test_credential_is_refused_when_it_cannot_be_one(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "ddns.desec").write_bytes(content)

    with pytest.raises(SettingsError, match=said):
        read_credential("ddns.desec", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_credential_is_missing_when_systemd_gave_none() -> None:
    with pytest.raises(SettingsError, match="CREDENTIALS_DIRECTORY is not set"):
        read_credential("ddns.desec", {})
