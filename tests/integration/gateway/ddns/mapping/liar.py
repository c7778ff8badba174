"""Another device that answers every search for a gateway with its own address, and says what it is asked."""

# ruff: noqa: T201 - it says so on standard output

from __future__ import annotations

import select
import socket
import sys

ME = "10.78.0.5"
ANSWER = f"""HTTP/1.1 200 OK\r
ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r
LOCATION: http://{ME}:5000/rootDesc.xml\r
\r
"""

page = socket.create_server((ME, 5000))
ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ear.bind(("", 1900))
membership = socket.inet_aton("239.255.255.250") + socket.inet_aton(ME)
ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
print("listens")
while True:
    for ready in select.select([page, ear], [], [])[0]:
        if ready is page:
            print("fetched")
            sys.exit()
        question, source = ear.recvfrom(2048)
        if b"M-SEARCH" in question:
            print("searched")
            ear.sendto(ANSWER.encode(), source)
