from __future__ import annotations

import pytest

from agent.backup.errors import BackupError
from agent.backup.manifest import Manifest


@pytest.mark.parametrize("text", [b"{}", b"[]", b"no JSON"])
def test_manifest_of_another_program_is_refused(text: bytes) -> None:
    with pytest.raises(BackupError, match="newer Drawbridge"):
        Manifest.decode(text)
