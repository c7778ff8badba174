"""``python -m tests.lab …``: the lab by hand."""

from __future__ import annotations

import sys

from tests.lab.lab import Lab


def main() -> int:
    lab = Lab()
    command = sys.argv[1]
    if command == "up":
        lab.up()
    elif command == "down":
        lab.down()
    elif command == "provision":
        print(lab.provision(*sys.argv[2:]).output)
    elif command in lab.hosts:
        print(lab.hosts[command].ssh(sys.argv[2], check=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
