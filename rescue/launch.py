#!/usr/bin/python3 -I
"""``/usr/local/sbin/drawbridge-rescue``: Debian's Python, nothing of the caller's environment, our package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rescue.__main__ import main

sys.exit(main())
