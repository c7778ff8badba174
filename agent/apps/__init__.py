"""What people use the appliance for, one folder an app. Apps do not import each other."""

from __future__ import annotations

from pkgutil import iter_modules
from typing import Final

APPS: Final = tuple(sorted(module.name for module in iter_modules(__path__)))
"""Their names, which grants are given for."""
