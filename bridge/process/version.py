"""Which release this is. The code is shipped as folders, so there is no package metadata to ask."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
