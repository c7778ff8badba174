from __future__ import annotations

import contextlib
from ipaddress import IPv4Address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ddns.mapping import igd
from gateway.ddns.mapping.bounded_xml import XML_MAX_BYTES, NotXml, parse

ROUTER = IPv4Address("192.168.1.1")
URL = "http://192.168.1.1:5000/rootDesc.xml"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n"
    b"location:http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"
)
DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceList><device><deviceList><device><serviceList>
<service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>
<controlURL>/ctl/ppp</controlURL></service>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>http://192.168.1.1:5001/ctl/ip</controlURL></service>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:2</serviceType>
<controlURL>http://203.0.113.9/ctl/ip</controlURL></service>
<service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>
<controlURL>/ctl/l3</controlURL></service>
</serviceList></device></deviceList></device></deviceList></device></root>"""
SERVICE = igd.Service("urn:schemas-upnp-org:service:WANIPConnection:1", "http://192.168.1.1:5001/ctl/ip")
CONTROL = "urn:schemas-upnp-org:control-1-0"
LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>'  # what grows without end


def test_search_is_what_the_device_architecture_asks_for() -> None:
    assert igd.search(igd.SEARCHED[0]) == (
        b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n'
        b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n\r\n"
    )


def test_location_is_read_when_a_gateway_answers() -> None:
    assert igd.location(ANSWER, ROUTER) == URL


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"HTTP/1.1 200 OK", b"NOTIFY * HTTP/1.1"),
        (b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found"),
        (b"InternetGatewayDevice:2", b"MediaServer:1"),
        (b"192.168.1.1:5000", b"192.168.1.7:5000"),
        (b"location:", b"somewhere:"),
        (b"CACHE-CONTROL: max-age=120", b"X: " + b"x" * 2048),
    ],
    ids=["notification", "error", "other device", "other host", "no location", "too long"],
)
def test_location_is_none_when_the_answer_is_not_a_gateways(found: bytes, instead: bytes) -> None:
    assert found in ANSWER
    assert igd.location(ANSWER.replace(found, instead), ROUTER) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.7/x", "https://192.168.1.1/x", "http://router/x", "http://192.168.1.1@evil.test/x",
        "http://user@192.168.1.1/x", "http://192.168.1.1:0/x", "http://192.168.1.1:99999/x", "file:///etc/passwd",
        "http://192.168.1.1/a b", "http://192.168.1.1/\r\nX: y", "http://192.168.001.001/", "http://[::1/", "",
        "http://192.168.1.1/" + 500 * "x",
    ],
)  # fmt: skip
def test_url_is_refused_when_it_is_not_plainly_at_the_router(url: str) -> None:
    assert igd.at_router(url, ROUTER) is None


def test_services_are_those_at_the_router_best_first_when_some_are_elsewhere() -> None:
    assert igd.services(DESCRIPTION.encode(), URL, ROUTER) == [
        SERVICE,
        igd.Service("urn:schemas-upnp-org:service:WANPPPConnection:1", "http://192.168.1.1:5000/ctl/ppp"),
    ]


@pytest.mark.parametrize(
    ("base", "control"),
    [
        ("http://192.168.1.1:80/igd/", "http://192.168.1.1:80/ctl/ppp"),
        ("http://evil.test/", "http://192.168.1.1:5000/ctl/ppp"),
    ],
)
def test_base_of_a_description_counts_when_it_is_at_the_router(base: str, control: str) -> None:
    document = DESCRIPTION.replace("<device>", f"<URLBase>{base}</URLBase><device>", 1)
    assert igd.services(document.encode(), URL, ROUTER)[-1].control_url == control


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS.encode(),
        LAUGHS.encode("utf-16"),
        b'<!DOCTYPE r SYSTEM "http://192.168.1.7/x.dtd"><r/>',
        b"<r>" * 40 + b"</r>" * 40,
        b"<r>" + b" " * XML_MAX_BYTES + b"</r>",
        b"<r>",
        b"",
        b'<?xml version="1.0" encoding="martian"?><r/>',
        b"\xff\xfe\x00",
    ],
    ids=["entities", "entities in UTF-16", "external", "deep", "long", "open", "empty", "encoding", "bytes"],
)
def test_xml_is_refused_when_it_could_do_harm_or_is_none(document: bytes) -> None:
    with pytest.raises(NotXml):
        parse(document)


@given(st.one_of(st.binary(max_size=400), st.text(alphabet="<>/!&;abu:=\"' ", max_size=80).map(str.encode)))
def test_answers_are_understood_or_refused_when_fed_anything(document: bytes) -> None:
    igd.location(document, ROUTER)
    igd.location(b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n" + document, ROUTER)
    for understand in (lambda: igd.services(document, URL, ROUTER), lambda: igd.result(document, "AddPortMapping")):
        with contextlib.suppress(NotXml, igd.Fault):
            understand()


@given(st.text(alphabet="/:@?#%\\.[]1 9a\t\n", max_size=20))
def test_url_leads_to_the_router_or_is_refused_when_fed_anything(rest: str) -> None:
    url = igd.at_router(f"http://192.168.1.1{rest}", ROUTER)
    assert url is None or (urlsplit(url).hostname == str(ROUTER) and urlsplit(url).username is None)


def test_call_writes_arguments_in_their_order_and_escapes_them() -> None:
    headers, body = igd.call(
        SERVICE, "AddPortMapping", igd.add_arguments(443, IPv4Address("192.168.1.4"), 3600, "a<&b")
    )
    assert headers["SOAPAction"] == '"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"'
    assert b'<u:AddPortMapping xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1">' in body
    action = parse(body)[0][0]
    assert [(part.tag, part.text) for part in action] == [
        ("NewRemoteHost", None),
        ("NewExternalPort", "443"),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", "443"),
        ("NewInternalClient", "192.168.1.4"),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "a<&b"),
        ("NewLeaseDuration", "3600"),
    ]


def envelope(inner: str) -> bytes:
    kind = "http://schemas.xmlsoap.org/soap/envelope/"
    return f'<e:Envelope xmlns:e="{kind}"><e:Body>{inner}</e:Body></e:Envelope>'.encode()


def test_result_is_read_by_name_when_the_action_was_done() -> None:
    answer = envelope('<m:GetXResponse xmlns:m="urn:any"><NewA> 1 </NewA><NewB/></m:GetXResponse>')
    assert igd.result(answer, "GetX") == {"NewA": "1", "NewB": ""}


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        (f"<detail><UPnPError xmlns='{CONTROL}'><errorCode>718</errorCode></UPnPError></detail>", 718),
        ("<detail><UPnPError><errorCode>many</errorCode></UPnPError></detail>", 0),
        ("<faultstring>no</faultstring>", 0),
    ],
    ids=["718", "no number", "no code"],
)  # fmt: skip
def test_fault_carries_its_code_when_the_router_refuses(detail: str, code: int) -> None:
    with pytest.raises(igd.Fault) as caught:
        igd.result(envelope(f"<e:Fault>{detail}</e:Fault>"), "AddPortMapping")
    assert caught.value.code == code


def test_result_is_refused_when_it_answers_another_action() -> None:
    with pytest.raises(NotXml):
        igd.result(envelope("<GetYResponse/>"), "GetX")


def test_entry_is_read_and_bounded_when_a_router_talks() -> None:
    given = {"NewInternalClient": "é" + "x" * 100, "NewInternalPort": "443", "NewLeaseDuration": "-1"}
    assert igd.entry(given) == igd.Entry("x" * 80, 443, 0)


@pytest.mark.parametrize(
    ("said", "address"),
    [("11.22.33.44", IPv4Address("11.22.33.44")), (str(IPv4Address(0)), None), ("", None), ("::1", None)],
)
def test_outer_address_is_none_when_the_router_has_none(said: str, address: IPv4Address | None) -> None:
    assert igd.outer_address({"NewExternalIPAddress": said}) == address
