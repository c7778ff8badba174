"""A resolver that says of every name that it is here, and at port 5353 one that refuses to say anything.

``python -m tests.lab.peers.liar ADDRESS``
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable

import dns.exception
import dns.message
import dns.rcode
import dns.rrset

Answer = Callable[[dns.message.Message], None]


def serve(address: str, port: int, answer: Answer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))
        while True:
            question, asker = server.recvfrom(4096)
            try:
                response = dns.message.make_response(dns.message.from_wire(question), recursion_available=True)
            except dns.exception.DNSException:
                continue
            answer(response)
            server.sendto(response.to_wire(), asker)


def lie(address: str) -> Answer:
    def answer(response: dns.message.Message) -> None:
        for asked in response.question:
            response.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "A", address))

    return answer


def refuse(response: dns.message.Message) -> None:
    response.set_rcode(dns.rcode.REFUSED)


def main(address: str) -> None:
    threading.Thread(target=serve, args=(address, 5353, refuse), daemon=True).start()
    serve(address, 53, lie(address))


if __name__ == "__main__":
    main(sys.argv[1])
