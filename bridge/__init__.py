"""What both machines must agree on, and nothing else.

The gateway (RPI4) imports :mod:`bridge.client`; the agent (RPI3) imports :mod:`bridge.server`.
The wire is specified in ``PROTOCOL.md``, its threats in ``THREAT_MODEL.md``.
"""
