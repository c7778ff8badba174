"""What must work when gateway, bridge and agent do not: rescue console, releases, bans, firewall.

The standard library alone, and nothing of ``gateway``, ``bridge`` or ``agent``: where these are asked for something,
they run as commands of their own. What looks like theirs here (a log line's keys, a clock) is repeated on purpose.
"""
