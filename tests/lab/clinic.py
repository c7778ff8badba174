"""What the keep was for before us: a PostgreSQL with the clinic's records, and another program that uses it.

``python -m tests.lab.clinic`` is that program, run in the control machine's place on the LAN: it fills the tables, or
counts what is in them.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Final

import asyncpg

from demo.databases import fill_source
from tests.lab import network
from tests.lab.host import Host

PASSWORD: Final = "was-there-before-us"
_SET_UP: Final = f"""
set -e
cd /tmp
conf=$(ls -d /etc/postgresql/*/main)
echo "listen_addresses = '*'" > $conf/conf.d/clinic.conf
echo 'host clinic clinic {network.ROUTER}/24 scram-sha-256' >> $conf/pg_hba.conf
# Its owner has learnt what a power cut leaves: in a container, the same numbers of processes come again at each boot.
unit=/etc/systemd/system/postgresql@$(basename $(dirname $conf))-main.service.d
mkdir -p $unit
printf '[Service]\\nExecStartPre=/bin/rm -f /var/lib/postgresql/%%I/postmaster.pid\\n' >$unit/lock.conf
systemctl daemon-reload
systemctl restart postgresql
systemctl start postgresql@$(basename $(dirname $conf))-main
runuser -u postgres -- psql -q <<EOF
CREATE ROLE clinic LOGIN PASSWORD '{PASSWORD}';
CREATE DATABASE clinic OWNER clinic;
EOF
"""


def move_in(keep: Host) -> None:
    """Set the clinic's database up on a bare keep, as whoever ran it did before."""
    keep.sudo(_SET_UP)
    ask(keep, "fill")


def ask(keep: Host, what: str) -> str:
    """Let the clinic's own program ``fill`` or ``count`` the records. Raises LabError where it is not let in."""
    return network.inside(network.ADM, sys.executable, "-m", "tests.lab.clinic", keep.address, what).strip()


async def main(address: str, what: str) -> None:
    connection = await asyncpg.connect(f"postgresql://clinic:{PASSWORD}@{address}/clinic", timeout=5)
    try:
        if what == "fill":
            async with connection.transaction():
                await fill_source(connection, datetime.now(UTC))
        count = await connection.fetchval("SELECT count(*) FROM symptom_log")
        sys.stdout.write(f"{count}\n")
    finally:
        await connection.close(timeout=5)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
