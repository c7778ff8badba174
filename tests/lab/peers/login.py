"""A service to sign in through on the lab's Internet: npm's oidc-provider, which nobody here wrote.

``python -m tests.lab.peers.login ADDRESS CERTIFICATE KEY ISSUER CALLBACK`` serves until it is ended.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.oidc_provider import Served, serving

PORT: Final = 8444
LOGIN: Final = "anna"
EMAIL: Final = "anna@example.org"
PEOPLE: Final = {
    LOGIN: {"name": "Anna", "email": EMAIL, "email_verified": True},
    "stranger": {"name": "Nobody here", "email": "stranger@example.org", "email_verified": True},
}


def main(address: str, certificate: str, key: str, issuer: str, callback: str) -> None:
    what = Served(
        issuer=issuer, host=address, port=PORT, certificate=Path(certificate).read_text("utf-8"),
        key=Path(key).read_text("utf-8"), people=PEOPLE, callback=callback,
    )  # fmt: skip
    with serving(what) as process:
        process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
