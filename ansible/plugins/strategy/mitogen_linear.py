"""Ansible's usual order of tasks, run by Mitogen: a Pi starts Python once for a whole run, not once for every task."""

from __future__ import annotations

from ansible_mitogen.loaders import strategy_loader
from ansible_mitogen.strategy import StrategyMixin


class StrategyModule(StrategyMixin, strategy_loader.get("linear", class_only=True)):  # type: ignore[misc]
    """Looked for by its name (``ansible.cfg``); Mitogen's own folder is at another place with every Python."""
