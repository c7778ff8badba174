"""Suspicious clients: what counts against one, and for how long it is kept out. ``docs/protection.md``."""
