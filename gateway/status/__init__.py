"""The owner's view of it all: a page, the same in a terminal, and what both are made of.

``snapshots`` reads what the monitor and the DDNS updater write, ``judging`` says how things are, ``text`` and ``page``
show it. All but ``page``, ``live`` and ``admins`` need the standard library alone: ``python -m gateway status`` starts
at once.
"""
