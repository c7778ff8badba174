"""A network that wants everybody to sign in first: ``python -m tests.lab.peers.portal ADDRESS CERTIFICATE KEY``.

Plain HTTP at 8080 is led to the sign-in page, and TLS at 8443 shows the portal's own certificate.
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


def main(address: str, certificate: str, key: str) -> None:
    secure = ThreadingHTTPServer((address, 8443), Portal)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    ThreadingHTTPServer((address, 8080), Portal).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4])
