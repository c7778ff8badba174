"""How a Drawbridge process reads its settings, tells the time, writes its log and talks to systemd.

The same on both machines, so that an operator learns it once.
"""
