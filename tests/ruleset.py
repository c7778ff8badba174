"""The firewall's ruleset, rendered as the playbook does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import jinja2

from tests.namespaces import PEER

ROLE: Final = Path(__file__).parents[1] / "ansible" / "roles" / "firewall"

_VARIABLES: Final[dict[str, Any]] = {
    "firewall_lan": ["10.77.0.0/24", "fd00:77::/64"],
    "firewall_peers": [PEER],
    "firewall_never_ban": ["10.77.0.0/24", "fd00:77::/64"],
    "firewall_connections_max": 40,
    "firewall_keep_open": [],
    "firewall_relay": False,
    "firewall_collector": {},
    "firewall_output": "open",
    "firewall_output_allow": [],
    "firewall_no_way_out": [],
}


def ruleset(side: str, **variables: object) -> str:
    """Return the ruleset of the door or the keep; ``variables`` are the role's, without ``firewall_``."""
    given = {f"firewall_{name}": value for name, value in variables.items()}
    assert given.keys() <= _VARIABLES.keys()
    # trim_blocks and keep_trailing_newline: what ansible.builtin.template does
    loader = jinja2.FileSystemLoader(ROLE / "templates")
    environment = jinja2.Environment(  # noqa: S701 - rules, no HTML
        loader=loader, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("edge.nft.j2").render(_VARIABLES | given, firewall_side=side)
