"""Keeping ports of this host reachable through the router, by PCP, NAT-PMP or UPnP-IGD.

Read ``method.py`` (what each of the three gives), then ``pcp.py``, ``natpmp.py`` and ``upnp.py``, then ``keeper.py``
(which of them is used, and when a mapping is renewed). ``docs/ports.md`` is the owner's page.
"""
