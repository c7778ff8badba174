"""Symptom records from the existing database, for the person whose they are.

``mapping/`` turns a file that says where things are into one relation, ``source.py`` keeps it true, ``operations.py``
answers, ``component.py`` puts them together, and ``schema/`` has the owner's commands.
"""

from __future__ import annotations

from agent.apps.health.component import HealthApp
from agent.apps.health.operations import handlers
from agent.apps.health.source import Source

__all__ = ["HealthApp", "Source", "handlers"]
