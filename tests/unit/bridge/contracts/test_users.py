"""What the JSON of an account's change may look like."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.contracts.users import ChangeProfile


@pytest.mark.parametrize("written", ["7", "7.0", "70e-1"])
def test_version_is_taken_when_it_is_a_whole_number_however_it_is_written(written: str) -> None:
    assert ChangeProfile.model_validate_json(f'{{"version": {written}}}', strict=True).version == 7


@pytest.mark.parametrize("written", ["0", "0.0", "7.5", "1e400", '"7"', "true", "[7]"])
def test_version_is_refused_when_it_is_no_whole_number_from_1_on(written: str) -> None:
    with pytest.raises(ValidationError):
        ChangeProfile.model_validate_json(f'{{"version": {written}}}', strict=True)
