"""A network that wants everybody to sign in first.

``python -m tests.lab.peers.portal ADDRESS CERTIFICATE KEY CERTIFICATE KEY``: plain HTTP at 8080 is led to the sign-in;
TLS at 8443 shows the first certificate, the portal's own, and at 8444 the second: the target's, which has ended.
"""

from __future__ import annotations

import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Portal(BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://portal.lab.test/sign-in")
        self.send_header("Content-Length", "0")
        self.end_headers()


def secure(address: str, port: int, certificate: str, key: str) -> None:
    """Serve over TLS, from a thread of its own."""
    server = ThreadingHTTPServer((address, port), Portal)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(address: str, *pairs: str) -> None:
    for port, certificate, key in zip((8443, 8444), pairs[::2], pairs[1::2], strict=True):
        secure(address, port, certificate, key)
    ThreadingHTTPServer((address, 8080), Portal).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
