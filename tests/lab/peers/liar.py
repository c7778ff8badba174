"""A resolver that says of every name that it is here: ``python -m tests.lab.peers.liar ADDRESS``."""

from __future__ import annotations

import socket
import sys

import dns.exception
import dns.message
import dns.rrset


def main(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        while True:
            question, asker = server.recvfrom(4096)
            try:
                answer = dns.message.make_response(dns.message.from_wire(question), recursion_available=True)
            except dns.exception.DNSException:
                continue
            for asked in answer.question:
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "A", address))
            server.sendto(answer.to_wire(), asker)


if __name__ == "__main__":
    main(sys.argv[1])
