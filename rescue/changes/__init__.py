"""Changes of what could lock the owner out: the firewall's rules, sshd's settings. Confirmed, or undone by themselves.

::

    python3 -m rescue.changes apply firewall /etc/drawbridge/firewall.nft     # undone in 60 s
    python3 -m rescue.changes confirm firewall                                # over a new connection
    python3 -m rescue.changes undo firewall                                   # or at once
    python3 -m rescue.changes pending

``apply`` puts the candidate in the place of the file that is in use, checks and loads it. Before that it keeps the old
file, and has a timer of systemd's set that puts it back: one that needs neither this process nor its connection. What a
power cut leaves unconfirmed is put back at the next start (``undo --at-boot``), before the file is read: pulling the
plug is a way back in. ``confirm`` is refused over the connection that applied the change, since an open connection
proves nothing about the next one.
"""
