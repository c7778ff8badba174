"""The DDNS updater: this box's public names lead to its present addresses.

Three parts know nothing of each other: ``addresses`` finds out under which address the Internet reaches us,
``providers`` tells those who keep a name, and ``decisions``, which does no I/O, says when anything is sent at all.
``updater`` joins them, ``service`` keeps it running, ``commands`` is the owner's side of it.
"""
