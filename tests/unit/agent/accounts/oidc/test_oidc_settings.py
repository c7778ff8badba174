"""What the settings of a provider must be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.settings import Oidc

WHOLE = {"issuer": "https://login.example.org/pool", "client_id": "drawbridge", "site": "https://home.example.org"}


def test_provider_is_taken_when_it_is_whole() -> None:
    assert Oidc.model_validate(WHOLE | {"servers": ["keys.example.org", "keys.example.org:8443"]}).algorithms
    assert Oidc().issuer == ""


@pytest.mark.parametrize(
    ("other", "place"),
    [
        ({"client_id": ""}, ()),
        ({"site": ""}, ()),
        ({"issuer": "http://login.example.org"}, ("issuer",)),
        ({"issuer": "https://login.example.org?a=b"}, ("issuer",)),
        ({"issuer": "https://login.example.org:70000"}, ()),
        ({"servers": ["keys.example.org:70000"]}, ()),
        ({"servers": ["https://keys.example.org"]}, ("servers",)),
        ({"algorithms": []}, ("algorithms",)),
        ({"algorithms": ["none"]}, ("algorithms",)),
        ({"algorithms": ["HS256"]}, ("algorithms",)),
        ({"site": "https://home.example.org/"}, ("site",)),
    ],
)
def test_provider_is_refused_when_it_could_not_work_or_not_safely(
    other: dict[str, object], place: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as invalid:
        Oidc.model_validate(WHOLE | other)
    assert {error["loc"][: len(place)] for error in invalid.value.errors()} == {place}
